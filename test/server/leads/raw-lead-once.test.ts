/**
 * One Meta lead is one raw lead, whoever shows it first: Meta and the CRM report it in any order or at the same moment, with the
 * lead id or without, more than once, to two apps at work on the same database.
 */
import t from 'tap'
import { stageMapping } from '../../../mappings/stage-mapping.ts'
import { testApp, until } from '../../support/app.ts'
import { funnel } from '../../support/funnel.ts'
import { seeded } from '../../support/numbers.ts'
import { connectPage, pagesEnv } from '../../support/page.ts'

const LEADS = 40
const SECOND = 1_000

const { seed, random } = seeded()

t.test(`every lead is reported once, by two apps (SEED=${seed})`, async (t) => {
  const it = await testApp(t, {
    env: { ...pagesEnv(), META_TIMEOUT_MS: '10000' },
    mapping: funnel({ source: 'dealstage', stageId: 'closedwon', eventName: 'Converted' }),
  })
  const page = await connectPage(t, it)
  const { url } = await it.another()
  it.meta.leadAds.leadgenWebhooks({ targetUrl: `${url}/webhooks/meta-lead-ads` })
  const leads: { id: string; crm: 'never' | 'with id' | 'without id' }[] = []
  const acts: (() => void)[] = []
  for (let n = 0; n < LEADS; n++) {
    const email = `person${n}@example.com`
    const at = Math.floor((Date.now() - 30 * SECOND) / SECOND) * SECOND
    const id = page.submit({ email, at, silent: true })
    const crm = (['never', 'with id', 'without id'] as const)[Math.floor(random() * 3)] as (typeof leads)[number]['crm']
    leads.push({ id, crm })
    const tell = () => it.meta.leadAds.tell({ id })
    acts.push(tell, ...(random() < 0.3 ? [tell] : []))
    if (crm !== 'never') {
      const properties = { email, lifecyclestage: random() < 0.5 ? 'lead' : 'customer', ...(crm === 'with id' && { meta_lead_id: id }) }
      acts.push(() => void it.hubspot.create({ type: 'contact', properties }))
    }
  }
  // In a random order, some together and some a moment later.
  for (const act of acts.map((act) => ({ act, at: random() })).toSorted((a, b) => a.at - b.at)) {
    act.act()
    if (random() < 0.2) await new Promise((resolve) => setTimeout(resolve, random() * 50))
  }
  const raw = (id: string) => it.meta.events().filter(({ leadId, eventName }) => leadId === id && eventName === 'Raw Lead')
  await until(() => leads.every(({ id }) => raw(id).length > 0), 60_000)
  await page.told()
  await it.settled()
  t.same(
    leads.filter(({ id }) => raw(id).length !== 1),
    [],
    'no lead is reported twice',
  )
  t.equal(it.meta.events().filter(({ eventName }) => eventName === 'Raw Lead').length, LEADS)
  t.equal(it.meta.events().filter(({ doubledByLead, doubledById }) => doubledByLead || doubledById).length, 0)
  t.same([...new Set(it.meta.events().map(({ source }) => source))], ['HubSpot'])
})

t.test('connections that call the raw lead differently report one between them, by the name of the first', async (t) => {
  const lead = { source: 'lifecyclestage', stageId: 'lead', eventName: 'New Inquiry' }
  const mapping = stageMapping.parse({ rawLead: { eventName: 'New Inquiry' }, stages: [lead] })
  const it = await testApp(t, { env: pagesEnv(), mapping })
  const other = await it.addTenant({ portal: 4004004, dataset: '700000000000002', token: 'EAAtesttoken0000000000000000000002' })
  await it.db.updateTable('connection').set({ workspace_id: it.workspaceId }).where('id', '=', other.connectionId).execute()
  await it.db.updateTable('route').set({ dataset_id: it.datasetId }).where('connection_id', '=', other.connectionId).execute()
  const page = await connectPage(t, it)
  const first = page.submit({ email: 'ana@example.com' })
  const names = (id: string) => it.meta.events().flatMap(({ leadId, eventName }) => (leadId === id ? [eventName] : []))
  await until(() => names(first).length === 1)
  const properties = { email: 'ana@example.com', lifecyclestage: 'lead' }
  it.hubspot.create({ portalId: 4004004, type: 'contact', properties: { ...properties, meta_lead_id: first } })
  it.hubspot.create({ type: 'contact', properties })
  await it.settled()
  const second = page.submit({ email: 'ben@example.com', at: Math.floor(Date.now() / SECOND - 60) * SECOND, silent: true })
  it.hubspot.create({ portalId: 4004004, type: 'contact', properties: { meta_lead_id: second, lifecyclestage: 'lead' } })
  await it.settled()
  it.meta.leadAds.tell({ id: second })
  await until(() => names(second).length === 1)
  await it.settled()
  t.strictSame([names(first), names(second)], [['New Inquiry'], ['Raw Lead']])
})
