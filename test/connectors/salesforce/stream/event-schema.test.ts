import avro from 'avsc'
import t from 'tap'
import { compileSchema } from '../../../../connectors/salesforce/stream/event-schema.ts'
import { changeSchema, manyFields, standardFields } from '../../../simulators/salesforce/avro-schema.ts'
import { encodeEvent } from '../../../simulators/salesforce/encode-event.ts'
import { change } from './change.ts'

const lead = standardFields('Lead')
const wanted = new Set(['Status', 'FirstName', 'City', 'Meta_Lead_ID__c', 'IsConverted'])
const read = (fields: typeof lead, given: Parameters<typeof change>[0]) =>
  compileSchema(changeSchema('Lead', fields).json(), wanted).read(encodeEvent(fields, change(given)))

t.test('wanted fields, the header and the names of changed fields are read', async (t) => {
  const { header, values, changed, diffed } = read(lead, {
    changedFields: ['Status', 'Name.FirstName', 'Description'],
    diffFields: ['Description'],
    values: { Status: 'Working', 'Name.FirstName': 'Ada', Description: 'long', IsConverted: false },
  })
  t.same(header, {
    entityName: 'Lead',
    recordIds: ['00QAk000001TestAAA'],
    changeType: 'UPDATE',
    changeOrigin: '',
    transactionKey: '0002b3f1-7a55-9c1e-5d0a-6f2f9f1f8a11',
    sequenceNumber: 1,
    commitTimestamp: 1_795_000_000_123,
  })
  t.same(values, { Status: 'Working', FirstName: 'Ada', City: null, Meta_Lead_ID__c: null, IsConverted: false })
  t.same(changed.names, ['Description', 'Status', 'Name.FirstName'])
  t.same(changed.own, new Set(['Description', 'Status', 'FirstName']))
  t.same(diffed.names, ['Description'])
})

t.test('a commit number beyond 2^53 does no harm', async (t) => {
  t.equal(read(lead, { commitNumber: 9_223_372_036_854_775_807n, values: { Status: 'New' } }).values.Status, 'New')
})

t.test('an integer that no number holds comes with all its digits', async (t) => {
  const fields = [...lead, { name: 'Big__c', type: 'long' as const }, { name: 'Small__c', type: 'long' as const }]
  const schema = compileSchema(changeSchema('Lead', fields).json(), new Set(['Big__c', 'Small__c', 'CreatedDate']))
  const values = { Big__c: 1_152_921_504_606_846_977n, Small__c: -5n, CreatedDate: 1_795_000_000_000 }
  t.same(schema.read(encodeEvent(fields, change({ values }))).values, { ...values, Big__c: '1152921504606846977', Small__c: -5 })
})

t.test('fields that an org adds, drops or moves are read by its own schema', async (t) => {
  const more = manyFields('Lead', 300, 'x')
  t.equal(read(more, { values: { Status: 'New', Custom_x200__c: 'kept out' } }).values.Status, 'New')
  const fewer = lead.filter(({ name }) => name !== 'Meta_Lead_ID__c').toReversed()
  const { values, changed } = read(fewer, { changedFields: ['Status'], values: { Status: 'New' } })
  t.same(values, { Status: 'New', FirstName: null, City: null, IsConverted: null })
  t.same(changed.names, ['Status'])
})

t.test('a field that was emptied counts as changed, whichever list names it', async (t) => {
  t.same(read(lead, { changedFields: [], nulledFields: ['Meta_Lead_ID__c'] }).changed.names, ['Meta_Lead_ID__c'])
  t.same(read(lead, { changedFields: ['Status'], nulledFields: ['Status'] }).changed.names, ['Status'])
})

t.test('a name that is one text has no parts', async (t) => {
  t.equal(read(lead, { values: { Name: 'Acme Ltd', Status: 'New' } }).values.FirstName, undefined)
})

/** A schema with shapes that the simulated ones do not have. */
function strange() {
  const person = { type: 'record', name: 'Person', fields: [{ name: 'FirstName', type: ['null', 'string'] }] }
  const business = { type: 'record', name: 'Business', fields: [{ name: 'CompanyName', type: ['null', 'string'] }] }
  const place = { type: 'record', name: 'Address', fields: [{ name: 'City', type: ['null', 'string'] }] }
  const header = JSON.parse(changeSchema('Lead', lead).json()).fields[0]
  header.type.fields.find(({ name }: { name: string }) => name === 'changeType').type.symbols.push('FROM_THE_FUTURE')
  return {
    type: 'record',
    name: 'LeadChangeEvent',
    namespace: 'com.sforce.eventbus',
    fields: [
      header,
      { name: 'Name', type: ['null', person, business] },
      { name: 'Work', type: ['null', place] },
      // A type is described once and named afterwards.
      { name: 'Address', type: ['null', 'com.sforce.eventbus.Address'] },
      { name: 'Blob', type: ['null', 'bytes'] },
      { name: 'Status', type: ['null', 'string'] },
    ],
  }
}
const strangeHeader = (over: object = {}) => ({
  ...{ entityName: 'Lead', recordIds: ['00QAk000001TestAAA'], changeType: 'FROM_THE_FUTURE', changeOrigin: '', transactionKey: 'k' },
  ...{ sequenceNumber: 1, commitTimestamp: 1, commitNumber: 1, commitUser: 'u', nulledFields: [], diffFields: [], changedFields: [] },
  ...over,
})

t.test('unions of several records, named types and new kinds of change are understood', async (t) => {
  const schema = strange()
  const payload = avro.Type.forSchema(schema as never).toBuffer({
    ChangeEventHeader: strangeHeader({ changedFields: ['1-0x01', '3-0x01'] }),
    Name: { 'com.sforce.eventbus.Person': { FirstName: 'Ada' } },
    Work: { City: 'London' },
    Address: { City: 'Paris' },
    Blob: Buffer.from('x'),
    Status: 'New',
  })
  const { values, header, changed } = compileSchema(JSON.stringify(schema), new Set(['FirstName', 'Status', 'City'])).read(payload)
  t.equal(header.changeType, 'FROM_THE_FUTURE')
  t.same(values, { FirstName: 'Ada', City: 'Paris', Status: 'New' })
  t.same(changed.names, ['Name.FirstName', 'Address.City'])
})

t.test('what does not fit the schema is refused', async (t) => {
  const schema = compileSchema(changeSchema('Lead', lead).json(), wanted)
  const payload = encodeEvent(lead, change({ values: { Status: 'New', Meta_Lead_ID__c: '1234567890123456' } }))
  t.throws(() => schema.read(payload.subarray(0, payload.length / 2)))
  t.throws(() => schema.read(Buffer.alloc(0)))
  t.throws(() => compileSchema('{"type":"record","name":"Other__e","fields":[{"name":"Text__c","type":"string"}]}', wanted))
  t.throws(() => compileSchema('nonsense', wanted))
})

t.test('damaged bytes that claim billions of items are refused at once', async (t) => {
  const schema = compileSchema(changeSchema('Lead', lead).json(), wanted)
  const payload = encodeEvent(lead, change({ values: { Status: 'New' } }))
  // The count of record ids comes behind the name of the entity.
  const count = 1 + 'Lead'.length
  t.equal(payload[count], 2, 'one, in zig-zag')
  const billions = Buffer.from([0xfe, 0xff, 0xff, 0xff, 0x0f])
  t.throws(() => schema.read(Buffer.concat([payload.subarray(0, count), billions, payload.subarray(count + 1)])), /cut off/)
})
