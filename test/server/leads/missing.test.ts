/** Leads that Meta told of and the CRM never got are told, with their form; and only where that can be said. */
import { text } from 'node:stream/consumers'
import { sql } from 'kysely'
import t from 'tap'
import { watchMissing } from '../../../server/operations/notices/watch-missing.ts'
import { exportMissingLeads, listMissingLeads, setMissingAfter } from '../../../server/settings/missing-leads.ts'
import { type TestApp, testApp, until } from '../../support/app.ts'
import { manyMissing } from '../../support/many-missing.ts'
import { connectPage, FORM, longAgo, pagesEnv } from '../../support/page.ts'
import { envOf, run } from '../command-line/run.ts'
import { sent } from '../resolve/sharing.ts'

const HOUR = 3_600_000
const ago = (hours: number) => Math.floor((Date.now() - hours * HOUR) / 1000) * 1000
const caller = (it: TestApp) => ({ db: it.db, actor: 'test' })
const missing = (it: TestApp) => listMissingLeads(caller(it), it.workspaceId)
const ids = async (it: TestApp) => (await missing(it)).leads.map(({ metaLeadId }) => metaLeadId)
const notices = (it: TestApp) =>
  sql<{ text: string; open: boolean }>`
  select text, closed_at is null as open from notice where code = 'leads_missing' order by id`.execute(it.db)

