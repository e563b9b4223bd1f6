/** Leads that Meta itself tells of: kept, found for the CRM's records, and reported once as raw leads in the CRM's name. */
import { sql } from 'kysely'
import t from 'tap'
import { testApp, until } from '../../support/app.ts'
import { count, findTraces, hurry, story } from '../../support/look.ts'
import { connectPage, FORM, pagesEnv } from '../../support/page.ts'
import { sent, sentOf } from '../resolve/sharing.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const SECOND = 1_000
/** Whole seconds, as Meta tells times. */
const ago = (ms: number) => Math.floor((Date.now() - ms) / SECOND) * SECOND

t.test('a captured lead is reported at once, with the name of the CRM, and later stages of its record with its id', async (t) => {
  const it = await testApp(t, { env: pagesEnv() })
  const page = await connectPage(t, it)
  const generated = ago(3 * MINUTE)
  const lead = page.submit({ email: 'Ana@Example.com', phone: '+491701234567', at: generated })
  await page.told()
  await until(() => sent(it).length === 1)
  const [raw] = it.meta.events()
  t.match(raw, { eventName: 'Raw Lead', leadId: lead, source: 'HubSpot', notCounted: [] })
  t.ok((raw?.eventTime ?? 0) * SECOND > generated, 'its time is when we learned of it, which is after it was generated')

  const { id } = it.hubspot.create({ type: 'contact', properties: { email: 'ana@example.com', lifecyclestage: 'lead' } })
  it.hubspot.change({ type: 'contact', id, properties: { lifecyclestage: 'customer' } })
  await it.settled()
  t.strictSame(sent(it), [
    ['Raw Lead', lead],
    ['Converted', lead],
  ])
  t.strictSame((await story(it.db, id)).toSorted(), ['customer sent', 'lead suppressed already_reached'])
  const stored = await it.db.selectFrom('lead').selectAll().execute()
  t.match(stored, [{ meta_lead_id: lead, form_id: FORM, is_test: false, captured_by: page.connectionId }])
  t.equal(stored[0]?.generated_at?.getTime(), generated)
  t.match(await it.db.selectFrom('meta_name').select(['kind', 'id', 'name']).execute(), [
    { kind: 'form', id: FORM, name: 'Ask for an offer' },
  ])
  t.strictSame(await findTraces(it.db, ['ana@example.com', '1701234567']), [], 'contact data is stored as hashes only')
})

t.test('whoever is in the CRM first, and counts there without an id, is the same lead when Meta tells of it', async (t) => {
  const it = await testApp(t, { env: pagesEnv(), rules: { confirmedSources: [{ field: 'hs_latest_source', equals: 'PAID_SOCIAL' }] } })
  const page = await connectPage(t, it)
  const properties = { email: 'ana@example.com', hs_latest_source: 'PAID_SOCIAL', lifecyclestage: 'lead' }
  const { id } = it.hubspot.create({ type: 'contact', properties })
  await it.settled()
  t.strictSame(sent(it), [['Raw Lead', undefined]])
  const lead = page.submit({ email: 'ana@example.com', at: ago(MINUTE) })
  await page.told()
  await until(async () => (await it.db.selectFrom('lead').select('captured_at').executeTakeFirst())?.captured_at != null)
  it.hubspot.change({ type: 'contact', id, properties: { lifecyclestage: 'opportunity' } })
  await it.settled()
  t.strictSame(sent(it), [
    ['Raw Lead', undefined],
    ['Sales Opportunity', lead],
  ])
  t.equal(await count(it.db, 'lead'), 1)
})

