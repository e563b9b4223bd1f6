import t from 'tap'
import { defaultMapping } from '../../../connectors/salesforce/default-mapping.ts'
import { listFields } from '../../../connectors/salesforce/fields.ts'
import { listStages } from '../../../connectors/salesforce/stages.ts'
import { contextFor, openOrg } from './org.ts'

const named = (lines: ReturnType<typeof defaultMapping>) =>
  lines.filter(({ eventName }) => eventName !== null).map(({ source, stageId, eventName }) => [source, stageId, eventName])

t.test('stages come in the order of Setup, with what their flags say they mean', async (t) => {
  const salesforce = await openOrg(t)
  salesforce.setStages({
    leadStatuses: [
      { ApiName: 'c', MasterLabel: 'Won it', IsConverted: true, SortOrder: 9 },
      { ApiName: 'b', MasterLabel: 'Lost', SortOrder: 5 },
      { ApiName: 'a', MasterLabel: 'Neu', IsDefault: true, SortOrder: 2 },
    ],
    stages: [
      { ApiName: 'x', MasterLabel: 'Lost in thought' },
      { ApiName: 'old', IsActive: false },
      { ApiName: 'Closed Won', IsClosed: true },
      { ApiName: 'y', MasterLabel: 'Verloren', IsClosed: true, IsWon: true },
    ],
  })
  t.same(await listStages(contextFor(salesforce)), [
    {
      ...{ recordType: 'lead', source: 'lead_status', label: 'Lead status' },
      stages: [
        { id: 'a', label: 'Neu', order: 0, kind: 'open', archived: false, initial: true },
        { id: 'b', label: 'Lost', order: 1, kind: 'open', archived: false },
        { id: 'c', label: 'Won it', order: 2, kind: 'won', archived: false },
      ],
    },
    {
      ...{ recordType: 'opportunity', source: 'opportunity_stage', label: 'Opportunity stage' },
      stages: [
        { id: 'x', label: 'Lost in thought', order: 0, kind: 'open', archived: false },
        { id: 'old', label: 'old', order: 1, kind: 'open', archived: true },
        { id: 'Closed Won', label: 'Closed Won', order: 2, kind: 'lost', archived: false },
        { id: 'y', label: 'Verloren', order: 3, kind: 'won', archived: false },
      ],
    },
  ])
})

t.test('the proposal goes from lead to opportunity, with all else listed and off', async (t) => {
  const salesforce = await openOrg(t)
  const lines = defaultMapping(await listStages(contextFor(salesforce)))
  t.same(named(lines), [
    ['lead_status', 'Open - Not Contacted', 'Raw Lead'],
    ['lead_status', 'Closed - Converted', 'Qualified Lead'],
    ['opportunity_stage', 'Prospecting', 'Sales Opportunity'],
    ['opportunity_stage', 'Closed Won', 'Converted'],
  ])
  t.equal(lines.length, 14)
  t.same(
    lines.filter(({ negative }) => negative).map(({ stageId, eventName }) => [stageId, eventName]),
    [['Closed Lost', null]],
  )
})

t.test('the default status is where leads begin, wherever it stands; stages out of use are not proposed', async (t) => {
  const salesforce = await openOrg(t)
  salesforce.setStages({
    leadStatuses: [
      { ApiName: 'imported' },
      { ApiName: 'new', IsDefault: true },
      { ApiName: 'sold', IsConverted: true },
      { ApiName: 'leased', IsConverted: true },
    ],
    stages: [{ ApiName: 'old', IsActive: false }, { ApiName: 'lost', IsClosed: true }, { ApiName: 'first' }, { ApiName: 'second' }],
  })
  t.same(named(defaultMapping(await listStages(contextFor(salesforce)))), [
    ['lead_status', 'new', 'Raw Lead'],
    ['lead_status', 'sold', 'Qualified Lead'],
    ['lead_status', 'leased', 'Qualified Lead'],
    ['opportunity_stage', 'first', 'Sales Opportunity'],
  ])
})

t.test('without live stages, those of a new org are proposed', async (t) => {
  t.same(
    named(defaultMapping([])).map(([, , name]) => name),
    ['Raw Lead', 'Qualified Lead', 'Sales Opportunity', 'Converted'],
  )
  t.same(
    defaultMapping([
      { recordType: 'x', source: 'y', label: 'z', stages: [{ id: 'a', label: 'a', order: 0, kind: 'won', archived: false }] },
    ])[0]?.eventName,
    null,
  )
})

t.test('fields of leads and opportunities are listed as far as the user sees them', async (t) => {
  const salesforce = await openOrg(t, { user: { hiddenFields: ['Lead.Email'] } })
  salesforce.addField({ object: 'Lead', field: { name: 'Score__c', label: 'Score', type: 'double' } })
  const fields = await listFields(contextFor(salesforce))
  const type = (recordType: string, name: string) => fields.find((one) => one.recordType === recordType && one.name === name)?.type
  t.match(
    fields.find(({ name }) => name === 'Score__c'),
    { recordType: 'lead', label: 'Score', type: 'number' },
  )
  t.same(
    [
      type('lead', 'LeadSource'),
      type('lead', 'LastName'),
      type('lead', 'CreatedDate'),
      type('opportunity', 'Amount'),
      type('lead', 'OwnerId'),
    ],
    ['choice', 'text', 'date', 'number', 'other'],
  )
  t.equal(type('lead', 'Email'), undefined)
})
