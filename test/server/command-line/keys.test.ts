/** Changing keys from the command line, and going on when one is lost. */
import t from 'tap'
import { judgeKeys } from '../../../server/command-line/key-standing.ts'
import { openVault } from '../../../server/connections/open-vault.ts'
import { insertPackets } from '../../../server/intake/inbox.ts'
import { packChanges } from '../../../server/intake/packet.ts'
import { bury } from '../../../server/leads/erasure.ts'
import { testApp } from '../../support/app.ts'
import { count } from '../../support/look.ts'
import { ENCRYPTION_KEYS, envOf, run } from './run.ts'

const NEW = `k2:${Buffer.alloc(32, 2).toString('base64')}`

t.test('a new key takes over, and the old one is said to be no longer needed', async (t) => {
  const it = await testApp(t, { launch: false })
  await insertPackets(it.db, [packChanges(it.vault.for('packet'), it.connectionId, [{}], Date.now())])
  await bury(it.db, it.vault.tombstones, it.workspaceId, [{ kind: 'lead_id', value: '8877665544332211' }], Date.now())
  const both = { ...envOf(it), ENCRYPTION_KEYS: `${NEW},${ENCRYPTION_KEYS}` }
  const [hash] = await it.db.selectFrom('tombstone').select('hmac').execute()

  t.match(JSON.parse((await run(['keys', 'list', '--json'], { env: both })).stdout), [
    { id: 'k2', standing: 'seals', secrets: 0 },
    { id: 'k1', standing: 'needed', secrets: 3, packets: 1 },
  ])
  t.match(await run(['doctor'], { env: both }), { stdout: /"k1" opens 3 secrets and 1 packets of changes; to be free of it: keys rotate/ })
  const rotated = await run(['keys', 'rotate'], { env: both })
  t.match(rotated, {
    code: 0,
    stdout: /3 secrets sealed anew\.\n1 packets sealed anew\.\n.*\nThe key "k1" is no longer needed/,
    stderr: '',
  })

  const only = { ...envOf(it), ENCRYPTION_KEYS: NEW }
  t.match(await run(['doctor', '--json'], { env: only }), { code: 0 })
  const vault = await openVault(it.db, [{ id: 'k2', key: Buffer.alloc(32, 2) }])
  t.ok(hash?.hmac.equals(vault.tombstones('lead_id:8877665544332211')), 'who was forgotten stays so without the old key')
  const without = await run(['keys', 'rotate'], { env: envOf(it) })
  t.match(without, { code: 1, stderr: /"k2", which is not configured/ })
})

t.test('with a lost key nothing runs, until what it sealed is given up', async (t) => {
  const it = await testApp(t, { launch: false })
  await it.addTenant({ portal: 4004004, dataset: '700000000000002', token: 'EAAtesttoken0000000000000000000002' })
  const long = Date.now() - 3_600_000
  await insertPackets(it.db, [packChanges(it.vault.for('packet'), it.connectionId, [{}], long)])
  await bury(it.db, it.vault.tombstones, it.workspaceId, [{ kind: 'lead_id', value: '8877665544332211' }], Date.now())
  await it.db
    .insertInto('cursor')
    .values({ connection_id: it.connectionId, channel: 'history', position: null, covered_until: new Date() })
    .execute()
  const sameId = { ...envOf(it), ENCRYPTION_KEYS: NEW.replace('k2', 'k1') }
  t.match(await run(['workspace', 'list'], { env: sameId }), { code: 1, stderr: /give the new one an id of its own/ })
  const env = { ...envOf(it), ENCRYPTION_KEYS: NEW }
  t.match(await run(['workspace', 'list'], { env }), { code: 1, stderr: /needs the encryption key "k1"/ })
  t.match(await run(['doctor', '--json'], { env }), { code: 1, stdout: /"k1\\", which is not configured/ })
  t.match(JSON.parse((await run(['keys', 'list', '--json'], { env })).stdout), [{ id: 'k2' }, { id: 'k1', standing: 'missing' }])
  t.match(await run(['keys', 'give-up'], { env }), {
    code: 1,
    stderr: /connections \(1, 2\) and datasets \(1, 2\).*1 packets.*repeat the command with --yes/,
  })
  t.equal(await count(it.db, 'packet'), 1)

  t.match(await run(['keys', 'give-up', '--yes'], { env }), { code: 0, stdout: /^Lost:/ })
  t.match(await run(['workspace', 'list'], { env }), { code: 0 })
  t.match(await run(['connection', 'list'], { env }), { stdout: /disconnected/ })
  t.equal(await count(it.db, 'packet'), 0)
  t.equal(await count(it.db, 'tombstone'), 0)
  const [cursor] = await it.db.selectFrom('cursor').select('covered_until').execute()
  t.equal(cursor?.covered_until?.getTime(), long, 'the history is read again from where changes were lost')
  const notices = await it.db.selectFrom('notice').select('code').orderBy('code').execute()
  t.same(
    notices.map(({ code }) => code),
    ['reconnect', 'reconnect', 'tombstones_lost', 'tombstones_lost'],
  )
  const trail = await it.db.selectFrom('audit').select(['workspace_id', 'action', 'detail']).orderBy('id').execute()
  t.match(trail, [
    { workspace_id: 1, action: 'connection.attention' },
    { workspace_id: 2, action: 'connection.attention' },
    { workspace_id: 1, action: 'keys.give_up', detail: { connections: [1], datasets: [1] } },
    { workspace_id: 2, action: 'keys.give_up', detail: { connections: [2], datasets: [2] } },
  ])
})

t.test('keys beside what is sealed under them', async (t) => {
  const used = { secrets: 1, packets: 0, samples: 0, consents: 0 }
  const judged = judgeKeys(
    [
      { id: 'old', ...used },
      { id: 'gone', ...used },
      { id: null, ...used },
    ],
    ['new', 'old', 'spare'],
  )
  t.same(
    judged.map(({ id, standing }) => `${id} ${standing}`),
    ['new seals', 'old needed', 'spare not needed', 'gone missing'],
  )
})