t.test('a record that waits for a lead is woken when Meta tells of it', async (t) => {
  const it = await testApp(t, { env: pagesEnv() })
  const page = await connectPage(t, it)
  const { id } = it.hubspot.create({ type: 'contact', properties: { phone: '+491701234567', lifecyclestage: 'opportunity' } })
  await it.settled()
  t.strictSame(await story(it.db, id), ['opportunity waiting waiting_for_lead'])
  const lead = page.submit({ phone: '+49 170 1234567', at: ago(MINUTE) })
  await until(() => sentOf(it, lead).length === 2)
  t.strictSame(sentOf(it, lead).toSorted(), ['Raw Lead', 'Sales Opportunity'])
})

t.test('a change belongs to the latest lead that was generated before it', async (t) => {
  const it = await testApp(t, { env: pagesEnv() })
  const page = await connectPage(t, it)
  const first = page.submit({ email: 'ana@example.com', at: ago(3 * DAY) })
  const second = page.submit({ email: 'ana@example.com', phone: '+491701234567', at: ago(DAY) })
  await page.told()
  await until(() => sent(it).length === 2)
  const { id } = it.hubspot.create({ type: 'contact', at: Date.now() - 3 * DAY + MINUTE, properties: { email: 'ana@example.com' } })
  for (const [stage, days] of [
    ['marketingqualifiedlead', 2],
    ['customer', 0.5],
  ] as const) {
    it.hubspot.change({ type: 'contact', id, at: Date.now() - days * DAY, properties: { lifecyclestage: stage } })
  }
  await it.settled()
  t.strictSame(sentOf(it, first), ['Raw Lead', 'Marketing Qualified Lead'])
  t.strictSame(sentOf(it, second), ['Raw Lead', 'Converted'])
  const third = page.submit({ email: 'ana@example.com' })
  await until(() => sentOf(it, third).length === 1)
  it.hubspot.change({ type: 'contact', id, at: Date.now() + SECOND, properties: { lifecyclestage: 'opportunity' } })
  await until(() => sentOf(it, third).length === 2)
  t.strictSame(sentOf(it, third), ['Raw Lead', 'Sales Opportunity'], 'also one that was generated since the record was read')
})

t.test('a record that fits leads of different people is ambiguous, and says so', async (t) => {
  const it = await testApp(t, { env: pagesEnv() })
  const page = await connectPage(t, it)
  page.submit({ email: 'ana@example.com', phone: '+491701234567' })
  page.submit({ email: 'ben@example.com', phone: '+491707654321' })
  await until(() => sent(it).length === 2)
  const { id } = it.hubspot.create({
    type: 'contact',
    properties: { email: 'ana@example.com', phone: '+491707654321', lifecyclestage: 'opportunity' },
  })
  await it.settled()
  t.strictSame(await story(it.db, id), ['opportunity waiting ambiguous_lead'])
  t.equal(sent(it).length, 2)
})

t.test('two people who share an address are told apart by their numbers', async (t) => {
  const it = await testApp(t, { env: pagesEnv() })
  const page = await connectPage(t, it)
  const ana = page.submit({ email: 'family@example.com', phone: '+491701234567', at: ago(DAY) })
  const ben = page.submit({ email: 'family@example.com', phone: '+491707654321', at: ago(MINUTE) })
  await until(() => sent(it).length === 2)
  it.hubspot.create({ type: 'contact', properties: { email: 'family@example.com', phone: '+491701234567', lifecyclestage: 'customer' } })
  await it.settled()
  t.strictSame(sentOf(it, ana), ['Raw Lead', 'Converted'])
  t.strictSame(sentOf(it, ben), ['Raw Lead'])
})

t.test('who was known before becomes a lead anew by filling in a form', async (t) => {
  const it = await testApp(t, { env: pagesEnv(), rules: { whichLeads: 'anyone' } })
  const page = await connectPage(t, it)
  const { id } = it.hubspot.create({
    type: 'contact',
    at: Date.now() - 2 * DAY,
    properties: { email: 'ana@example.com', lifecyclestage: 'customer' },
  })
  await it.settled()
  const lead = page.submit({ email: 'ana@example.com', at: ago(MINUTE) })
  await until(() => sentOf(it, lead).length === 1)
  it.hubspot.change({ type: 'contact', id, properties: { lifecyclestage: 'opportunity' } })
  await it.settled()
  t.strictSame(sent(it), [
    ['Raw Lead', undefined],
    ['Converted', undefined],
    ['Raw Lead', lead],
    ['Sales Opportunity', lead],
  ])
})

