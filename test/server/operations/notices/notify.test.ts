import { createHmac } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import { needAttention } from '../../../../server/connections/states.ts'
import { forgetMessages, notify } from '../../../../server/operations/notices/notify.ts'
import { createMailer } from '../../../../server/operations/notices/send-mail.ts'
import { pauseAfter } from '../../../../server/operations/notices/send-messages.ts'
import { removeRecipient } from '../../../../server/settings/recipients.ts'
import { createWorkspace } from '../../../../server/settings/workspaces.ts'
import { testApp, until } from '../../../support/app.ts'
import { report } from '../../delivery/sharing.ts'
import { FROM, setUp, startMailServer } from './set-up.ts'

t.test('a notice becomes one mail with its own words, for everybody who is to be told, and no second one', async (t) => {
  const it = await setUp(t)
  await it.addMail('ana@example.com')
  await it.addMail('ben@example.com')
  await it.open('connection:7', 'reconnect', 'The CRM has withdrawn the permission. Connect the account <again> & soon.')
  await it.notify()
  await it.notify()
  t.strictSame(it.mails.map(({ to }) => to).sort(), [['ana@example.com'], ['ben@example.com']])
  const [mail] = it.mails
  t.equal(mail?.subject, 'Acme: The CRM has withdrawn the permission')
  t.match(mail?.headers, /^From: Leadstage <leadstage@example\.com>/m)
  t.match(mail?.headers, /^Message-ID: <leadstage-\d+-\d+-\d+@example\.com>/m)
  t.match(mail?.headers, /^Auto-Submitted: auto-generated/m)
  t.match(
    mail?.text,
    /^Connection 7, \d+ \w+ \d{4}, \d\d:\d\d UTC\nThe CRM has withdrawn the permission\. Connect the account <again> & soon\.\n/,
  )
  t.match(mail?.text, /told of notices of the workspace "Acme"[\s\S]*leadstage notice recipients remove \d/)
  t.match(mail?.html, 'Connect the account &#60;again&#62; &#38; soon.')
})

t.test('what comes up within a minute goes in one mail, and not before the minute is over', async (t) => {
  const it = await setUp(t)
  await it.addMail('ana@example.com')
  await it.open('connection:7', 'reconnect', 'Connect it again.', 0)
  await it.notify()
  t.equal(it.mails.length, 0)
  await it.open('connection:7', 'reconnect', 'Connect it again.', 1)
  await it.open('dataset:3', 'permission', 'The token may not send.', 0)
  await it.notify()
  t.equal(it.mails.length, 1)
  t.equal(it.mails[0]?.subject, 'Acme: Connect it again (and 1 more)')
  t.match(it.mails[0]?.text, /Connection 7[\s\S]*Connect it again\.[\s\S]*Dataset 3[\s\S]*The token may not send\./)
})

t.test('who is added later hears of what is open, and nobody of another workspace’s notices', async (t) => {
  const it = await setUp(t)
  const other = await createWorkspace(it.caller, 'Other')
  await it.open('connection:7', 'reconnect', 'Connect it again.', 600)
  await it.open('connection:8', 'reconnect', 'Long over.', 600)
  await it.close('connection:8', 'reconnect')
  await sql`insert into notice (workspace_id, subject, code, text, opened_at)
    values (${other.id}, 'connection:9', 'reconnect', 'Of somebody else.', now() - interval '1 hour')`.execute(it.db)
  await it.addMail('ana@example.com')
  await it.notify()
  t.equal(it.mails.length, 1)
  t.match(it.mails[0]?.text, 'Connect it again.')
  t.notMatch(it.mails[0]?.text, /Long over|Of somebody else/)
})

t.test('what is over is told once, when it has been over for ten minutes', async (t) => {
  const it = await setUp(t)
  await it.addMail('ana@example.com')
  await it.open('connection:7', 'reconnect', 'Connect it again.')
  await it.notify()
  await it.close('connection:7', 'reconnect', 5)
  await it.notify()
  t.equal(it.mails.length, 1)
  await sql`update notice set closed_at = closed_at - interval '6 minutes'`.execute(it.db)
  await it.notify()
  await it.notify()
  t.equal(it.mails.length, 2)
  t.equal(it.mails[1]?.subject, 'Acme: no longer open: Connection 7')
  t.match(it.mails[1]?.text, /^No longer open\nConnection 7, until .*: Connect it again\./)
})

t.test('what opens and closes again and again is told every six hours at most', async (t) => {
  const it = await setUp(t)
  await it.addMail('ana@example.com')
  const flap = async (times: number) => {
    for (let n = 0; n < times; n++) {
      await it.open('connection:7', 'poll', 'The CRM cannot be asked.')
      await it.notify()
      await it.close('connection:7', 'poll', 0)
      await it.notify()
    }
  }
  await flap(5)
  t.equal(it.mails.length, 1, 'it was never over for long')

  await sql`update notice set closed_at = now() - interval '20 minutes'`.execute(it.db)
  await it.notify()
  t.equal(it.mails.length, 2, 'now it is over')
  await flap(3)
  await it.open('connection:7', 'poll', 'The CRM cannot be asked.')
  await it.notify()
  t.equal(it.mails.length, 2, 'opened again within six hours')
  await it.open('connection:8', 'poll', 'Another one cannot be asked.')
  await it.notify()
  t.equal(it.mails.length, 3, 'which keeps nothing else back')
  await it.later(6)
  await it.notify()
  t.equal(it.mails.length, 4)
  t.match(it.mails[3]?.text, /^Connection 7/)
})