t.test('what has not reached the CRM in time is listed and told, until it is there', async (t) => {
  const it = await testApp(t, { env: pagesEnv() })
  const page = await connectPage(t, it)
  const lost = page.submit({ email: 'ana@example.com', at: ago(3) })
  const late = page.submit({ email: 'ben@example.com', at: ago(2) })
  page.submit({ email: 'now@example.com', at: ago(0.5) })
  const there = page.submit({ email: 'cem@example.com', at: ago(3) })
  page.submit({ email: 'old@example.com', at: ago(24 * 8) })
  it.meta.leadAds.addForm({ page: '106000000000001', id: '206000000000002' })
  page.submit({ email: 'test@example.com', at: ago(3), test: true, form: '206000000000002' })
  await until(async () => (await it.db.selectFrom('lead').selectAll().where('captured_at', 'is not', null).execute()).length === 6)
  it.hubspot.create({ type: 'contact', properties: { email: 'cem@example.com' } })
  await until(
    async () =>
      (
        await sql`select from record r join lead l on l.id = r.lead_id where r.type = 'contact' and l.meta_lead_id = ${there}`.execute(
          it.db,
        )
      ).rows.length === 1,
  )
  await longAgo(it)

  t.match(await missing(it), {
    ...{ afterMinutes: 60, isTold: true, hindrance: null },
    leads: [
      { metaLeadId: late, form: { id: FORM, name: 'Ask for an offer' }, campaign: null, knownBefore: false },
      { metaLeadId: lost, generatedAt: new Date(ago(3)) },
    ],
  })
  t.equal((await missing(it)).leads.length, 2)
  await watchMissing(it.db)
  await watchMissing(it.db)
  t.match((await notices(it)).rows, [{ open: true, text: /^2 leads of Meta's did not reach .* 60 minutes \(form "Ask for an offer": 2\)/ }])
  t.equal((await notices(it)).rows.length, 1, 'told once')

  for (const email of ['ana@example.com', 'ben@example.com']) it.hubspot.create({ type: 'contact', properties: { email } })
  await until(async () => (await ids(it)).length === 0)
  await watchMissing(it.db)
  t.match((await notices(it)).rows, [{ open: false }])
})

t.test('while the CRM does not tell what happens there, that is said instead', async (t) => {
  const it = await testApp(t, { env: pagesEnv() })
  const page = await connectPage(t, it)
  const lost = page.submit({ email: 'ana@example.com', at: ago(3) })
  await until(() => sent(it).length === 1)
  await longAgo(it)
  t.same(await ids(it), [lost])
  const crm = it.db.updateTable('connection').where('id', '=', it.connectionId)
  for (const [state, code] of [
    ['paused', 'crm_paused'],
    ['attention', 'crm_disconnected'],
    ['setup', 'crm_disconnected'],
    ['removed', 'no_crm'],
  ] as const) {
    await crm.set({ state }).execute()
    t.match(await missing(it), { leads: [], hindrance: { code } })
  }
  await crm.set({ state: 'active' }).execute()
  await sql`
    insert into packet (id, connection_id, body, changes, received_at, not_before)
    values (gen_random_uuid(), ${it.connectionId}, '', 1, now() - interval '1 hour', now() + interval '1 hour')`.execute(it.db)
  t.match(await missing(it), { leads: [], hindrance: { code: 'crm_behind' } })
  await watchMissing(it.db)
  t.same((await notices(it)).rows, [])
  await sql`delete from packet`.execute(it.db)
  t.same(await ids(it), [lost])
  await sql`insert into cursor (connection_id, channel, standing) values (${it.connectionId}, 'stream', 'stream_off')`.execute(it.db)
  await crm.set({ arrival: 'stream' }).execute()
  t.match(await missing(it), { leads: [], hindrance: { code: 'crm_behind' } })
  await crm.set({ arrival: 'poll' }).execute()
  t.same(await ids(it), [lost], 'changes come in another way now')
  await crm.set({ created_at: new Date(ago(2)) }).execute()
  t.same(await ids(it), [], 'of what was before the CRM was connected nobody knows')
})

t.test('without a page that tells of its leads nobody knows which there are', async (t) => {
  t.match(await missing(await testApp(t)), { isTold: false, hindrance: null, leads: [] })
})

t.test('the time is a setting, and can be never', async (t) => {
  const it = await testApp(t, { env: pagesEnv() })
  const page = await connectPage(t, it)
  const lost = page.submit({ email: 'ana@example.com', at: ago(3) })
  await until(() => sent(it).length === 1)
  await longAgo(it)
  for (const [minutes, wanted] of [
    [240, []],
    [120, [lost]],
    [0, []],
  ] as const) {
    t.same(await setMissingAfter(caller(it), it.workspaceId, minutes), { afterMinutes: minutes })
    t.same(await ids(it), wanted, String(minutes))
  }
  await t.rejects(setMissingAfter(caller(it), it.workspaceId, -1), { code: 'invalid_input' })
  await t.rejects(listMissingLeads({ ...caller(it), workspaceId: 99 }, it.workspaceId), { code: 'workspace_unknown' })
})

t.test('who was in the CRM before is listed as that, and not told', async (t) => {
  const it = await testApp(t, { env: pagesEnv() })
  const page = await connectPage(t, it)
  const first = page.submit({ email: 'ana@example.com', at: ago(30) })
  await until(() => sent(it).length === 1)
  it.hubspot.create({ type: 'contact', at: ago(29), properties: { email: 'ana@example.com' } })
  await it.settled()
  const second = page.submit({ email: 'ana@example.com', at: ago(3) })
  await until(() => sent(it).length === 2)
  await longAgo(it)
  t.match((await missing(it)).leads, [{ metaLeadId: second, knownBefore: true }], `${first} is there`)
  await watchMissing(it.db)
  t.same((await notices(it)).rows, [])
})

t.test('more than a page of them are read page by page, none twice and none left out, while new ones come and others go', async (t) => {
  const it = await testApp(t, { env: pagesEnv() })
  const { connectionId } = await connectPage(t, it)
  await longAgo(it)
  const wanted = await manyMissing(it, connectionId, { count: 7 })
  const page = (after?: string) => listMissingLeads(caller(it), it.workspaceId, { limit: 2, after })
  const first = await page()
  t.match(first, { lost: { count: 7, more: false } })
  const seen = first.leads.map(({ metaLeadId }) => metaLeadId)
  await manyMissing(it, connectionId, { count: 3, from: 100, hoursAgo: 2 })
  // What the next page goes on behind has reached the CRM meanwhile.
  await sql`
    insert into record (connection_id, type, record_id, lead_id, first_seen_at)
    select ${it.connectionId}, 'contact', 'late', id, now() from lead where meta_lead_id = ${seen.at(-1)}`.execute(it.db)
  for (let next = first.next; next !== undefined; ) {
    const { leads, next: on } = await page(next)
    seen.push(...leads.map(({ metaLeadId }) => metaLeadId))
    next = on
  }
  t.same(seen, wanted, 'three of one second each')
  t.match(await page(), { lost: { count: 9, more: false } })
  for (const after of ['', 'x', '1-1', `1-${'1'.repeat(18)}`, `999999999999999-${wanted[0]}`, `-999999999999999-${wanted[0]}`])
    await t.rejects(page(after), { code: 'invalid_input' }, after)
})

t.test('of very many it is said that there are at least as many as were looked at; the file has each, to the digit', async (t) => {
  const it = await testApp(t, { env: pagesEnv() })
  const { connectionId } = await connectPage(t, it)
  await longAgo(it)
  const wanted = await manyMissing(it, connectionId, { count: 2_100 })
  t.match(await missing(it), { lost: { count: 2_100, more: false } })
  const more = await manyMissing(it, connectionId, { count: 8_000, from: 10_000, hoursAgo: 30 })
  t.match(await missing(it), { lost: { count: 10_000, more: true } })
  t.equal((await missing(it)).leads.length, 100)
  await watchMissing(it.db)
  t.match((await notices(it)).rows, [{ text: /^At least 10000 leads of Meta's did not reach .* 60 minutes \(form "\d+"\)/ }])

  const file = () => text(exportMissingLeads(caller(it), it.workspaceId))
  const [head, ...rest] = (await file()).split('\r\n')
  t.equal(head, '\uFEFFgenerated_at,meta_lead_id,form_id,form,campaign_id,campaign,ad_id,ad,person_in_crm')
  t.equal(rest.pop(), '')
  t.match(rest[0], /^20\d\d-\d\d-\d\dT[\d:]+\.000Z,l:\d{17},'\d{17},,,,,,no$/)
  t.same(
    rest.map((line) => line.split(',')[1]),
    [...wanted, ...more].map((id) => `l:${id}`),
  )
  const command = (...args: string[]) => run(['lead', 'missing', '--workspace', String(it.workspaceId), ...args], { env: envOf(it) })
  t.match(await command(), { code: 0, stdout: /There are older ones\. All of them: --csv/ })
  t.equal((await command('--csv')).stdout, await file())

  await it.db.updateTable('connection').set({ state: 'paused' }).where('id', '=', it.connectionId).execute()
  await t.rejects(file(), { code: 'missing_untold', userText: /is paused/ }, 'a file without any would say that there is none')
})
