import { sql } from 'kysely'
import t from 'tap'
import { createVault } from '../../../server/connections/vault.ts'
import { setDigest } from '../../../server/settings/notices.ts'
import { addRecipient, listRecipients, removeRecipient, testRecipient } from '../../../server/settings/recipients.ts'
import { createWorkspace } from '../../../server/settings/workspaces.ts'
import { testDatabase } from '../../support/database.ts'

const vault = createVault([{ id: 'k1', key: Buffer.alloc(32, 1) }])

t.test('an address is added once for a workspace, and only one that is an address', async (t) => {
  const caller = { db: await testDatabase(t), actor: 'test' }
  await createWorkspace(caller, 'Acme')
  await createWorkspace(caller, 'Other')
  const add = (email: string, workspace = 'Acme') => addRecipient(caller, { workspace, to: { email } }, { vault })
  t.match(await add('ana@example.com'), { id: 1, kind: 'email', secret: undefined })
  await t.rejects(add('ANA@example.com'), { code: 'recipient_exists' })
  t.match(await add('ana@example.com', 'Other'), { kind: 'email' })
  for (const wrong of [
    'ana',
    '',
    'ana@',
    'Ana <ana@example.com>',
    'ana@example.com, ben@example.com',
    'ana@example.com\r\nBcc: x@example.com',
  ])
    await t.rejects(add(wrong), { code: 'invalid_input', userText: /is not an e-mail address/ }, wrong)
  await t.rejects(add('ana@example.com', 'None'), { code: 'workspace_unknown' })
})

t.test('a workspace has a bounded number of recipients: each may take its time, and all wait for the same sender', async (t) => {
  const caller = { db: await testDatabase(t), actor: 'test' }
  await createWorkspace(caller, 'Acme')
  await createWorkspace(caller, 'Other')
  const add = (name: string, workspace = 'Acme') => addRecipient(caller, { workspace, to: { email: `${name}@example.com` } }, { vault })
  for (let count = 1; count <= 50; count++) await add(`a${count}`)
  await t.rejects(add('one-more'), { code: 'too_many_recipients' })
  t.equal((await listRecipients(caller)).length, 50)
  t.match(await add('ana', 'Other'), { kind: 'email' })
  await removeRecipient(caller, 1)
  t.match(await add('one-more'), { kind: 'email' })
})

t.test('a webhook needs https and an address on the open internet, and is sealed', async (t) => {
  const db = await testDatabase(t)
  const caller = { db, actor: 'test' }
  await createWorkspace(caller, 'Acme')
  const add = (url: string) => addRecipient(caller, { workspace: 'Acme', to: { url } }, { vault })
  for (const [url, code] of [
    ['http://hooks.example.com/x', 'invalid_input'],
    ['https://me:pw@hooks.example.com/x', 'invalid_input'],
    ['https://hooks.example.com/x#y', 'invalid_input'],
    ['hooks', 'invalid_input'],
    ['file:///etc/passwd', 'invalid_input'],
    ['https://127.0.0.1/x', 'webhook_private'],
    ['https://[::1]/x', 'webhook_private'],
    ['https://3232235777/x', 'webhook_private'],
    ['https://169.254.169.254/latest', 'webhook_private'],
  ] as const)
    await t.rejects(add(url), { code }, url)
  t.match(await add('https://hooks.example.com/canary-4711?key=canary'), { id: 1, kind: 'webhook', secret: /^[\w-]{43}$/ })
  t.match(await listRecipients(caller), [{ id: 1, address: 'https://hooks.example.com', digest: true, lastSentAt: null, problem: null }])
  const { rows } = await sql<{ row: string }>`select r::text || a::text as row from recipient r, audit a`.execute(db)
  t.notMatch(JSON.stringify(rows), /canary/)
  const secrets = () => db.selectFrom('secret').select('purpose').where('owner', '=', 'recipient:1').orderBy('purpose').execute()
  t.strictSame(
    (await secrets()).map(({ purpose }) => purpose),
    ['signing', 'url'],
  )
  await removeRecipient(caller, 1)
  t.strictSame(await secrets(), [])
  t.strictSame(await listRecipients(caller), [])
})

t.test('nobody sees or changes the recipients of another workspace', async (t) => {
  const db = await testDatabase(t)
  const operator = { db, actor: 'operator' }
  const acme = await createWorkspace(operator, 'Acme')
  const other = await createWorkspace(operator, 'Other')
  const { id } = await addRecipient(operator, { workspace: acme.id, to: { email: 'ana@example.com' } }, { vault })
  const stranger = { db, actor: 'somebody', workspaceId: other.id }
  t.strictSame(await listRecipients(stranger), [])
  await t.rejects(listRecipients(stranger, { workspace: acme.id }), { code: 'workspace_unknown' })
  await t.rejects(removeRecipient(stranger, id), { code: 'recipient_unknown' })
  const poster = { post: () => Promise.reject(new Error('nothing is to be sent')) }
  await t.rejects(testRecipient(stranger, id, { vault, poster }), { code: 'recipient_unknown' })
  await t.rejects(addRecipient(stranger, { workspace: acme.id, to: { email: 'x@example.com' } }, { vault }), { code: 'workspace_unknown' })
  await t.rejects(setDigest(stranger, acme.id, { hour: 1 }), { code: 'workspace_unknown' })
  t.equal((await listRecipients(operator)).length, 1)
})
