import t from 'tap'
import type { LookupRequest, RecordSnapshot } from '../../../connectors/connector.ts'
import { lookup } from '../../../connectors/salesforce/lookup.ts'
import { addLead, addOpportunity, contextFor, metaLeadId, minute, openOrg, questions, setField } from './org.ts'

const start = Date.UTC(2026, 10, 20, 8)
const ask = (type: string, id: string, history = false): LookupRequest => ({ ref: { type, id }, history })
const of = (snapshots: RecordSnapshot[], id: string) => snapshots.find(({ ref }) => ref.id === id)
const stagesOf = (snapshot: RecordSnapshot | undefined) =>
  snapshot?.transitions?.map(({ stage, occurredAt }) => [stage.stageId, (occurredAt - start) / minute])

t.test('a lead comes with its identity, status, creation and rule fields', async (t) => {
  const salesforce = await openOrg(t)
  salesforce.addField({ object: 'Lead', field: { name: 'Consent__c' } })
  salesforce.addField({ object: 'Lead', field: { name: 'Click__c' } })
  salesforce.addField({ object: 'Lead', field: { name: 'Born__c', type: 'date' } })
  const id = addLead(salesforce, start, {
    ...{ FirstName: 'Ana', LastName: 'Bauer', Email: 'ana@example.com', Phone: '089 123456', MobilePhone: '+49171123456' },
    ...{ City: 'München', PostalCode: '80331', Country: 'Germany', Meta_Lead_ID__c: metaLeadId },
    ...{ Consent__c: 'yes', Click__c: 'fbclid-1', Born__c: '1990-02-28', LeadSource: null },
  })
  const settings = { clickIdField: 'Click__c', birthDateField: 'Born__c' }
  const [snapshot, ...others] = await lookup(contextFor(salesforce, { settings, ruleFields: ['Consent__c', 'LeadSource', 'Amount'] }), [
    ask('lead', id),
  ])
  t.same(others, [])
  t.same(snapshot, {
    ref: { type: 'lead', id },
    found: true,
    createdAt: start,
    stages: [{ source: 'lead_status', stageId: 'Open - Not Contacted' }],
    fields: { Consent__c: 'yes', LeadSource: null },
    identity: {
      metaLeadId,
      clickId: { value: 'fbclid-1', firstSeenAt: start },
      emails: ['ana@example.com'],
      phones: ['089 123456', '+49171123456'],
      ...{ firstName: 'Ana', lastName: 'Bauer', dateOfBirth: '1990-02-28' },
      ...{ city: 'München', postalCode: '80331', country: 'Germany' },
      externalId: id,
    },
  })
})

t.test('a thousand leads cost two questions, and what an org is like is asked once in a while', async (t) => {
  const salesforce = await openOrg(t)
  const ids = Array.from({ length: 1_000 }, () => addLead(salesforce, start))
  const context = contextFor(salesforce)
  const wanted = [...ids, ...ids].map((id) => ask('lead', id))
  t.equal((await lookup(context, wanted)).length, 1_000)
  t.same(questions(salesforce), ['Lead WHERE Id IN (…)', 'Lead WHERE Id IN (…)'])
  t.equal(salesforce.counts().describe, 2)
  await lookup(context, wanted.slice(0, 1))
  t.equal(salesforce.counts().describe, 2)
})

t.test('with history a lead has every status from the first on', async (t) => {
  const salesforce = await openOrg(t)
  salesforce.track({ object: 'Lead', field: 'Status' })
  const [moved, fresh] = [addLead(salesforce, start), addLead(salesforce, start + minute)]
  setField(salesforce, 'Lead', moved, start + 5 * minute, { Status: 'Working - Contacted' })
  setField(salesforce, 'Lead', moved, start + 9 * minute, { Status: 'Closed - Not Converted' })
  setField(salesforce, 'Lead', fresh, start + 9 * minute, { City: 'Bonn' })
  const found = await lookup(contextFor(salesforce), [ask('lead', moved, true), ask('lead', fresh, true)])
  t.same(stagesOf(of(found, moved)), [
    ['Open - Not Contacted', 0],
    ['Working - Contacted', 5],
    ['Closed - Not Converted', 9],
  ])
  t.same(stagesOf(of(found, fresh)), [['Open - Not Contacted', 1]])
})

