/** Promise 13: no token, secret or contact data is ever written where it can be read, be it logs, tables, metrics or mails. */
import { sql } from 'kysely'
import t from 'tap'
import { request } from 'undici'
import { sha256 } from '../../mappings/hash.ts'
import { openNotice } from '../../server/connections/notices.ts'
import { createLog } from '../../server/log.ts'
import { FROM, startMailServer } from '../server/operations/notices/set-up.ts'
import { demoApp } from '../simulators/hubspot/start-hubspot.ts'
import { PORTAL, TOKEN, testApp, until } from '../support/app.ts'
import { startGateway } from '../support/gateway.ts'
import { findTraces, hurry } from '../support/look.ts'
import { sharedRedis } from '../support/mode.ts'
import { post, stageEvent } from '../support/post-webhook.ts'
import { findRedisTraces } from '../support/redis.ts'

const person = { email: 'canary@example.com', phone: '+491701234567', firstname: 'Canarina', lastname: 'Birdsson', city: 'Nestville' }
const LEAD_ID = '8877665544332211'
const METRICS_TOKEN = 'canary-metrics-token'

t.test('through all kinds of trouble', async (t) => {
  const lines: string[] = []
  let refused = '-'
  const mailServer = await startMailServer(t)
  const it = await testApp(t, {
    env: { METRICS_TOKEN, SMTP_URL: mailServer.url, MAIL_FROM: FROM },
    log: createLog({ level: 'trace', to: { write: (line) => lines.push(line) } }),
    before: {
      // An answer that repeats what it should not.
      hubspot: (url) =>
        startGateway(t, url, ({ path, body }) =>
          path.includes('batch/read') && body.includes(refused)
            ? {
                status: 400,
                json: {
                  status: 'error',
                  message: `${person.email} cannot be read`,
                  category: 'VALIDATION_ERROR',
                  errors: [{ message: person.phone }],
                },
              }
            : undefined,
        ),
    },
  })
  const create = (meta_lead_id: string, portal: Record<string, unknown> = {}) =>
    it.hubspot.create({ ...portal, type: 'contact', properties: { ...person, lifecyclestage: 'lead', meta_lead_id } }).id
  create(LEAD_ID)
  await it.settled()

  it.meta.misbehave({
    how: 'answer',
    status: 400,
    json: {
      error: {
        message: `Malformed access token ${TOKEN}`,
        code: 100,
        error_user_msg: `The token ${TOKEN} is no good`,
        is_transient: false,
      },
    },
    path: '/events$',
  })
  const { id } = it.hubspot.create({ type: 'contact', properties: { ...person, lifecyclestage: 'lead', meta_lead_id: '8877665544332212' } })
  await it.settled()
  it.meta.misbehave({ how: 'drop', path: '/events$' })
  it.hubspot.change({ type: 'contact', id, properties: { lifecyclestage: 'customer' } })
  await until(async () => {
    await hurry(it.db)
    return (await it.db.selectFrom('outbox').select('event_id').executeTakeFirst()) === undefined
  })

  for (const trouble of [{ status: 500 }, { status: 401 }, { status: 423 }]) it.hubspot.fail({ ...trouble, path: '/contacts/batch/read' })
  const withheld = create('8877665544332213')
  refused = `"${withheld}"`
  await it.hubspot.idle()
  await post(it.url, [stageEvent(id, 'canary\u0000stage'), stageEvent(id, 'x', { propertyName: 'email', propertyValue: person.email })])
  await post(it.url, JSON.stringify([person]), { secret: 'wrong-secret' })
  await post(it.url, `[${person.email}`)
  it.hubspot.fail({ status: 400, path: '/oauth/' })
  it.hubspot.expireTokens({})
  await until(async () => {
    await hurry(it.db)
    return lines.some((line) => line.includes('set aside')) && lines.some((line) => line.includes('cannot be handled'))
  })
  const said = `${person.email}, ${person.phone}, ${sha256(person.email)} and ${TOKEN}`
  await openNotice(it.db, {
    workspaceId: it.workspaceId,
    subject: `dataset:${it.datasetId}`,
    code: 'unknown_error',
    text: `Meta says: ${said}`,
  })
  await sql`insert into recipient (workspace_id, kind, address) values (${it.workspaceId}, 'email', 'ana@example.com')`.execute(it.db)
  await sql`update notice set opened_at = now() - interval '1 minute'`.execute(it.db)
  await sql`
    insert into digest (workspace_id, weekday, hour, told_until)
    values (${it.workspaceId}, extract(isodow from now()), extract(hour from now()), now() - interval '7 days')
    on conflict (workspace_id) do update set weekday = excluded.weekday, hour = excluded.hour, told_until = excluded.told_until`.execute(
    it.db,
  )
  const scrape = await request(`${it.url}/metrics`, { headers: { authorization: `Bearer ${METRICS_TOKEN}` } })
  const metrics = await scrape.body.text()
  await it.restart()
  await until(() => mailServer.mails.length >= 2 && mailServer.mails.some(({ subject }) => subject.includes('events sent this week')))
  await it.db.deleteFrom('notice').where('code', '=', 'unknown_error').execute()

  const text = lines.join('\n')
  t.ok(lines.length > 10, `${lines.length} lines of log`)
  const hashes = [...Object.values(person), '491701234567'].map((value) => sha256(value.toLowerCase()))
  const grants = it.hubspot.accessToken({ refreshToken: `test-refresh-token-${PORTAL}` }).accessToken
  const secrets = [METRICS_TOKEN, TOKEN, demoApp.clientSecret, `test-refresh-token-${PORTAL}`, grants, 'wrong-secret']
  for (const canary of [...Object.values(person), '491701234567', ...hashes, ...secrets])
    t.notOk(text.includes(canary), `the log holds ${canary}`)
  const mails = mailServer.mails.map((mail) => mail.subject + mail.text + mail.html).join()
  t.match(metrics, /^leadstage_ledger_entries_total/m)
  t.match(mails, /events sent this week/)
  for (const canary of [...Object.values(person), '491701234567', ...hashes, ...secrets, LEAD_ID])
    t.notOk((metrics + mails).includes(canary), `metrics or mails hold ${canary}`)
  t.strictSame(await findTraces(it.db, [...Object.values(person), '491701234567', ...secrets]), [])
  const redis = sharedRedis(it.databaseUrl)
  if (redis === undefined) return
  const jobs = await findRedisTraces(redis, [...Object.values(person), '491701234567', ...hashes, ...secrets, LEAD_ID])
  t.ok(jobs.keys > 0)
  t.strictSame(jobs.found, [], 'nor do jobs hold any of it')
})
