import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { openNotice } from '../../../server/connections/notices.ts'
import { openDatabase } from '../../../server/database/pool.ts'
import { createLog } from '../../../server/log.ts'
import { testDatabaseUrl } from '../../support/database.ts'
import { FROM, startMailServer } from '../operations/notices/set-up.ts'
import { envOf, run } from './run.ts'

async function setUp(t: Test, env: Record<string, string> = {}) {
  const databaseUrl = await testDatabaseUrl(t)
  const db = openDatabase({ url: databaseUrl, log: createLog({ level: 'silent' }) })
  t.teardown(() => db.destroy())
  const leadstage = (...args: string[]) => run(args, { env: { ...envOf({ databaseUrl }), ...env } })
  const say = (input: string, ...args: string[]) => run(args, { env: { ...envOf({ databaseUrl }), ...env }, input })
  await leadstage('workspace', 'add', 'Acme')
  return { db, leadstage, say }
}

t.test('recipients are added, listed, tried and removed', async (t) => {
  const mailServer = await startMailServer(t)
  const { leadstage } = await setUp(t, { SMTP_URL: mailServer.url, MAIL_FROM: FROM })
  const added = await leadstage('notice', 'recipients', 'add', 'ana@example.com', '--workspace', 'Acme')
  t.match(added, { code: 0, stderr: '', stdout: /^Recipient 1 is told of the notices of Acme .*\nNext: notice test 1\n$/ })
  t.match(await leadstage('notice', 'test', '1'), { code: 0, stdout: /took a mail for ana@example\.com/ })
  t.match(mailServer.mails, [{ to: ['ana@example.com'], subject: 'Acme: notices arrive here', text: /^This is a test\./ }])
  mailServer.refuse(550)
  t.match(await leadstage('notice', 'test', '1'), { code: 1, stderr: /does not take mail for this address/ })

  t.match(await leadstage('notice', 'recipients', 'list'), { stdout: /1 +Acme +email +ana@example\.com +yes/ })
  t.match(await leadstage('notice', 'recipients', 'remove', '1'), { code: 0 })
  t.match(await leadstage('notice', 'recipients', 'list'), { stdout: /Nobody is told/ })
})

t.test('the URL of a webhook is read from standard input, and never shown', async (t) => {
  const { leadstage, say } = await setUp(t)
  const url = 'https://hooks.example.com/services/canary-4711\n'
  const added = await say(url, 'notice', 'recipients', 'add', 'webhook', '--workspace', 'Acme', '--no-digest')
  t.match(added, { code: 0, stdout: /^Recipient 1 .*\nSecret: {2}[\w-]{43}\nIt signs what is sent, and is not shown again\.\n/ })
  const listed = await leadstage('notice', 'recipients', 'list', '--json')
  t.match(JSON.parse(listed.stdout), [{ kind: 'webhook', address: 'https://hooks.example.com', digest: false }])
  t.notMatch(added.stdout + listed.stdout, 'canary')
})

t.test('notices are listed, open ones or all', async (t) => {
  const { leadstage, db } = await setUp(t)
  t.match(await leadstage('notice', 'list'), { code: 0, stdout: 'There is nothing to know.\n' })
  await openNotice(db, { workspaceId: 1, subject: 'dataset:1', code: 'reconnect', text: 'Enter a new token.' })
  await openNotice(db, { workspaceId: 1, subject: 'dataset:2', code: 'reconnect', text: 'Long over.' })
  await sql`update notice set closed_at = now() where subject = 'dataset:2'`.execute(db)
  const open = await leadstage('notice', 'list', '--workspace', 'Acme')
  t.match(open.stdout, /Acme +Dataset 1 +Enter a new token\./)
  t.notMatch(open.stdout, 'Long over')
  t.match((await leadstage('notice', 'list', '--all')).stdout, /Enter a new token\.\n.*Long over\./)
})

t.test('the digest has a day, an hour and a time zone, and can be switched off', async (t) => {
  const { leadstage } = await setUp(t)
  const set = await leadstage('notice', 'digest', 'Acme', '--day', 'Friday', '--hour', '17', '--time-zone', 'Europe/Berlin')
  t.match(set, { code: 0, stdout: /every friday at 17:00 \(Europe\/Berlin\)/ })
  t.match(await leadstage('notice', 'digest', 'Acme', '--off'), { stdout: /No digest is sent\..*Europe\/Berlin/ })
  t.match(await leadstage('notice', 'digest', 'Acme', '--day', 'payday'), { code: 2, stderr: /one of monday/ })
})

t.test('the doctor tells whom no mail reaches', async (t) => {
  const { leadstage, db } = await setUp(t)
  const doctor = async () => JSON.parse((await leadstage('doctor', '--json')).stdout) as { name: string; status: string; text: string }[]
  t.match(
    (await doctor()).find(({ name }) => name === 'notices'),
    { status: 'ok', text: /nobody is told/ },
  )
  t.match(await leadstage('notice', 'recipients', 'add', 'ana@example.com', '--workspace', 'Acme'), {
    stderr: '',
    stdout: /sends no mail yet/,
  })
  await sql`insert into message (recipient_id, kind, content, attempts, outcome, last_error, settled_at)
    values (1, 'notices', '{}', 28, 'given_up', 'The mail server did not take the mail (ESOCKET).', now())`.execute(db)
  const found = await doctor()
  t.match(
    found.find(({ name }) => name === 'notices'),
    { status: 'problem', text: /SMTP_URL/ },
  )
  t.match(
    found.find(({ name }) => name === 'recipient 1'),
    { status: 'problem', text: /given up .*ESOCKET.* notice test 1/ },
  )
})
