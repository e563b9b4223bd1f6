/** Lead ids that were found are written into the CRM where the customer allows it: once, and over nobody's own entry. */
import t from 'tap'
import { scope } from '../../../connectors/hubspot/install.ts'
import { setRules } from '../../../server/settings/rules.ts'
import { allScopes } from '../../simulators/hubspot/start-hubspot.ts'
import { type TestApp, testApp, until } from '../../support/app.ts'
import { story } from '../../support/look.ts'
import { connectPage, pagesEnv } from '../../support/page.ts'
import { sent } from '../resolve/sharing.ts'

/** The admin agreed to the optional scope, too. */
async function mayWrite(it: TestApp): Promise<void> {
  const scopes = [...allScopes, scope.writeContacts]
  it.hubspot.setScopes({ scopes })
  await it.db.updateTable('connection').set({ scopes }).where('id', '=', it.connectionId).execute()
}
const caller = (it: TestApp) => ({ db: it.db, actor: 'test' })
const writes = (it: TestApp) => it.hubspot.requests().filter(({ method }) => method === 'PATCH')
const idOf = (it: TestApp, id: string) => it.hubspot.record({ type: 'contact', id })?.properties.meta_lead_id
const notices = (it: TestApp) => it.db.selectFrom('notice').select(['code', 'closed_at']).where('code', '=', 'write_back').execute()

/** A contact without an id, of somebody whose lead was captured. */
async function found(it: TestApp, submit: (lead: { email: string }) => string, email: string) {
  const lead = submit({ email })
  await until(() => sent(it).some(([, leadId]) => leadId === lead))
  const { id } = it.hubspot.create({ type: 'contact', properties: { email, lifecyclestage: 'lead' } })
  await it.settled()
  return { lead, id }
}

t.test('nothing is written before it is allowed; then what was found before is, too, once each', async (t) => {
  const it = await testApp(t, { env: pagesEnv() })
  await mayWrite(it)
  const page = await connectPage(t, it)
  const before = await found(it, page.submit, 'ana@example.com')
  t.same(await it.db.selectFrom('write_back').selectAll().execute(), [])
  await setRules(caller(it), it.connectionId, { writeLeadId: true })
  await until(() => idOf(it, before.id) === before.lead)
  const after = await found(it, page.submit, 'ben@example.com')
  await until(() => idOf(it, after.id) === after.lead)

  const lines = await story(it.db)
  for (const { id } of [before, after]) it.hubspot.change({ type: 'contact', id, properties: { meta_lead_id: null } })
  await it.settled()
  const changed = await it.db.selectFrom('write_back').select('meta_lead_id').orderBy('record_id').execute()
  t.same(
    changed.map(({ meta_lead_id }) => meta_lead_id),
    [before.lead, after.lead],
  )
  t.equal(writes(it).length, 2, 'somebody emptied the field: it is not written again')
  t.strictSame(await story(it.db), lines, 'the change that we caused tells nothing new')
  t.equal(sent(it).length, 2)
})

t.test('an id that somebody else wrote meanwhile stays', async (t) => {
  const it = await testApp(t, { env: pagesEnv() })
  await mayWrite(it)
  const page = await connectPage(t, it)
  const { id } = await found(it, page.submit, 'ana@example.com')
  const { id: other } = it.meta.leadAds.submit({ form: '206000000000001', answers: { email: 'ana@example.com' } })
  it.hubspot.webhooks({ subscriptions: {} })
  it.hubspot.change({ type: 'contact', id, properties: { meta_lead_id: other } })
  await setRules(caller(it), it.connectionId, { writeLeadId: true })
  await until(async () => (await it.db.selectFrom('write_back').selectAll().executeTakeFirst()) === undefined)
  t.equal(idOf(it, id), other)
  t.equal(writes(it).length, 0)
})

t.test('a missing permission is told once, and what waits goes on when it is there', async (t) => {
  const it = await testApp(t, { env: pagesEnv(), rules: { writeLeadId: true } })
  const page = await connectPage(t, it)
  const { lead, id } = await found(it, page.submit, 'ana@example.com')
  await until(async () => (await notices(it)).length === 1)
  t.match(await notices(it), [{ closed_at: null }])
  await mayWrite(it)
  await until(async () => {
    await it.db
      .updateTable('write_back')
      .set({ not_before: new Date(0) })
      .execute()
    return idOf(it, id) === lead
  })
  await until(async () => (await notices(it))[0]?.closed_at != null)
})

t.test('a record whose CRM refuses the id is given up alone', async (t) => {
  const it = await testApp(t, { env: pagesEnv(), rules: { writeLeadId: true } })
  await mayWrite(it)
  const page = await connectPage(t, it)
  it.hubspot.fail({ status: 404, method: 'PATCH', times: 1 })
  const first = await found(it, page.submit, 'ana@example.com')
  await until(async () => (await it.db.selectFrom('write_back').select('failure').executeTakeFirst())?.failure === 'not_found')
  const second = await found(it, page.submit, 'ben@example.com')
  await until(() => idOf(it, second.id) === second.lead)
  t.notOk(idOf(it, first.id))
})
