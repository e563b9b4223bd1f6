/** Promise 20: whatever the tenants share by chance, one never meets another's token, dataset or rows. */
import t from 'tap'
import { addTenants } from '../server/delivery/sharing.ts'
import { testApp } from '../support/app.ts'
import { seeded } from '../support/numbers.ts'

t.test('a random crowd of tenants with the same records, people and lead ids', async (t) => {
  const { seed, random } = seeded()
  t.comment(`seed ${seed} (SEED=${seed} repeats it)`)
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item
  const it = await testApp(t, { hubspot: { webhooks: { mixPortals: true, shuffle: true, duplicateRate: 0.2 } } })
  const tenants = await addTenants(it, 6)
  // Two tenants typed the same dataset id, each with a token of its own.
  const shared = tenants[1] as (typeof tenants)[number]
  await it.db
    .updateTable('dataset')
    .set({ meta_id: shared.meta })
    .where('id', '=', tenants[0]?.datasetId as number)
    .execute()
  it.meta.addDataset({ id: shared.meta, tokens: [shared.token, tenants[0]?.token as string] })

  const people = Array.from({ length: 8 }, (_, n) => ({ email: `person${n}@example.com`, meta_lead_id: `12345678901234${n}` }))
  const expected = new Map<number, Set<string>>()
  for (let n = 0; n < 60; n++) {
    const tenant = pick(tenants)
    const person = pick(people)
    const id = it.hubspot.create({ portalId: tenant.portal, type: 'contact', properties: person }).id
    const reached = expected.get(tenant.datasetId) ?? new Set()
    expected.set(tenant.datasetId, reached.add(`${person.meta_lead_id} Raw Lead`))
    if (random() < 0.5) continue
    it.hubspot.change({ portalId: tenant.portal, type: 'contact', id, properties: { lifecyclestage: 'customer' } })
    reached.add(`${person.meta_lead_id} Converted`)
  }
  await it.settled()

  for (const tenant of tenants.slice(2)) {
    const got = it.meta.events({ dataset: tenant.meta }).map(({ leadId, eventName }) => `${leadId} ${eventName}`)
    t.strictSame(got.sort(), [...(expected.get(tenant.datasetId) ?? [])].sort())
  }
  const both = tenants.slice(0, 2).flatMap(({ datasetId }) => [...(expected.get(datasetId) ?? [])])
  t.equal(it.meta.events({ dataset: shared.meta }).length, both.length, 'the shared id gets each tenant’s events, each for itself')
  t.equal(it.meta.requests().filter(({ outcome }) => outcome !== 'accepted').length, 0, 'no token met a dataset that it may not see')
  const crmCalls = it.hubspot.requests().filter(({ path }) => path.startsWith('/crm/'))
  t.ok(
    crmCalls.every(({ status, portalId }) => status < 300 && portalId !== undefined),
    'no token met another portal',
  )

  const strangers = await it.db
    .selectFrom('ledger')
    .innerJoin('connection', 'connection.id', 'ledger.connection_id')
    .innerJoin('dataset', 'dataset.id', 'ledger.dataset_id')
    .innerJoin('record', 'record.id', 'ledger.record_id')
    .leftJoin('lead', 'lead.id', 'ledger.lead_id')
    .select('ledger.event_id')
    .where(({ eb, or, ref }) =>
      or([
        eb('connection.workspace_id', '<>', ref('dataset.workspace_id')),
        eb('record.connection_id', '<>', ref('ledger.connection_id')),
        eb('lead.workspace_id', '<>', ref('connection.workspace_id')),
      ]),
    )
    .execute()
  t.strictSame(strangers, [])
  const leads = await it.db.selectFrom('lead').select(['workspace_id', 'meta_lead_id']).execute()
  t.equal(new Set(leads.map((lead) => JSON.stringify(lead))).size, leads.length, 'a person is a lead of each tenant for itself')
})