t.test('a webhook gets the same as JSON, signed', async (t) => {
  const it = await setUp(t)
  const { secret } = await it.addHook()
  await it.open('connection:7', 'reconnect', 'Connect it again.')
  await it.notify()
  t.equal(it.posts.length, 1)
  const [post] = it.posts
  const body = JSON.parse(post?.body.toString() ?? '')
  t.match(body, {
    id: /^\d+$/,
    type: 'notices',
    workspace: { id: it.workspaceId, name: 'Acme' },
    opened: [{ subject: 'connection:7', code: 'reconnect', about: 'Connection 7', text: 'Connect it again.', at: /^\d{4}-.*Z$/ }],
    over: [],
  })
  t.equal(post?.headers['x-message-id'], body.id)
  const [, seconds, given] = /^t=(\d+),v1=([\da-f]{64})$/.exec(String(post?.headers['x-signature'])) ?? []
  t.equal(
    given,
    createHmac('sha256', secret ?? '')
      .update(`${seconds}.${post?.body}`)
      .digest('hex'),
  )
  t.ok(Math.abs(Number(seconds) - Date.now() / 1000) < 30)
})

t.test('what cannot be sent is tried again for a day, later and later, and holds up nobody else', async (t) => {
  const it = await setUp(t)
  await it.addHook()
  it.receiver.misbehaviours.add({ how: 'answer', status: 500, times: 2 })
  it.receiver.misbehaviours.add({ how: 'drop', times: 1 })
  await it.addMail('ana@example.com')
  await it.open('connection:7', 'reconnect', 'Connect it again.')
  await it.notify()
  t.equal(it.mails.length, 1)
  t.match(await it.messages(), [{ outcome: null, attempts: 1, last_error: 'The webhook answered with HTTP 500.' }, { outcome: 'sent' }])
  const pause = (await it.messages())[0]?.pause ?? 0
  t.ok(pause > 50 && pause < 70, `${pause}`)
  await it.notify()
  t.match(await it.messages(), [{ attempts: 1 }, {}], 'not before its time')
  await it.hurry()
  await it.notify()
  await it.hurry()
  await it.notify()
  t.match(await it.messages(), [{ outcome: null, attempts: 3, last_error: /could not be reached/ }, {}])
  await it.hurry()
  await it.notify()
  t.match(await it.messages(), [
    { outcome: 'sent', attempts: 4, last_error: null },
    { outcome: 'sent', attempts: 1 },
  ])
  t.equal(it.posts.length, 1)

  it.receiver.misbehaviours.add({ how: 'answer', status: 302, headers: { location: `${it.receiver.url}/elsewhere` }, times: 2 })
  await it.open('connection:8', 'reconnect', 'Connect it again.')
  await it.notify()
  await sql`update message set created_at = now() - interval '1 day', not_before = now() where settled_at is null`.execute(it.db)
  await it.notify()
  t.match((await it.messages()).slice(2), [{ outcome: 'given_up', last_error: 'The webhook answered with HTTP 302.' }, { outcome: 'sent' }])
  t.equal(it.posts.length, 1, 'no redirect is followed')
  for (const [tries, minutes] of [
    [1, 1],
    [2, 2],
    [5, 16],
    [7, 60],
    [40, 60],
  ] as const)
    t.equal(
      pauseAfter(tries, () => 0.5),
      minutes * 60_000,
    )
})

t.test('of a webhook’s answer only the status counts', async (t) => {
  const it = await setUp(t)
  await it.addHook()
  it.receiver.misbehaviours.add({ how: 'answer', status: 200, text: 'x'.repeat(1_000_000) })
  await it.open('connection:7', 'reconnect', 'Connect it again.')
  await it.notify()
  it.receiver.misbehaviours.add({ how: 'cut' })
  await it.open('connection:8', 'reconnect', 'Connect it again.')
  await it.notify()
  t.match(await it.messages(), [{ outcome: 'sent' }, {}])
})

t.test('an address that the mail server refuses for good, and a webhook that is gone, are given up at once', async (t) => {
  const it = await setUp(t)
  await it.addMail('nobody@example.com')
  await it.addHook()
  it.mailServer.refuse(450)
  it.receiver.misbehaviours.add({ how: 'answer', status: 410 })
  await it.open('connection:7', 'reconnect', 'Connect it again.')
  await it.notify()
  t.match(await it.messages(), [
    { outcome: null, last_error: 'The mail server did not take the mail (EENVELOPE 450).' },
    { outcome: 'given_up', last_error: 'The webhook says that it is gone (HTTP 410).' },
  ])
  it.mailServer.refuse(550)
  await it.hurry()
  await it.notify()
  t.match(await it.messages(), [{ outcome: 'given_up', last_error: /does not take mail for this address \(EENVELOPE 550\)/ }, {}])
  await it.mailServer.stop()
  await it.open('connection:8', 'reconnect', 'Connect it again.')
  await it.notify()
  t.match((await it.messages()).slice(2), [{ outcome: null, last_error: /did not take the mail/ }])
})

