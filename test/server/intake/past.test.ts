/** What was before a page was connected: read once, there for the CRM's records to be found, and sent only to whom asks for it. */
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { createConnections } from '../../../server/connections/connections.ts'
import { createHttp } from '../../../server/connections/http.ts'
import { catchUpSoon } from '../../../server/intake/history-cursor.ts'
import { createLog } from '../../../server/log.ts'
import { confirmBackfill, planBackfill } from '../../../server/settings/backfills.ts'
import { checkConnection } from '../../../server/settings/check-connection.ts'
import { showConnection } from '../../../server/settings/connections.ts'
import { setSettings } from '../../../server/settings/rules.ts'
import { ad, PAGE } from '../../connectors/meta-lead-ads/page.ts'
import { type TestApp, testApp, until } from '../../support/app.ts'
import { ledger } from '../../support/look.ts'
import { addPage, pagesEnv } from '../../support/pages.ts'
import { envOf, run } from '../command-line/run.ts'
import { sent, sentOf } from '../resolve/sharing.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const caller = (it: TestApp) => ({ db: it.db, actor: 'test' })
const app = (t: Test) => testApp(t, { env: pagesEnv })
const ago = (ms: number) => Math.floor((Date.now() - ms) / 1000) * 1000

const submit = (it: TestApp, form: string, email: string, at: number) =>
  it.meta.leadAds.submit({ form, at, silent: true, ad, answers: { email } }).id

const past = async (it: TestApp, id: number) => (await showConnection(caller(it), id)).past
const isRead = async (it: TestApp, id: number) => {
  const standing = await past(it, id)
  const { inbox } = await showConnection(caller(it), id)
  return standing !== null && standing.reading === null && inbox === 0
}
const known = async (it: TestApp) =>
  (await it.db.selectFrom('lead').select('meta_lead_id').orderBy('meta_lead_id').execute()).map(({ meta_lead_id }) => meta_lead_id)

/** However long the test takes, nothing of after the connection is to be read. */
const nothingNew = (it: TestApp, id: number) =>
  sql`update cursor set covered_until = now() + interval '1 hour' where connection_id = ${id} and channel = 'history'`.execute(it.db)

t.test('leads of the past are found for records of the CRM, and nothing of them is sent by itself', async (t) => {
  const it = await app(t)
  const leads: string[] = []
  const { connectionId, form } = await addPage(it, { id: PAGE }, (form) => {
    for (const [n, ms] of [80 * DAY, 10 * DAY, 2 * DAY, HOUR].entries()) leads.push(submit(it, form, `p${n}@example.com`, ago(ms)))
    submit(it, form, 'long.ago@example.com', ago(100 * DAY))
  })
  await until(async () => (await known(it)).length === 4 && (await isRead(it, connectionId)))
  t.strictSame(await known(it), leads.toSorted(), 'those of ninety days')
  t.strictSame([await ledger(it.db), sent(it)], [[], []])

  const [, old, recent] = leads as [string, string, string]
  it.hubspot.create({
    type: 'contact',
    at: Date.now() - 10 * DAY + HOUR,
    properties: { email: 'p1@example.com', lifecyclestage: 'customer' },
  })
  it.hubspot.create({ type: 'contact', properties: { email: 'p2@example.com', lifecyclestage: 'customer' } })
  await until(() => sentOf(it, recent).length === 2)
  await it.settled()
  t.strictSame(sentOf(it, recent), ['Raw Lead', 'Converted'], 'what the CRM reports now is sent')
  t.notOk(sentOf(it, old).includes('Raw Lead'), 'of what is too old only what is not')

  const news = submit(it, form, 'new@example.com', ago(0))
  it.meta.leadAds.tell({ id: news })
  await until(() => sentOf(it, news).length === 1)
  t.equal(sent(it).length, 3 + sentOf(it, old).length)
})

