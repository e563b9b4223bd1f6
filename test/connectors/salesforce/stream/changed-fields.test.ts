import t from 'tap'
import { changedFields } from '../../../../connectors/salesforce/stream/changed-fields.ts'

/** The field list of the documentation's example of a converted lead. */
const names = [
  ...['ChangeEventHeader', 'Name', 'Title', 'Company', 'Address', 'Phone', 'MobilePhone', 'Fax', 'Email', 'Website', 'Description'],
  ...['LeadSource', 'Status', 'Industry', 'Rating', 'AnnualRevenue', 'NumberOfEmployees', 'OwnerId', 'HasOptedOutOfEmail'],
  ...['IsConverted', 'ConvertedDate', 'ConvertedAccountId', 'ConvertedContactId', 'ConvertedOpportunityId', 'IsUnreadByOwner'],
  ...['CreatedDate', 'CreatedById', 'LastModifiedDate'],
]
const layout = {
  names,
  parts: new Map([
    [1, ['Salutation', 'FirstName', 'LastName']],
    [4, ['Street', 'City', 'State', 'PostalCode', 'Country']],
  ]),
}

t.test('a bitmap names the fields of its bits, from the least significant', async (t) => {
  t.same(changedFields(['0x08F81000'], layout), [
    ...['Status', 'IsConverted', 'ConvertedDate', 'ConvertedAccountId', 'ConvertedContactId', 'ConvertedOpportunityId'],
    'LastModifiedDate',
  ])
  t.same(changedFields(['0x1000'], layout), ['Status'])
  t.same(changedFields([], layout), [])
  t.same(changedFields(['0x00'], layout), [])
})

t.test('parts of compound fields have bitmaps of their own', async (t) => {
  t.same(changedFields(['0x100', '1-0x06', '4-0x10'], layout), ['Email', 'Name.FirstName', 'Name.LastName', 'Address.Country'])
  t.same(changedFields(['4-0x02'], layout), ['Address.City'], 'without a bitmap of the whole record')
})

t.test('a compound field named as a whole has changed in all its parts, unless they are named', async (t) => {
  t.same(changedFields(['0x02'], layout), ['Name.Salutation', 'Name.FirstName', 'Name.LastName'])
  t.same(changedFields(['0x02', '1-0x04'], layout), ['Name.LastName'])
})

t.test('a schema may have more fields than a number has bits', async (t) => {
  const many = { names: Array.from({ length: 300 }, (_, index) => `F${index}`), parts: new Map() }
  t.same(changedFields([`0x8${'0'.repeat(73)}1`], many), ['F0', 'F299'])
})

t.test('bits beyond the schema name nothing, and what is no bitmap is refused', async (t) => {
  t.same(changedFields(['0x80000000000', '4-0x8000', '2-0x01'], layout), [])
  for (const text of ['', '08F8', '0x', 'Status', '1-', '-0x01', '0xZZ']) t.throws(() => changedFields([text], layout), text)
})