t.test('a mail server that is not this machine has to encrypt', async (t) => {
  const { url, mails } = await startMailServer(t)
  const mailer = createMailer({ url: url.replace('127.0.0.1', '0.0.0.0'), from: FROM, timeoutMs: 2_000 })
  t.teardown(() => mailer.close())
  const mail = { subject: 'canary', text: 'canary', html: 'canary' }
  await t.rejects(mailer.send('ana@example.com', '1', mail), { code: 'mail_failed', userText: /ETLS/ })
  t.equal(mails.length, 0)
})

t.test('two processes at once send everything once', async (t) => {
  const it = await setUp(t)
  for (let n = 0; n < 25; n++) await it.addMail(`person-${n}@example.com`)
  await it.open('connection:7', 'reconnect', 'Connect it again.')
  await Promise.all([it.notify(), it.notify(), it.notify()])
  await it.notify()
  t.equal(it.mails.length, 25)
  t.equal(new Set(it.mails.map(({ to }) => to[0])).size, 25)
})

t.test('no secret and no contact data gets into a message, a log or the database in the clear', async (t) => {
  const it = await setUp(t)
  const { secret = '' } = await it.addHook()
  const { id } = await it.addMail('ana@example.com')
  await it.open(
    'dataset:3',
    'unknown_error',
    'Meta refuses events: canary@example.com with EAAcanarytoken0000000000000 via https://user:canarypw@example.com/?access_token=canary1',
  )
  it.mailServer.refuse(550)
  await it.notify()
  it.mailServer.refuse()
  await it.open('dataset:4', 'unknown_error', 'Again canary@example.com')
  await it.notify()
  const said = [...it.mails.map(({ text, html, subject }) => subject + text + html), ...it.posts.map(({ body }) => body.toString())]
  t.equal(said.length, 3)
  for (const text of said) t.notMatch(text, /canary/)
  for (const canary of ['ana@example.com', secret, 'secret-of-the-url', 'canary']) t.notOk(it.lines.join('').includes(canary), canary)
  const { rows } = await sql<{ row: string }>`
    select r::text as row from recipient r union all select m::text from message m union all select s::text from secret s union all
    select a::text from audit a`.execute(it.db)
  const stored = rows.map(({ row }) => row).join('\n')
  for (const canary of [secret, 'secret-of-the-url', 'canary']) t.notOk(stored.includes(canary), canary)
  t.equal(stored.split('ana@example.com').length - 1, 1, 'the address only where it is set')

  await removeRecipient(it.caller, id)
  await it.open('dataset:5', 'reconnect', 'Connect it again.')
  await it.notify()
  t.equal(it.mails.length, 1, 'who was removed is told no longer')
})

t.test('without a mail server mails wait for one, and what went is forgotten after a month', async (t) => {
  const it = await setUp(t)
  await it.addMail('ana@example.com')
  await it.open('connection:7', 'reconnect', 'Connect it again.')
  const poster = { post: async () => undefined }
  await notify({ db: it.db, vault: it.vault, poster, log: it.log }, new AbortController().signal)
  t.match(await it.messages(), [{ outcome: null, last_error: 'This server sends no mail: SMTP_URL is not set.' }])
  await it.hurry()
  await it.notify()
  t.equal(it.mails.length, 1)
  await forgetMessages(it.db)
  t.equal((await it.messages()).length, 1)
  await sql`update message set settled_at = now() - interval '31 days'`.execute(it.db)
  await forgetMessages(it.db)
  t.equal((await it.messages()).length, 0)
})

t.test('the running server tells by itself what needs somebody, by the names of people', async (t) => {
  const mailServer = await startMailServer(t)
  const it = await testApp(t, { env: { SMTP_URL: mailServer.url, MAIL_FROM: FROM } })
  it.meta.misbehave({ how: 'answer', status: 400, json: { error: { message: 'no', code: 190 } }, path: '/events$' })
  await report(it, 1)
  await until(async () => (await it.db.selectFrom('notice').select('id').execute()).length === 1)
  await needAttention(it.db, it.connectionId, 'reconnect', 'HubSpot has withdrawn the permission. Connect the account again.')
  await sql`insert into recipient (workspace_id, kind, address) values (${it.workspaceId}, 'email', 'ana@example.com')`.execute(it.db)
  await sql`update notice set opened_at = now() - interval '1 minute'`.execute(it.db)
  await it.restart()
  await until(() => mailServer.mails.length === 1)
  t.match(mailServer.mails[0]?.text, /HubSpot connection 1,[\s\S]*HubSpot has withdrawn/)
  t.match(mailServer.mails[0]?.text, /Dataset 700000000000001,[\s\S]*access token/)
})
