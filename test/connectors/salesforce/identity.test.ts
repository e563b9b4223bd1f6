import t from 'tap'
import { mappedFields, readIdentity } from '../../../connectors/salesforce/identity.ts'
import { readLeadId } from '../../../connectors/salesforce/lead-id-value.ts'
import { salesforceSettings } from '../../../connectors/salesforce/settings.ts'

const id = '00Q000000000001AAA'
const identity = (fields: Record<string, string>, settings: object = {}, createdAt?: number) =>
  readIdentity(id, (name) => fields[name], salesforceSettings.parse(settings), createdAt)

t.test('what is empty is left out', async (t) => {
  t.same(identity({}), { externalId: id })
  t.same(identity({ MobilePhone: '1' }), { externalId: id, phones: ['1'] })
})

t.test('codes of states and countries go before names where Meta wants them', async (t) => {
  const us = { Country: 'United States', CountryCode: 'US', State: 'California', StateCode: 'CA' }
  t.match(identity(us), { country: 'US', state: 'CA' })
  t.match(identity({ Country: 'Germany', CountryCode: 'DE', State: 'Bayern', StateCode: 'BY' }), { country: 'DE', state: 'Bayern' })
  t.match(identity({ Country: 'Germany', State: 'Bayern' }), { country: 'Germany', state: 'Bayern' })
})

t.test('mapped fields are read under the names of the settings', async (t) => {
  const settings = { leadIdField: 'FB__c', clickIdField: 'Click__c', genderField: 'Sex__c', birthDateField: 'Born__c' }
  const fields = { FB__c: '1', Click__c: 'fb.1.1.x', Sex__c: 'f', Born__c: '1990-02-28', Meta_Lead_ID__c: '2' }
  t.match(identity(fields, settings, 5), {
    metaLeadId: '1',
    clickId: { value: 'fb.1.1.x', firstSeenAt: 5 },
    gender: 'f',
    dateOfBirth: '1990-02-28',
  })
  t.same(mappedFields(salesforceSettings.parse(settings)), ['FB__c', 'Click__c', 'Sex__c', 'Born__c'])
  t.same(mappedFields(salesforceSettings.parse({})), ['Meta_Lead_ID__c'])
})

t.test('settings have defaults and refuse what could not be a name in Salesforce', async (t) => {
  t.same(salesforceSettings.parse({}), {
    ...{ changes: 'stream', leadIdField: 'Meta_Lead_ID__c', opportunityLeadIdField: 'Meta_Lead_ID__c' },
    channel: '/data/Meta_Connector__chn',
  })
  t.ok(salesforceSettings.safeParse({ leadIdField: 'ns__Meta_Lead_ID__c', channel: '/data/ns__Meta_Connector__chn' }).success)
  for (const wrong of [
    ...[{ leadIdField: '' }, { leadIdField: 'Id FROM User' }, { clickIdField: "x'" }, { channel: 'Meta_Connector__chn' }],
    ...[{ changes: 'push' }, { currency: 'euro' }, { other: 1 }],
  ])
    t.notOk(salesforceSettings.safeParse(wrong).success, JSON.stringify(wrong))
})

t.test('a lead id is text, digit by digit; from a number only up to fifteen of them', async (t) => {
  for (const [value, expected] of [
    [' 1234567890123456 ', '1234567890123456'],
    ['l:1234567890123456', 'l:1234567890123456'],
    ['1.23457E+15', '1.23457E+15'],
    ['12345678901234567', '12345678901234567'],
    [123456789012345, '123456789012345'],
    [1234567890123456, '1.234567890123456e+15'],
    ['', undefined],
    ['  ', undefined],
    [null, undefined],
    [undefined, undefined],
    [true, undefined],
  ] as const)
    t.equal(readLeadId(value), expected, String(value))
  t.equal(readLeadId('12345678901234567', true), '1.2345678901234568e+16', 'a number field, read without loss of what it had lost')
  t.equal(readLeadId('nonsense', true), 'NaN')
})
