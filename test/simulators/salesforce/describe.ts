/** Descriptions of objects as the REST API gives them to one user (REST API guide, sObject Describe). */
import type { Field, ObjectDefinition } from './objects.ts'
import type { Org, OrgUser } from './org.ts'

export function describeGlobal(org: Org, user: OrgUser, root: string): object {
  const seen = [...org.objects.values()].filter(({ name, tooling }) => !tooling && !user.hiddenObjects.includes(name))
  return { encoding: 'UTF-8', maxBatchSize: 200, sobjects: seen.map((object) => summary(object, user, root)) }
}

export function describeObject(org: Org, object: ObjectDefinition, user: OrgUser, root: string): object {
  const fields = object.fields.filter(({ name }) => !user.hiddenFields.includes(`${object.name}.${name}`))
  const recordTypes = [...org.table('RecordType').values()].filter(({ SobjectType }) => SobjectType === object.name)
  return {
    ...summary(object, user, root),
    childRelationships: [],
    fields: fields.map((field) => describeField(org, object.name, field, user)),
    recordTypeInfos: recordTypes.map(({ Id, Name, DeveloperName, IsActive }, index) => ({
      active: IsActive,
      available: true,
      defaultRecordTypeMapping: index === 0,
      developerName: DeveloperName,
      master: false,
      name: Name,
      recordTypeId: Id,
    })),
  }
}

function summary({ name, label, keyPrefix, fields }: ObjectDefinition, { edits }: OrgUser, root: string) {
  const writable = edits && fields.some((field) => field.writable)
  return {
    name,
    label,
    labelPlural: `${label}s`,
    keyPrefix: keyPrefix || null,
    custom: false,
    queryable: true,
    retrieveable: true,
    replicateable: fields.some((field) => field.name === 'SystemModstamp'),
    createable: writable,
    updateable: writable,
    deletable: writable,
    urls: { sobject: `${root}/sobjects/${name}`, describe: `${root}/sobjects/${name}/describe` },
  }
}

function describeField(org: Org, object: string, field: Field, { edits }: OrgUser): object {
  const { name, label, type, length, custom, nillable, filterable, compound, referenceTo, relationship, externalId, calculated } = field
  const writable = edits && field.writable
  return {
    name,
    label,
    type,
    length,
    byteLength: length * 3,
    custom,
    nillable,
    createable: writable,
    updateable: writable,
    filterable,
    sortable: filterable,
    groupable: filterable && type !== 'datetime',
    aggregatable: filterable,
    calculated,
    externalId,
    idLookup: externalId || name === 'Id',
    unique: false,
    caseSensitive: false,
    defaultedOnCreate: name === 'OwnerId' || type === 'boolean',
    defaultValue: type === 'boolean' ? false : null,
    compoundFieldName: compound ?? null,
    digits: type === 'int' ? 9 : 0,
    precision: type === 'double' || type === 'currency' || type === 'percent' ? 18 : 0,
    scale: type === 'currency' ? 2 : 0,
    nameField: name === 'Name',
    relationshipName: relationship ?? null,
    referenceTo,
    restrictedPicklist: false,
    picklistValues: picklist(org, object, field),
    soapType: soapTypes[type] ?? 'xsd:string',
  }
}

const soapTypes: Partial<Record<Field['type'], string>> = {
  id: 'tns:ID',
  reference: 'tns:ID',
  boolean: 'xsd:boolean',
  datetime: 'xsd:dateTime',
  date: 'xsd:date',
  int: 'xsd:int',
  double: 'xsd:double',
  currency: 'xsd:double',
  percent: 'xsd:double',
  address: 'urn:address',
}

function picklist(org: Org, object: string, { name, type, values = [] }: Field): object[] {
  const option = (value: string, label: string, active = true, defaultValue = false) => ({
    active,
    defaultValue,
    label,
    validFor: null,
    value,
  })
  if (object === 'Lead' && name === 'Status')
    return org.leadStatuses.map(({ ApiName, MasterLabel, IsDefault }) => option(ApiName, MasterLabel, true, IsDefault))
  if (object === 'Opportunity' && name === 'StageName')
    return org.stages.map(({ ApiName, MasterLabel, IsActive }) => option(ApiName, MasterLabel, IsActive))
  return type === 'picklist' ? values.map(({ value, label }) => option(value, label)) : []
}
