/**
 * The Avro schemas of change events: `ChangeEventHeader` first, then the fields of the object, each a union with null. A schema's
 * id is made from its content, so that orgs with the same fields share it and every edit of a field makes a new one.
 */
import { createHash } from 'node:crypto'
import type { Entity } from './change-log.ts'

/** `name` and `address` are compound: their values go by dotted names. A `name` can be one string as well (a business). */
export type ChangeFieldType = 'string' | 'boolean' | 'int' | 'long' | 'double' | 'name' | 'address'
export interface ChangeField {
  /** API name. */
  name: string
  type: ChangeFieldType
}
export interface ChangeSchema {
  id: string
  /** Header not counted: the first has index 1 in the record. */
  fields: readonly ChangeField[]
  /** Built when asked for: schemas of 300 fields are large, and orgs are many. */
  json(): string
}

const list = (type: ChangeFieldType, names: string): ChangeField[] => names.split(' ').map((name) => ({ name, type }))

/** The fields of a new org's change events, in the order of their schema, the packaged lead id last. */
export function standardFields(entity: Entity): ChangeField[] {
  return entity === 'Lead' ? [...lead] : [...opportunity]
}
const lead: readonly ChangeField[] = [
  ...list('name', 'Name'),
  ...list('string', 'Title Company'),
  ...list('address', 'Address'),
  ...list('string', 'Phone MobilePhone Fax Email Website Description LeadSource Status Industry Rating'),
  ...list('double', 'AnnualRevenue'),
  ...list('int', 'NumberOfEmployees'),
  ...list('string', 'OwnerId'),
  ...list('boolean', 'HasOptedOutOfEmail IsConverted'),
  ...list('long', 'ConvertedDate'),
  ...list('string', 'ConvertedAccountId ConvertedContactId ConvertedOpportunityId'),
  ...list('boolean', 'IsUnreadByOwner'),
  ...list('long', 'CreatedDate'),
  ...list('string', 'CreatedById'),
  ...list('long', 'LastModifiedDate'),
  ...list('string', 'LastModifiedById'),
  ...list('boolean', 'DoNotCall HasOptedOutOfFax'),
  ...list('long', 'LastTransferDate'),
  ...list('string', 'RecordTypeId Jigsaw JigsawContactId CleanStatus CompanyDunsNumber DandbCompanyId EmailBouncedReason'),
  ...list('long', 'EmailBouncedDate'),
  ...list('string', 'IndividualId Pronouns GenderIdentity SICCode__c ProductInterest__c Primary__c CurrentGenerators__c'),
  ...list('double', 'NumberofLocations__c'),
  ...list('string', 'Meta_Lead_ID__c'),
]
const opportunity: readonly ChangeField[] = [
  ...list('string', 'AccountId RecordTypeId'),
  ...list('boolean', 'IsPrivate'),
  ...list('string', 'Name Description StageName'),
  ...list('double', 'Amount Probability TotalOpportunityQuantity'),
  ...list('long', 'CloseDate'),
  ...list('string', 'Type NextStep LeadSource ForecastCategory ForecastCategoryName CampaignId'),
  ...list('boolean', 'HasOpportunityLineItem'),
  ...list('string', 'Pricebook2Id OwnerId'),
  ...list('long', 'CreatedDate'),
  ...list('string', 'CreatedById'),
  ...list('long', 'LastModifiedDate'),
  ...list('string', 'LastModifiedById'),
  ...list('long', 'LastStageChangeDate'),
  ...list('string', 'ContactId ContractId SyncedQuoteId LastAmountChangedHistoryId LastCloseDateChangedHistoryId'),
  ...list('string', 'DeliveryInstallationStatus__c TrackingNumber__c OrderNumber__c CurrentGenerators__c MainCompetitors__c'),
  ...list('string', 'Meta_Lead_ID__c'),
]

/** The standard fields of an org that added its own until there are `count`, of all simple types in turn; `mark` makes them its own. */
export function manyFields(entity: Entity, count: number, mark = ''): ChangeField[] {
  const fields = standardFields(entity)
  const types = ['string', 'string', 'double', 'string', 'boolean', 'long'] as const
  for (let index = 0; fields.length < count; index++)
    fields.push({ name: `Custom_${mark}${index}__c`, type: types[index % types.length] as ChangeFieldType })
  return fields
}

/** Names of the parts of a compound field, in the order of its nested record. */
export const compoundParts: Record<'name' | 'address', readonly ChangeField[]> = {
  name: list('string', 'Salutation FirstName LastName MiddleName InformalName Suffix'),
  address: [
    ...list('string', 'Street City State PostalCode Country StateCode CountryCode'),
    ...list('double', 'Latitude Longitude'),
    ...list('string', 'Xyz GeocodeAccuracy'),
  ],
}

export const changeTypes = [
  'CREATE',
  'UPDATE',
  'DELETE',
  'UNDELETE',
  'SNAPSHOT',
  'GAP_CREATE',
  'GAP_UPDATE',
  'GAP_DELETE',
  'GAP_UNDELETE',
  'GAP_OVERFLOW',
]
const strings = { type: 'array', items: 'string' }
const header = {
  type: 'record',
  name: 'ChangeEventHeader',
  fields: [
    { name: 'entityName', type: 'string' },
    { name: 'recordIds', type: strings },
    { name: 'changeType', type: { type: 'enum', name: 'ChangeType', symbols: changeTypes } },
    { name: 'changeOrigin', type: 'string' },
    { name: 'transactionKey', type: 'string' },
    { name: 'sequenceNumber', type: 'int' },
    { name: 'commitTimestamp', type: 'long' },
    { name: 'commitNumber', type: 'long' },
    { name: 'commitUser', type: 'string' },
    { name: 'nulledFields', type: strings },
    { name: 'diffFields', type: strings },
    { name: 'changedFields', type: strings },
  ],
}
const docs: Record<ChangeFieldType, string> = {
  string: 'Text',
  boolean: 'Boolean',
  int: 'Integer',
  long: 'DateTime',
  double: 'Double',
  name: 'Switchable_PersonName',
  address: 'Address',
}
const recordNames = { name: 'Switchable_PersonName', address: 'Address' }

function fieldSchema({ name, type }: ChangeField): object {
  return { name, type: typeSchema(type), doc: `Data:${docs[type]}`, default: null }
}
function typeSchema(type: ChangeFieldType): unknown {
  if (type !== 'name' && type !== 'address') return ['null', type]
  const record = { type: 'record', name: recordNames[type], fields: compoundParts[type].map(fieldSchema) }
  return type === 'name' ? ['null', 'string', record] : ['null', record]
}

const known = new WeakMap<readonly ChangeField[], ChangeSchema>()

/** The schema of an entity's change events with these fields. One list is always of one entity; lists are never changed, but replaced. */
export function changeSchema(entity: Entity, fields: readonly ChangeField[]): ChangeSchema {
  let schema = known.get(fields)
  if (schema === undefined) {
    const json = () =>
      JSON.stringify({
        type: 'record',
        name: `${entity}ChangeEvent`,
        namespace: 'com.sforce.eventbus',
        fields: [{ name: 'ChangeEventHeader', type: header }, ...fields.map(fieldSchema)],
      })
    schema = { id: createHash('md5').update(json()).digest('base64url'), fields, json }
    known.set(fields, schema)
  }
  return schema
}