t.test('where the history tells labels, stages still have their API names', async (t) => {
  const salesforce = await openOrg(t, { historyShows: 'label' })
  salesforce.setStages({
    leadStatuses: [
      { ApiName: 'new', MasterLabel: 'Neu', IsDefault: true },
      { ApiName: 'work', MasterLabel: 'In Arbeit' },
      { ApiName: 'Neu', MasterLabel: 'Sehr neu' },
    ],
  })
  salesforce.track({ object: 'Lead', field: 'Status' })
  const id = addLead(salesforce, start)
  setField(salesforce, 'Lead', id, start + minute, { Status: 'work' })
  setField(salesforce, 'Lead', id, start + 2 * minute, { Status: 'Neu' })
  t.same(stagesOf(of(await lookup(contextFor(salesforce), [ask('lead', id, true)]), id)), [
    // A label that is the API name of another status cannot be told from it.
    ['Neu', 0],
    ['work', 1],
    ['Neu', 2],
  ])
})

t.test('without tracking only an untouched lead has a known past', async (t) => {
  const salesforce = await openOrg(t)
  const [moved, fresh] = [addLead(salesforce, start), addLead(salesforce, start)]
  setField(salesforce, 'Lead', moved, start + 5 * minute, { Status: 'Working - Contacted' })
  const found = await lookup(contextFor(salesforce), [ask('lead', moved, true), ask('lead', fresh, true)])
  t.same(of(found, moved)?.transitions, [])
  t.same(stagesOf(of(found, fresh)), [['Open - Not Contacted', 0]])
})

t.test('a user without access to the history of leads still gets the leads', async (t) => {
  const salesforce = await openOrg(t, { user: { hiddenObjects: ['LeadHistory'] } })
  salesforce.track({ object: 'Lead', field: 'Status' })
  const id = addLead(salesforce, start)
  setField(salesforce, 'Lead', id, start + 5 * minute, { Status: 'Working - Contacted' })
  t.match(await lookup(contextFor(salesforce), [ask('lead', id, true)]), [{ ref: { id }, found: true, transitions: [] }])
})

t.test('behind an opportunity stands the lead that was converted to it first', async (t) => {
  const salesforce = await openOrg(t)
  const [late, early] = [addLead(salesforce, start), addLead(salesforce, start + minute, { Meta_Lead_ID__c: metaLeadId })]
  const { opportunityId } = salesforce.convert({ leads: [early], at: start + 10 * minute, opportunity: { Amount: 5000 } })
  salesforce.convert({ leads: [late], at: start + 3 * 1440 * minute, opportunityId: opportunityId as string })
  setField(salesforce, 'Opportunity', opportunityId as string, start + 20 * minute, { StageName: 'Qualification' })
  setField(salesforce, 'Opportunity', opportunityId as string, start + 30 * minute, { Amount: 6000 })
  const found = await lookup(contextFor(salesforce, { settings: { currency: 'EUR' } }), [ask('opportunity', opportunityId as string, true)])
  const opportunity = of(found, opportunityId as string)
  t.match(opportunity, {
    found: true,
    createdAt: start + 10 * minute,
    person: { type: 'lead', id: early },
    stages: [{ source: 'opportunity_stage', stageId: 'Qualification' }],
    amount: { value: 6000, currency: 'EUR' },
  })
  t.same(stagesOf(opportunity), [
    ['Prospecting', 10],
    ['Qualification', 20],
  ])
  t.match(of(found, early), { identity: { metaLeadId, externalId: early } })
  t.equal(of(found, late), undefined, 'the other lead is not read')
})

t.test('a converted lead brings the stages of its opportunity along, and a conversion that left no row is dated by it', async (t) => {
  const salesforce = await openOrg(t)
  const id = addLead(salesforce, start, { Meta_Lead_ID__c: metaLeadId })
  const { opportunityId } = salesforce.convert({ leads: [id], at: start + 10 * minute })
  setField(salesforce, 'Opportunity', opportunityId as string, start + 20 * minute, { StageName: 'Closed Won' })
  const found = await lookup(contextFor(salesforce), [ask('lead', id, true)])
  t.same(stagesOf(of(found, id)), [['Closed - Converted', 10]], 'nothing is tracked')
  t.match(of(found, opportunityId as string), { person: { type: 'lead', id } })
  t.same(stagesOf(of(found, opportunityId as string)), [
    ['Prospecting', 10],
    ['Closed Won', 20],
  ])
})

