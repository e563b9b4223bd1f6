/** A HubSpot account as its admin knows it, with names for its stages, in which leads went some way. */
import type { Test } from 'tap'
import { metaLeadId, person } from '../../demo/people.ts'
import { roll } from '../../server/figures/roll.ts'
import { pipeline } from '../../simulators/hubspot/default-account.ts'
import { PORTAL, type TestApp, testApp, until } from '../../support/app.ts'
import { ledger } from '../../support/look.ts'
import { byHubspot } from '../../support/settings-page.ts'
import { settle } from '../settle.ts'

const HOUR_MS = 3_600_000
const LEADS = 12

const names = {
  lifecyclestage: {
    ...{ subscriber: 'Subscriber', lead: 'Lead', marketingqualifiedlead: 'Marketing Qualified Lead' },
    ...{ salesqualifiedlead: 'Sales Qualified Lead', opportunity: 'Opportunity', customer: 'Customer' },
  },
  hs_lead_status: { NEW: 'New', IN_PROGRESS: 'In progress', UNQUALIFIED: 'Unqualified' },
}
const deals = {
  appointmentscheduled: 'Appointment scheduled',
  contractsent: 'Contract sent',
  closedwon: 'Closed won',
  closedlost: 'Closed lost',
}
const chances: Readonly<Record<string, string>> = { closedwon: '1.0', closedlost: '0.0' }

function nameStages({ hubspot }: Pick<TestApp, 'hubspot'>): void {
  for (const [name, labels] of Object.entries(names)) {
    const options = Object.entries(labels).map(([value, label], displayOrder) => ({ value, label, displayOrder, hidden: false }))
    const label = name === 'lifecyclestage' ? 'Lifecycle Stage' : 'Lead Status'
    const property = { name, label, type: 'enumeration', fieldType: 'radio', hubspotDefined: true, options }
    hubspot.defineProperty({ portalId: PORTAL, type: 'contact', property })
  }
  for (const [name, label] of Object.entries({ meta_lead_id: 'Meta lead ID', email: 'Email', hs_object_source_label: 'Record source' }))
    hubspot.defineProperty({ portalId: PORTAL, type: 'contact', property: { name, label } })
  const sales = pipeline(
    'default',
    'Sales Pipeline',
    Object.keys(deals).map((id) => [id, chances[id] ?? '0.4']),
  )
  for (const stage of sales.stages) stage.label = deals[stage.id as keyof typeof deals]
  hubspot.setPipelines({ portalId: PORTAL, type: 'deal', pipelines: [sales] })
}

/** @returns the contacts, the one that went furthest first, the last without a Meta lead */
export async function accountWithLeads(t: Test): Promise<{ it: TestApp; contacts: string[] }> {
  const it = await testApp(t)
  nameStages(it)
  const ask = byHubspot(it)
  const versionOf = async (path: string) => ((await ask('GET', path)).body.data as unknown as { version: string }).version
  const mapping = (await ask('GET', '/mapping/proposal')).body.data
  await ask('PUT', '/mapping', { version: await versionOf('/stages'), mapping, confirmed: true })
  const rules = { confirmedSources: [{ field: 'hs_object_source_label', equals: 'Meta lead ads' }] }
  await ask('PUT', '/rules', { version: await versionOf('/rules'), rules })
  await settle(ask)
  const began = Date.now() - 60 * HOUR_MS
  const contacts = Array.from({ length: LEADS }, (_, n) => {
    const { email, firstname, lastname } = person(n)
    const properties = { email, firstname, lastname, ...(n < LEADS - 1 && { meta_lead_id: metaLeadId(n) }) }
    return it.hubspot.create({ portalId: PORTAL, type: 'contact', properties, at: began + n * HOUR_MS }).id
  })
  const funnel = ['lead', 'marketingqualifiedlead', 'salesqualifiedlead', 'opportunity', 'customer']
  let changes = 0
  for (const [step, lifecyclestage] of funnel.entries())
    for (const [n, id] of contacts.entries())
      if (n % (step + 1) === 0 || n === LEADS - 1) {
        const at = began + (n + 6 * (step + 1)) * HOUR_MS
        it.hubspot.change({ portalId: PORTAL, type: 'contact', id, properties: { lifecyclestage }, at })
        changes++
      }
  await it.settled()
  await until(async () => (await ledger(it.db)).length >= changes, 30_000)
  await it.settled()
  await roll(it.db)
  return { it, contacts }
}
