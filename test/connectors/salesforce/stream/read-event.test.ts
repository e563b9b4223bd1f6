import t from 'tap'
import { type SalesforceSettings, salesforceSettings } from '../../../../connectors/salesforce/settings.ts'
import { compileSchema } from '../../../../connectors/salesforce/stream/event-schema.ts'
import { readEvent } from '../../../../connectors/salesforce/stream/read-event.ts'
import { wantedFields } from '../../../../connectors/salesforce/stream/wanted-fields.ts'
import { type ChangeField, changeSchema, standardFields } from '../../../simulators/salesforce/avro-schema.ts'
import type { OrgChange } from '../../../simulators/salesforce/change-log.ts'
import { encodeEvent } from '../../../simulators/salesforce/encode-event.ts'
import { change } from './change.ts'

interface Given {
  settings?: Partial<SalesforceSettings>
  ruleFields?: string[]
  /** Custom fields of the org. */
  more?: ChangeField[]
}

/** What is read of a change after its way over the wire. */
function readChange(given: Partial<OrgChange>, { settings = {}, ruleFields = [], more = [] }: Given = {}) {
  const { entity = 'Lead' } = given
  const fields = [...standardFields(entity), ...more]
  const reading = { settings: salesforceSettings.parse(settings), ruleFields }
  const schema = compileSchema(changeSchema(entity, fields).json(), wantedFields(reading))
  const read = readEvent(schema.read(encodeEvent(fields, change(given))), reading)
  return read && JSON.parse(JSON.stringify(read))
}

t.test('a created lead is read whole', async (t) => {
  const values = {
    ...{ 'Name.FirstName': 'Ada', 'Name.LastName': 'Lovelace', Company: 'Engines', Email: 'ada@example.com', Phone: '030 1234' },
    ...{ MobilePhone: '+49171', 'Address.Street': 'Main 1', 'Address.City': 'Berlin', 'Address.State': 'Berlin' },
    ...{ 'Address.PostalCode': '10115', 'Address.Country': 'Germany', 'Address.CountryCode': 'DE' },
    ...{ Status: 'Working', CreatedDate: 1_795_000_000_000, Meta_Lead_ID__c: '12345678901234567', LeadSource: 'Facebook' },
    ...{ fbclid__c: 'abc', Birth__c: 642_556_800_000, Consent__c: true },
  }
  const more: ChangeField[] = [
    { name: 'fbclid__c', type: 'string' },
    { name: 'Birth__c', type: 'long' },
    { name: 'Consent__c', type: 'boolean' },
  ]
  const settings = { clickIdField: 'fbclid__c', birthDateField: 'Birth__c' }
  const ruleFields = ['LeadSource', 'Consent__c', 'Country', 'Industry', 'Hidden__c']
  t.same(readChange({ changeType: 'CREATE', values }, { settings, ruleFields, more }), {
    kind: 'event',
    entity: 'Lead',
    ids: ['00QAk000001TestAAA'],
    type: 'CREATE',
    at: 1_795_000_000_123,
    transaction: '0002b3f1-7a55-9c1e-5d0a-6f2f9f1f8a11',
    sequence: 1,
    changed: [],
    fields: { Status: 'Working', CreatedDate: 1_795_000_000_000 },
    identity: {
      metaLeadId: '12345678901234567',
      clickId: { value: 'abc', firstSeenAt: 1_795_000_000_000 },
      emails: ['ada@example.com'],
      phones: ['030 1234', '+49171'],
      firstName: 'Ada',
      lastName: 'Lovelace',
      dateOfBirth: '1990-05-13',
      city: 'Berlin',
      state: 'Berlin',
      postalCode: '10115',
      country: 'DE',
    },
    rules: { LeadSource: 'Facebook', Consent__c: 'true', Country: 'Germany', Industry: null },
    internal: true,
  })
})

t.test('a null means nothing unless the field changed', async (t) => {
  const read = readChange({ changedFields: ['Status'], values: { Status: 'Working' } }, { ruleFields: ['LeadSource'] })
  t.same(read.fields, { Status: 'Working' })
  t.notOk('identity' in read || 'rules' in read || 'unclear' in read)
  const emptied = readChange(
    { changedFields: ['LeadSource', 'Status'], nulledFields: ['LeadSource', 'Status'] },
    { ruleFields: ['LeadSource'] },
  )
  t.same(emptied.rules, { LeadSource: null })
  t.same(emptied.fields, { Status: null })
})

t.test('what the channel adds to an update is known', async (t) => {
  const read = readChange({ changedFields: ['Status'], values: { Status: 'Working', Meta_Lead_ID__c: '1234567890123456' } })
  t.same(read.identity, { metaLeadId: '1234567890123456' })
  t.notOk('unclear' in read)
})

