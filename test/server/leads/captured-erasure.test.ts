/** Who asked to be forgotten is forgotten as a captured lead, too, and does not come back when Meta shows the lead again. */
import { sql } from 'kysely'
import t from 'tap'
import { sha256 } from '../../../mappings/hash.ts'
import { purge } from '../../../server/connections/purge.ts'
import { eraseLead } from '../../../server/settings/erase-lead.ts'
import { exportLead } from '../../../server/settings/export-lead.ts'
import { type TestApp, testApp, until } from '../../support/app.ts'
import { count, findTraces } from '../../support/look.ts'
import { connectPage, pagesEnv } from '../../support/page.ts'
import { sent } from '../resolve/sharing.ts'

const EMAIL = 'canary@example.com'
const caller = (it: TestApp) => ({ db: it.db, actor: 'operator' })

t.test('nothing of a captured lead is left, whatever tells of it again', async (t) => {
  const it = await testApp(t, { env: pagesEnv(), rules: { writeLeadId: true } })
  const page = await connectPage(t, it)
  const lead = page.submit({ email: EMAIL, phone: '+491701234567' })
  await until(() => sent(it).length === 1)
  it.hubspot.create({ type: 'contact', properties: { email: EMAIL, lifecyclestage: 'lead' } })
  await it.settled()
  const held = await exportLead(caller(it), it.workspaceId, { by: 'email', value: EMAIL }, it.vault)
  t.match(held, { leads: [{ meta_lead_id: lead, form_id: String }], writeBacks: [{ connection_id: it.connectionId }] })
  t.same(held.records.map(({ crm }) => crm).toSorted(), ['hubspot', 'meta-lead-ads'])

  t.same(await eraseLead(caller(it), it.workspaceId, { by: 'email', value: EMAIL }, it.vault), { leads: 1, records: 2 })
  const traces = [EMAIL, sha256(EMAIL), '1701234567', lead]
  t.same(await findTraces(it.db, traces), [])
  t.equal((await it.db.selectFrom('write_back').selectAll().execute()).length, 0)
  it.meta.leadAds.tell({ id: lead })
  await page.told()
  await it.settled()
  t.same(await findTraces(it.db, traces), [])
  t.equal(sent(it).length, 1)
})

t.test('a page that is purged takes along the leads that only it knew', async (t) => {
  const it = await testApp(t, { env: pagesEnv() })
  const page = await connectPage(t, it)
  page.submit({ email: 'ana@example.com' })
  const kept = page.submit({ email: 'ben@example.com' })
  await until(() => sent(it).length === 2)
  it.hubspot.create({ type: 'contact', properties: { email: 'ben@example.com', lifecyclestage: 'lead' } })
  await it.settled()
  const retention = { db: it.db, vault: it.vault, retentionDays: 30 }
  const remove = (id: number) =>
    sql`update connection set state = 'removed', removed_at = now() - interval '40 days' where id = ${id}`.execute(it.db)
  await remove(page.connectionId)
  await purge(retention, page.connectionId, AbortSignal.timeout(30_000))
  t.match(await it.db.selectFrom('lead').select('meta_lead_id').execute(), [{ meta_lead_id: kept }])
  t.equal(await count(it.db, 'lead'), 1)
  await remove(it.connectionId)
  await purge(retention, it.connectionId, AbortSignal.timeout(30_000))
  for (const table of ['lead', 'lead_key', 'meta_name', 'write_back', 'record'] as const) {
    t.same(await it.db.selectFrom(table).selectAll().execute(), [], table)
  }
})
