/** Reading all Meta lead ids of an org, page by page. */
import t from 'tap'
import type { ConnectionContext } from '../../../connectors/connector.ts'
import { leadIds } from '../../../connectors/salesforce/lead-ids.ts'
import type { SalesforceSettings } from '../../../connectors/salesforce/settings.ts'
import { addLead, addOpportunity, contextFor, minute, openOrg } from './org.ts'

const at = Date.now() - 10 * minute

async function readAll(context: ConnectionContext<SalesforceSettings>) {
  const read: { page: number; type: string; id: string; value: string }[] = []
  for (let position: string | undefined, page = 0; page === 0 || position !== undefined; page++) {
    const { entries, next } = await leadIds(context, position)
    read.push(...entries.map(({ ref, value }) => ({ page, ...ref, value })))
    position = next
  }
  return read
}

t.test('leads and opportunities that have one are all read, once, however many there are', async (t) => {
  const salesforce = await openOrg(t)
  const idOf = (n: number) => String(12_345_678_900_000_000n + BigInt(n))
  const records = Array.from({ length: 2_100 }, (_, n) => ({ LastName: 'Bauer', Company: 'Bauer KG', Meta_Lead_ID__c: idOf(n) }))
  for (let n = 0; n < records.length; n += 200) salesforce.insert({ object: 'Lead', at, records: records.slice(n, n + 200) })
  addLead(salesforce, at)
  const opportunity = addOpportunity(salesforce, at, { Meta_Lead_ID__c: idOf(9_000) })
  addOpportunity(salesforce, at)
  const read = await readAll(contextFor(salesforce))
  t.equal(read.length, 2_101)
  t.equal(new Set(read.map(({ id }) => id)).size, 2_101)
  t.same(new Set(read.map(({ value }) => value)), new Set([...records.map(({ Meta_Lead_ID__c }) => Meta_Lead_ID__c), idOf(9_000)]))
  t.match(read.at(-1), { type: 'opportunity', id: opportunity, value: idOf(9_000) })
  t.equal(Math.max(...read.map(({ page }) => page)), 2, 'two pages of leads, one of opportunities')
})

t.test('what a number field has rounded is not passed off as an id, and what is no id stays as it is', async (t) => {
  const salesforce = await openOrg(t)
  salesforce.addField({ object: 'Lead', field: { name: 'FB_Lead_Number__c', type: 'double' } })
  addLead(salesforce, at, { FB_Lead_Number__c: 90_071_992_547_409_940 })
  addLead(salesforce, at, { FB_Lead_Number__c: 123_456_789_012_345 })
  const numbers = await readAll(contextFor(salesforce, { settings: { leadIdField: 'FB_Lead_Number__c' } }))
  t.same(numbers.map(({ value }) => value).sort(), ['123456789012345', '9.007199254740994e+16'])
  addLead(salesforce, at, { Meta_Lead_ID__c: '=cmd|calc' })
  t.match(await readAll(contextFor(salesforce)), [{ value: '=cmd|calc' }])
})

t.test('without a field on opportunities the leads are read all the same; a hidden field of leads is told', async (t) => {
  const salesforce = await openOrg(t)
  addLead(salesforce, at, { Meta_Lead_ID__c: '123456789012345' })
  t.match(await readAll(contextFor(salesforce, { settings: { opportunityLeadIdField: 'Nowhere__c' } })), [{ type: 'lead' }])
  await t.rejects(leadIds(contextFor(salesforce, { settings: { leadIdField: 'Nowhere__c' } }), undefined), { code: 'unknown_field' })
})