t.test('a test lead is never sent, whoever shows it first', async (t) => {
  const it = await testApp(t, { env: pagesEnv() })
  const page = await connectPage(t, it)
  const shown = page.submit({ email: 'test@example.com', test: true })
  await until(
    async () => (await it.db.selectFrom('lead').select('is_test').where('meta_lead_id', '=', shown).executeTakeFirst())?.is_test === true,
  )
  it.hubspot.create({ type: 'contact', properties: { meta_lead_id: shown, lifecyclestage: 'customer' } })
  it.meta.leadAds.addForm({ page: '106000000000001', id: '206000000000002' })
  const hidden = page.submit({ form: '206000000000002', email: 'test2@example.com', test: true, silent: true })
  const { id } = it.hubspot.create({ type: 'contact', properties: { meta_lead_id: hidden, lifecyclestage: 'customer' } })
  await it.settled()
  const events = async () => (await story(it.db, id)).toSorted()
  t.strictSame(await events(), ['customer pending', 'raw_lead pending'], 'the first events of a lead wait for what Meta tells of it')
  it.meta.leadAds.tell({ id: hidden })
  await until(async () => (await events()).every((line) => line.endsWith('suppressed test_lead')))
  t.strictSame(sent(it), [])
})

t.test('a record that only a test lead fits is one; somebody else who tried the form is not', async (t) => {
  const it = await testApp(t, { env: pagesEnv(), rules: { whichLeads: 'anyone' } })
  const page = await connectPage(t, it)
  const tested = page.submit({ email: 'ana@example.com', test: true })
  const isKnown = async (id: string) => (await it.db.selectFrom('lead').select('id').where('meta_lead_id', '=', id).execute()).length === 1
  await until(() => isKnown(tested))
  const { id } = it.hubspot.create({ type: 'contact', properties: { email: 'ana@example.com', lifecyclestage: 'lead' } })
  await it.settled()
  t.strictSame((await story(it.db, id)).toSorted(), ['lead suppressed test_lead', 'raw_lead suppressed test_lead'])
  const lead = page.submit({ email: 'ana@example.com' })
  await until(() => sentOf(it, lead).length === 1)
  it.hubspot.change({ type: 'contact', id, at: Date.now() + SECOND, properties: { lifecyclestage: 'customer' } })
  await until(() => sentOf(it, lead).length === 2)
  t.strictSame(sent(it), [
    ['Raw Lead', lead],
    ['Converted', lead],
  ])
})

t.test('events of a lead that the CRM shows first go on when Meta has told of it, or does not tell for two minutes', async (t) => {
  const it = await testApp(t, { env: pagesEnv() })
  const page = await connectPage(t, it)
  const lead = page.submit({ email: 'ana@example.com', at: ago(MINUTE), silent: true })
  it.hubspot.create({ type: 'contact', properties: { meta_lead_id: lead, lifecyclestage: 'lead' } })
  await it.settled()
  t.strictSame(sent(it), [])
  it.meta.leadAds.tell({ id: lead })
  await until(() => sent(it).length === 1)
  const untold = page.submit({ email: 'ben@example.com', at: ago(MINUTE), silent: true })
  it.hubspot.create({ type: 'contact', properties: { meta_lead_id: untold, lifecyclestage: 'lead' } })
  await it.settled()
  const { rows } = await sql<{ waits: boolean }>`
    select not_before between now() + interval '1 minute' and now() + interval '2 minutes' as waits from outbox`.execute(it.db)
  t.strictSame(rows, [{ waits: true }])
  await sql`update outbox set not_before = now()`.execute(it.db)
  await until(() => sent(it).length === 2)
})

