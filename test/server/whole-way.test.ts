/** The main job with the mapping that the connector proposes: the funnel of Meta's own guide, as HubSpot's webhooks tell it. */
import t from 'tap'
import { connectors } from '../../connectors/registry.ts'
import { stageMapping } from '../../mappings/stage-mapping.ts'
import { DATASET, testApp } from '../support/app.ts'
import { ledger } from '../support/look.ts'

const proposed = stageMapping.parse({ stages: connectors.hubspot?.defaultMapping([]) })

t.test('a stage change in HubSpot becomes a conversion event at Meta', async (t) => {
  const it = await testApp(t, { mapping: proposed })
  const { id } = it.hubspot.create({
    type: 'contact',
    properties: { email: 'ana@example.com', firstname: 'Ana', lifecyclestage: 'lead', meta_lead_id: '12345678901234567' },
  })
  await it.settled()
  it.hubspot.change({ type: 'contact', id, properties: { lifecyclestage: 'marketingqualifiedlead' } })
  await it.settled()
  t.strictSame(
    it.meta.events({ dataset: DATASET }).map(({ eventName, leadId, notCounted }) => [eventName, leadId, notCounted]),
    [
      ['Raw Lead', '12345678901234567', []],
      ['Marketing Qualified Lead', '12345678901234567', []],
    ],
  )
})

t.test('a hundred leads come down the funnel as 215 events, each once and in order', async (t) => {
  const it = await testApp(t, {
    mapping: proposed,
    hubspot: { webhooks: { shuffle: true, duplicateRate: 0.2, reissueRate: 0.1, windowMs: 50 } },
  })
  const at = Date.now() - 3_600_000
  const leads = Array.from({ length: 100 }, (_, n) => {
    const meta_lead_id = String(10_000_000_000_000_000n + BigInt(n))
    return it.hubspot.create({ type: 'contact', at: at + n, properties: { lifecyclestage: 'lead', meta_lead_id } }).id
  })
  await it.settled()
  for (const [stage, howMany, minutes] of [
    ['marketingqualifiedlead', 70, 10],
    ['opportunity', 30, 20],
    ['customer', 15, 30],
  ] as const) {
    for (const [n, id] of leads.slice(0, howMany).entries())
      it.hubspot.change({ type: 'contact', id, at: at + minutes * 60_000 + n, properties: { lifecyclestage: stage } })
    await it.settled()
  }
  t.match(it.meta.summary().datasets[DATASET], {
    received: 215,
    counted: 215,
    distinct: 215,
    doubled: 0,
    outOfOrder: 0,
    leads: 100,
    byEventName: { 'Raw Lead': 100, 'Marketing Qualified Lead': 70, 'Sales Opportunity': 30, Converted: 15 },
  })
  const lines = await ledger(it.db)
  t.equal(lines.filter(({ outcome }) => outcome === 'sent').length, 215)
  t.ok(lines.every(({ outcome, reason }) => outcome === 'sent' || reason === 'already_reached'))
})