t.test('names and addresses of mail are shown by an update; what needs more than was told is unclear', async (t) => {
  const shown = readChange({ changedFields: ['Email', 'Name.LastName'], values: { Email: 'a@example.com', 'Name.LastName': 'King' } })
  t.same(shown.identity, { emails: ['a@example.com'], lastName: 'King' })
  t.notOk('unclear' in shown)
  t.same(shown.changed, ['Email', 'Name.LastName'])
  for (const [name, value] of [
    ['Phone', '030 1'],
    ['MobilePhone', '030 2'],
    ['Address.City', 'Bonn'],
    ['Address.CountryCode', 'DE'],
    ['fbclid__c', 'abc'],
  ] as const) {
    const given = { settings: { clickIdField: 'fbclid__c' }, more: [{ name: 'fbclid__c', type: 'string' as const }] }
    const read = readChange({ changedFields: [name], values: { [name]: value } }, given)
    t.equal(read.unclear, true, name)
    t.notOk('identity' in read, name)
  }
  t.notOk('unclear' in readChange({ changedFields: ['Website'], values: { Website: 'https://example.com' } }))
})

t.test('what was emptied of a person is unclear', async (t) => {
  t.equal(readChange({ changedFields: ['Email'], nulledFields: ['Email'] }).unclear, true)
  const lost = readChange({ changedFields: ['Meta_Lead_ID__c', 'Email'], values: { Email: 'a@example.com' } })
  t.equal(lost.unclear, true)
  t.notOk('identity' in lost, 'who has lost the lead id is not shown by the rest')
})

t.test('a field of which only the difference is told is not known', async (t) => {
  const read = readChange(
    { changedFields: ['Status', 'Notes__c'], diffFields: ['Notes__c'], values: { Status: 'New', Notes__c: '@@ -1 +1' } },
    {
      ruleFields: ['Notes__c'],
      more: [{ name: 'Notes__c', type: 'string' }],
    },
  )
  t.notOk('rules' in read)
  t.equal(read.unclear, true)
})

t.test('a field that the admin mapped is read in place of the packaged one, and a number that may be rounded is no id', async (t) => {
  const read = (id: number) =>
    readChange(
      { changedFields: ['FB_Lead_ID__c'], values: { FB_Lead_ID__c: id, Meta_Lead_ID__c: '1' } },
      { settings: { leadIdField: 'FB_Lead_ID__c' }, more: [{ name: 'FB_Lead_ID__c', type: 'double' }] },
    ).identity
  t.same(read(123_456_789_012_345), { metaLeadId: '123456789012345' })
  t.match(read(1_234_567_890_123_456), { metaLeadId: /e\+15$/ })
})

t.test('an opportunity shows its own lead id, and no amount', async (t) => {
  const given: Partial<OrgChange> = { entity: 'Opportunity', recordIds: ['006Ak000001TestAAA'] }
  const read = readChange({
    ...given,
    changedFields: ['StageName'],
    values: { StageName: 'Closed Won', Meta_Lead_ID__c: '1234567890123456' },
  })
  t.same(read.fields, { StageName: 'Closed Won' })
  t.same(read.identity, { metaLeadId: '1234567890123456' })
  t.notOk('unclear' in read)
  t.equal(
    readChange({ ...given, changedFields: ['Amount'], values: { Amount: 5 } }).unclear,
    true,
    'it is worth something in a currency only',
  )
  t.equal(readChange({ ...given, changedFields: ['Meta_Lead_ID__c'] }).unclear, true)
  t.notOk('unclear' in readChange({ ...given, changeType: 'CREATE', values: { Amount: 5, StageName: 'New' } }))
})

t.test('a conversion tells the opportunity', async (t) => {
  const read = readChange({
    sequenceNumber: 4,
    changedFields: ['Status', 'IsConverted', 'ConvertedDate', 'ConvertedOpportunityId'],
    values: { Status: 'Qualified', IsConverted: true, ConvertedDate: 1_794_960_000_000, ConvertedOpportunityId: '006Ak000001TestAAA' },
  })
  t.equal(read.sequence, 4)
  t.same(read.fields, { Status: 'Qualified', ConvertedOpportunityId: '006Ak000001TestAAA' })
})

t.test('gap events tell of records and nothing else', async (t) => {
  for (const changeType of ['GAP_CREATE', 'GAP_UPDATE', 'GAP_DELETE', 'GAP_UNDELETE', 'GAP_OVERFLOW', 'DELETE', 'UNDELETE']) {
    const read = readChange(
      { changeType, values: changeType === 'UNDELETE' ? { Email: 'a@example.com' } : {} },
      { ruleFields: ['LeadSource'] },
    )
    t.equal(read.type, changeType)
    t.notOk('identity' in read || 'rules' in read, changeType)
  }
})

t.test('several records, and who made the change', async (t) => {
  const ids = ['00QAk000001TestAAA', '00QAk000002TestAAA']
  t.match(readChange({ recordIds: ids }), { ids, together: 2, internal: true })
  const byApi = readChange({ changeOrigin: 'com/salesforce/api/rest/66.0;client=leadstage' })
  t.notOk('internal' in byApi || 'together' in byApi)
})

t.test('kinds of change that are reserved mean nothing', async (t) => {
  t.equal(readChange({ changeType: 'SNAPSHOT' }), undefined)
})