t.test('a backfill asks for the raw leads of seven days', async (t) => {
  const it = await app(t)
  const leads: string[] = []
  const { connectionId } = await addPage(it, { id: PAGE }, (form) => {
    for (const [n, ms] of [10 * DAY, 2 * DAY, HOUR].entries()) leads.push(submit(it, form, `p${n}@example.com`, ago(ms)))
  })
  await until(async () => (await known(it)).length === 3 && (await isRead(it, connectionId)))
  const { id } = await planBackfill(caller(it), { connectionId, days: 7 })
  const stateOf = async () => (await it.db.selectFrom('backfill').selectAll().where('id', '=', id).executeTakeFirstOrThrow()).state
  await until(async () => (await stateOf()) === 'ready')
  t.strictSame(sent(it), [])
  await confirmBackfill(caller(it), id)
  await until(async () => (await stateOf()) === 'done')
  await it.settled()
  t.strictSame(
    sent(it).toSorted(),
    leads
      .slice(1)
      .map((lead) => ['Raw Lead', lead])
      .toSorted(),
  )
})

t.test('it goes on behind a restart where it was, and tells how far it is', async (t) => {
  const it = await app(t)
  const FORMS = 12
  const LEADS = 130
  const { connectionId } = await addPage(it, { id: PAGE }, (first) => {
    const forms = [first, ...Array.from({ length: FORMS - 1 }, () => it.meta.leadAds.addForm({ page: PAGE }).id)]
    for (const [f, form] of forms.entries())
      for (let n = 0; n < LEADS; n++) submit(it, form, `p${f}.${n}@example.com`, ago(30 * DAY) + n * 60_000)
  })
  await until(async () => ((await past(it, connectionId))?.reading?.records ?? 0) > 0)
  await nothingNew(it, connectionId)
  await it.restart()
  await until(async () => (await known(it)).length === FORMS * LEADS && (await isRead(it, connectionId)), 120_000)
  const pages = it.meta.leadAds.graphReads().filter(({ path }) => path.endsWith('/leads'))
  t.ok(pages.length <= 2 * FORMS + 1, `at most the page at which it stopped is read again: ${pages.length} of ${2 * FORMS}`)
  t.strictSame(sent(it), [])
  const shown = await run(['connection', 'show', String(connectionId)], { env: envOf(it) })
  t.match(shown.stdout, /before that: +read back to \d{4}-\d\d-\d\d\n/)
})

t.test('how far back is a setting: more is read later, and nothing again', async (t) => {
  const it = await app(t)
  let form = ''
  const { connectionId } = await addPage(it, { id: PAGE }, (first) => {
    form = first
    for (const [n, ms] of [100 * DAY, 10 * DAY].entries()) submit(it, first, `p${n}@example.com`, ago(ms))
  })
  await until(async () => (await known(it)).length === 1 && (await isRead(it, connectionId)))
  const reads = () => it.meta.leadAds.graphReads().filter(({ path }) => path === `/${form}/leads`).length
  const before = reads()
  await nothingNew(it, connectionId)
  await setSettings(caller(it), connectionId, { pastDays: 120 })
  await it.restart()
  await until(async () => (await known(it)).length === 2 && (await isRead(it, connectionId)))
  t.equal(reads(), before + 1)
  await catchUpSoon(it.db, connectionId)
  await until(async () => {
    const { rows } = await sql`select from cursor where connection_id = ${connectionId} and channel = 'history' and due_at > now()`.execute(
      it.db,
    )
    return rows.length === 1
  })
  t.equal(reads(), before + 1)
})

t.test('until all is read, a check says so', async (t) => {
  const it = await app(t)
  const { connectionId } = await addPage(it, { id: PAGE })
  const { http, close } = createHttp()
  t.teardown(close)
  const connections = createConnections({ db: it.db, vault: it.vault, apps: it.config.crm, http, log: createLog({ level: 'silent' }) })
  const codes = async () => (await checkConnection(caller(it), connectionId, { connections })).map(({ code }) => code)
  t.notOk((await codes()).includes('past_unread'))
  const position = JSON.stringify({ from: Date.now() - 90 * DAY, to: Date.now(), next: 'there', records: 700 })
  await sql`update cursor set position = ${position}, due_at = 'infinity' where connection_id = ${connectionId} and channel = 'past'`.execute(
    it.db,
  )
  t.match(await checkConnection(caller(it), connectionId, { connections }), [
    { code: 'past_unread', fatal: false, text: /700 records so far/ },
  ])
})