t.test('a conversion to no opportunity, or to one of long ago, is dated by the history alone', async (t) => {
  const salesforce = await openOrg(t)
  salesforce.track({ object: 'Lead', field: 'Status' })
  const old = addOpportunity(salesforce, start - 9 * 1440 * minute)
  const [without, into] = [addLead(salesforce, start), addLead(salesforce, start)]
  salesforce.convert({ leads: [without], opportunity: false, at: start + 7 * minute })
  salesforce.convert({ leads: [into], opportunityId: old, at: start + 8 * minute })
  const tracked = await lookup(contextFor(salesforce), [ask('lead', without, true), ask('lead', into, true)])
  t.same(stagesOf(of(tracked, without))?.at(-1), ['Closed - Converted', 7])
  t.same(stagesOf(of(tracked, into))?.at(-1), ['Closed - Converted', 8])
  salesforce.track({ object: 'Lead', field: 'Status', on: false })
  const untracked = await lookup(contextFor(salesforce), [ask('lead', without, true), ask('lead', into, true)])
  t.same(of(untracked, without)?.transitions, [])
  t.same(of(untracked, into)?.transitions, [])
})

t.test('an opportunity that carries a Meta lead id says itself whose it is', async (t) => {
  const salesforce = await openOrg(t)
  const own = addOpportunity(salesforce, start, { Meta_Lead_ID__c: metaLeadId })
  const lead = addLead(salesforce, start, { Meta_Lead_ID__c: metaLeadId, Email: 'ana@example.com' })
  const { opportunityId: same } = salesforce.convert({ leads: [lead], at: start, opportunity: { Meta_Lead_ID__c: metaLeadId } })
  const other = addLead(salesforce, start, { Email: 'eva@example.com' })
  const { opportunityId: different } = salesforce.convert({
    leads: [other],
    at: start,
    opportunity: { Meta_Lead_ID__c: '2234567890123456' },
  })
  const ids = [own, same as string, different as string]
  const found = await lookup(
    contextFor(salesforce),
    ids.map((id) => ask('opportunity', id)),
  )
  t.same(of(found, own)?.identity, { externalId: own, metaLeadId })
  t.match(of(found, same as string), { identity: undefined, person: { id: lead } })
  t.match(of(found, different as string), { identity: { metaLeadId: '2234567890123456', emails: ['eva@example.com'] }, person: undefined })
})

t.test('merged leads lead to their survivor, over several merges; deleted ones are gone', async (t) => {
  const salesforce = await openOrg(t)
  const [first, second, last, deleted, purged] = Array.from({ length: 5 }, () => addLead(salesforce, start)) as [
    string,
    string,
    string,
    string,
    string,
  ]
  salesforce.merge({ master: second, losers: [first], at: start + minute })
  salesforce.merge({ master: last, losers: [second], at: start + 2 * minute })
  salesforce.delete({ object: 'Lead', ids: [deleted, purged] })
  salesforce.purge({ object: 'Lead', ids: [purged] })
  const found = await lookup(
    contextFor(salesforce),
    [first, deleted, purged].map((id) => ask('lead', id, true)),
  )
  t.same(of(found, first), { ref: { type: 'lead', id: first }, found: false, survivorId: second, stages: [], fields: {} })
  t.match(of(found, second), { found: false, survivorId: last })
  t.match(of(found, last), { found: true, transitions: [] })
  for (const id of [deleted, purged]) t.match(of(found, id), { found: false, survivorId: undefined })
})

t.test('every ref is answered, whatever it is', async (t) => {
  const salesforce = await openOrg(t)
  const id = addLead(salesforce, start)
  const strange = ['', "' OR Id != '", '00Q', id.slice(0, 15), '006000000000001AAA', `${id.slice(0, 15)}ZZZ`, '00Q000000000001AAA']
  const wanted = [...strange.map((one) => ask('lead', one)), ask('contact', id), ask('lead', id)]
  const found = await lookup(contextFor(salesforce), wanted)
  t.same(
    found.filter((one) => one.found).map(({ ref }) => ref.id),
    [id],
  )
  t.same(new Set(found.map(({ ref }) => `${ref.type} ${ref.id}`)), new Set(wanted.map(({ ref }) => `${ref.type} ${ref.id}`)))
  t.same(
    (await lookup(contextFor(salesforce), [ask('contact', id)])).map(({ found }) => found),
    [false],
  )
})