t.test('what an old record of the person reached is of another life, once Meta has told when the lead was generated', async (t) => {
  const it = await testApp(t, { env: pagesEnv() })
  const page = await connectPage(t, it)
  const { id } = it.hubspot.create({ type: 'contact', at: Date.now() - 30 * DAY, properties: { email: 'ana@example.com' } })
  it.hubspot.change({ type: 'contact', id, at: Date.now() - 20 * DAY, properties: { lifecyclestage: 'customer' } })
  it.hubspot.change({ type: 'contact', id, at: Date.now() - DAY, properties: { lifecyclestage: 'opportunity' } })
  const generated = ago(MINUTE)
  const lead = page.submit({ email: 'ana@example.com', at: generated, silent: true })
  it.hubspot.change({ type: 'contact', id, properties: { meta_lead_id: lead } })
  await it.settled()
  t.strictSame(sent(it), [])
  it.meta.leadAds.tell({ id: lead })
  await until(() => sent(it).length === 1)
  it.hubspot.change({ type: 'contact', id, at: Date.now() + SECOND, properties: { lifecyclestage: 'customer' } })
  await until(() => sent(it).length === 2)
  t.strictSame(sentOf(it, lead), ['Raw Lead', 'Converted'])
  t.ok(it.meta.events().every(({ eventTime }) => eventTime * SECOND >= generated))
})

t.test('without a CRM nothing is sent for a captured lead until there is one', async (t) => {
  const it = await testApp(t, { env: pagesEnv() })
  await it.db.updateTable('connection').set({ state: 'removed' }).execute()
  const page = await connectPage(t, it)
  const lead = page.submit({ email: 'ana@example.com' })
  await until(async () => (await story(it.db, lead)).length > 0)
  t.strictSame(await story(it.db, lead), ['raw_lead waiting waiting_for_crm'])
  await it.db.updateTable('connection').set({ state: 'active' }).execute()
  await until(async () => {
    // The first look may be that of a run which saw no CRM yet.
    await hurry(it.db)
    return sent(it).length === 1
  })
  t.match(it.meta.events(), [{ leadId: lead, source: 'HubSpot' }])
})

t.test('what is captured of the more distant past is there to be found, and no raw lead', async (t) => {
  const it = await testApp(t, { env: pagesEnv() })
  const page = await connectPage(t, it)
  const lead = page.submit({ email: 'ana@example.com', at: ago(30 * DAY) })
  await until(async () => (await count(it.db, 'lead')) === 1)
  await it.settled()
  t.strictSame(await story(it.db, lead), [])
  it.hubspot.create({
    type: 'contact',
    at: Date.now() - 30 * DAY + MINUTE,
    properties: { email: 'ana@example.com', lifecyclestage: 'customer' },
  })
  await it.settled()
  t.strictSame(
    sent(it).filter(([name]) => name === 'Raw Lead'),
    [],
  )
})

t.test('where the CRM asks for a consent that the form does not ask for, the raw lead is left to the CRM', async (t) => {
  const it = await testApp(t, { env: pagesEnv(), rules: { consent: [{ field: 'consent', equals: 'yes' }] } })
  const page = await connectPage(t, it)
  it.hubspot.defineProperty({ portalId: 3003003, type: 'contact', property: { name: 'consent' } })
  const lead = page.submit({ email: 'ana@example.com', at: ago(MINUTE) })
  await until(async () => (await count(it.db, 'lead')) === 1)
  await it.settled()
  t.strictSame(sent(it), [])
  it.hubspot.create({ type: 'contact', properties: { email: 'ana@example.com', consent: 'yes', lifecyclestage: 'customer' } })
  await it.settled()
  t.strictSame(sentOf(it, lead), ['Raw Lead', 'Converted'])
})
