/** Leads that Meta told of and the CRM never got are told, with their form; and only where that can be said. */
import { sql } from 'kysely'
import t from 'tap'
import { watchMissing } from '../../../server/operations/notices/watch-missing.ts'
import { listMissingLeads, setMissingAfter } from '../../../server/settings/missing-leads.ts'
import { type TestApp, testApp, until } from '../../support/app.ts'
import { connectPage, FORM, longAgo, pagesEnv } from '../../support/page.ts'
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