t.test('a mapped field that is hidden or missing is an error that names it, not a loss', async (t) => {
  const salesforce = await openOrg(t, { user: { hiddenFields: ['Lead.Meta_Lead_ID__c'] } })
  const id = addLead(salesforce, start)
  const expected = (name: string) => ({ code: 'unknown_field', scope: 'connection', retry: 'never', userText: new RegExp(name) })
  await t.rejects(lookup(contextFor(salesforce), [ask('lead', id)]), expected('Meta_Lead_ID__c'))
  salesforce.setUser({ hiddenFields: [] })
  await t.rejects(lookup(contextFor(salesforce, { settings: { clickIdField: 'Click__c' } }), [ask('lead', id)]), expected('Click__c'))
  await t.rejects(lookup(contextFor(salesforce, { ruleFields: ['Consent__c'] }), [ask('lead', id)]), expected('Consent__c'))
  const context = contextFor(salesforce)
  t.match(await lookup(context, [ask('lead', id)]), [{ found: true }])
  salesforce.setUser({ hiddenFields: ['Lead.Meta_Lead_ID__c'] })
  await t.rejects(lookup(context, [ask('lead', id)]), { code: 'unknown_field' }, 'it was there a moment ago')
  await t.rejects(lookup(context, [ask('lead', id)]), expected('Meta_Lead_ID__c'))
  salesforce.setUser({ hiddenFields: [] })
  t.match(await lookup(context, [ask('lead', id)]), [{ found: true }], 'and is taken up as soon as it can be seen')
  salesforce.setUser({ hiddenFields: ['Opportunity.Meta_Lead_ID__c'] })
  t.match(await lookup(contextFor(salesforce), [ask('lead', id)]), [{ found: true }], 'opportunities need none of their own')
})

t.test('an id in a number field counts up to fifteen digits and is never passed on rounded', async (t) => {
  const salesforce = await openOrg(t)
  salesforce.addField({ object: 'Lead', field: { name: 'FB_Lead_ID__c', type: 'double' } })
  const values = { exact: 123456789012345, sixteen: 1234567890123456, seventeen: 12345678901234568 }
  const ids = Object.values(values).map((value) => addLead(salesforce, start, { FB_Lead_ID__c: value }))
  const found = await lookup(
    contextFor(salesforce, { settings: { leadIdField: 'FB_Lead_ID__c' } }),
    ids.map((id) => ask('lead', id)),
  )
  t.same(
    ids.map((id) => of(found, id)?.identity?.metaLeadId),
    ['123456789012345', '1.234567890123456e+15', '1.2345678901234568e+16'],
  )
})

t.test('a currency of its own comes with an amount in orgs that have several', async (t) => {
  const salesforce = await openOrg(t)
  salesforce.addField({ object: 'Opportunity', field: { name: 'CurrencyIsoCode', type: 'picklist' } })
  const id = addOpportunity(salesforce, start, { Amount: 12.5, CurrencyIsoCode: 'CHF' })
  t.match(await lookup(contextFor(salesforce, { settings: { currency: 'EUR' } }), [ask('opportunity', id)]), [
    { amount: { value: 12.5, currency: 'CHF' } },
  ])
})

t.test('who may not see opportunities follows leads only; who may not see leads is told', async (t) => {
  const salesforce = await openOrg(t)
  const lead = addLead(salesforce, start)
  const { opportunityId } = salesforce.convert({ leads: [lead], at: start + minute })
  salesforce.setUser({ hiddenObjects: ['Opportunity'] })
  const found = await lookup(contextFor(salesforce), [ask('lead', lead, true), ask('opportunity', opportunityId as string, true)])
  t.match(of(found, lead), { found: true })
  t.match(of(found, opportunityId as string), { found: false })
  salesforce.setUser({ hiddenObjects: ['Lead'] })
  await t.rejects(lookup(contextFor(salesforce), [ask('lead', lead)]), { code: 'unknown_object', retry: 'never' })
})
