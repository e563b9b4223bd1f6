/** What objects and fields an org has before anybody customises it. */

export type FieldType =
  | 'id'
  | 'string'
  | 'picklist'
  | 'boolean'
  | 'reference'
  | 'datetime'
  | 'date'
  | 'double'
  | 'currency'
  | 'percent'
  | 'int'
  | 'email'
  | 'phone'
  | 'url'
  | 'textarea'
  | 'address'
  | 'anyType'

export interface Field {
  /** API name. */
  name: string
  label: string
  type: FieldType
  /** Characters; 0 where a length means nothing. */
  length: number
  custom: boolean
  nillable: boolean
  /** People and the API may write it. */
  writable: boolean
  filterable: boolean
  /** Change events carry it. */
  event: boolean
  /** The compound field that it is a part of; in a change event it is called `Name.FirstName`. */
  compound?: 'Name' | 'Address'
  referenceTo: string[]
  /** By which SOQL reaches the record referred to: `Owner.Name`. */
  relationship?: string
  /** Of picklists other than lead status and stage, which have objects of their own. */
  values?: { value: string; label: string }[]
  externalId: boolean
  calculated: boolean
}
export interface ObjectDefinition {
  name: string
  label: string
  keyPrefix: string
  fields: Field[]
  /** Reached by the tooling API only. */
  tooling: boolean
}

const lengths: Partial<Record<FieldType, number>> = {
  id: 18,
  reference: 18,
  picklist: 255,
  string: 255,
  email: 80,
  phone: 40,
  url: 255,
  textarea: 32_000,
}
const labels: Record<string, string> = {
  Id: 'Record ID',
  StageName: 'Stage',
  Street: 'Street',
  PostalCode: 'Zip/Postal Code',
  State: 'State/Province',
  NumberOfEmployees: 'Employees',
  IsConverted: 'Converted',
  IsDeleted: 'Deleted',
  IsClosed: 'Closed',
  IsWon: 'Won',
}

/** A field with the defaults of a custom text field. */
export function field(given: Partial<Field> & { name: string }): Field {
  const type = given.type ?? 'string'
  const custom = given.custom ?? given.name.endsWith('__c')
  return {
    label:
      labels[given.name] ??
      given.name
        .replace(/__c$/, '')
        .replace(/_|Id$/g, ' ')
        .replace(/([a-z])([A-Z])/g, '$1 $2')
        .trim(),
    type,
    length: lengths[type] ?? 0,
    custom,
    nillable: true,
    writable: true,
    filterable: type !== 'textarea' && type !== 'address' && type !== 'anyType',
    event: true,
    referenceTo: [],
    externalId: false,
    calculated: false,
    ...given,
  }
}

/**
 * Reads fields written one a line: `Name type:length flags`. Flags: `ro` (set by the CRM alone), `quiet` (not in change events),
 * `must` (never empty), `=Name` (part of that compound field), `>User:Owner` (refers to users, reached as `Owner`).
 */
function fields(text: string): Field[] {
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [name = '', type = '', ...flags] = line.trim().split(/\s+/)
      const [kind, length] = type.split(':')
      const [to, relationship] = (flags.find((flag) => flag.startsWith('>')) ?? '').slice(1).split(':')
      const compound = flags.find((flag) => flag.startsWith('='))?.slice(1)
      return field({
        name,
        type: kind as FieldType,
        ...(length !== undefined && { length: Number(length) }),
        writable: !flags.includes('ro'),
        event: !flags.includes('quiet'),
        nillable: !flags.includes('must'),
        ...(compound !== undefined && { compound: compound as 'Name' | 'Address' }),
        ...(to && { referenceTo: to.split(',') }),
        ...(relationship !== undefined && { relationship }),
      })
    })
}

const audit = `
  CreatedDate datetime ro must
  CreatedById reference ro must >User:CreatedBy
  LastModifiedDate datetime ro must
  LastModifiedById reference ro must >User:LastModifiedBy
  SystemModstamp datetime ro must quiet`
const person = (compound: string) => `
  Id id ro must quiet
  IsDeleted boolean ro must quiet
  MasterRecordId reference ro quiet >${compound}:MasterRecord
  LastName string:80 must =Name
  FirstName string:40 =Name
  Salutation picklist =Name
  Name string:121 ro must quiet`
const address = `
  Street textarea:255 =Address
  City string:40 =Address
  State string:80 =Address
  PostalCode string:20 =Address
  Country string:80 =Address
  Latitude double =Address
  Longitude double =Address
  GeocodeAccuracy picklist =Address
  Address address ro quiet`

const lead = fields(`${person('Lead')}
  Title string:128
  Company string:255 must
  ${address.trim()}
  Phone phone
  MobilePhone phone
  Fax phone
  Email email
  Website url
  PhotoUrl url ro quiet
  Description textarea
  LeadSource picklist
  Status picklist must
  Industry picklist
  Rating picklist
  AnnualRevenue currency
  NumberOfEmployees int
  OwnerId reference must >User:Owner
  HasOptedOutOfEmail boolean must
  IsConverted boolean ro must
  ConvertedDate date ro
  ConvertedAccountId reference ro >Account:ConvertedAccount
  ConvertedContactId reference ro >Contact:ConvertedContact
  ConvertedOpportunityId reference ro >Opportunity:ConvertedOpportunity
  IsUnreadByOwner boolean must${audit}
  LastActivityDate date ro quiet
  LastViewedDate datetime ro quiet
  LastReferencedDate datetime ro quiet
  Jigsaw string:20
  JigsawContactId string:20 ro
  CleanStatus picklist
  CompanyDunsNumber string:9
  DandbCompanyId reference
  EmailBouncedReason string:255
  EmailBouncedDate datetime
  IndividualId reference
  Pronouns picklist
  GenderIdentity picklist
  DoNotCall boolean must
  HasOptedOutOfFax boolean must
  LastTransferDate date ro
  RecordTypeId reference >RecordType:RecordType
  SICCode__c string:15
  ProductInterest__c picklist
  Primary__c picklist
  CurrentGenerators__c string:100
  NumberofLocations__c double`)

const opportunity = fields(`
  Id id ro must quiet
  IsDeleted boolean ro must quiet
  AccountId reference >Account:Account
  IsPrivate boolean must
  Name string:120 must
  Description textarea
  StageName picklist must
  Amount currency
  Probability percent
  ExpectedRevenue currency ro quiet
  TotalOpportunityQuantity double
  CloseDate date must
  Type picklist
  NextStep string:255
  LeadSource picklist
  IsClosed boolean ro must quiet
  IsWon boolean ro must quiet
  ForecastCategory picklist ro must
  ForecastCategoryName picklist
  CampaignId reference
  HasOpportunityLineItem boolean ro must quiet
  Pricebook2Id reference
  OwnerId reference must >User:Owner${audit}
  LastActivityDate date ro quiet
  PushCount int ro quiet
  LastStageChangeDate datetime ro
  FiscalQuarter int ro quiet
  FiscalYear int ro quiet
  Fiscal string:6 ro quiet
  ContactId reference >Contact:Contact
  LastViewedDate datetime ro quiet
  LastReferencedDate datetime ro quiet
  SyncedQuoteId reference
  ContractId reference
  HasOpenActivity boolean ro must quiet
  HasOverdueTask boolean ro must quiet
  LastAmountChangedHistoryId reference ro
  LastCloseDateChangedHistoryId reference ro
  RecordTypeId reference >RecordType:RecordType
  DeliveryInstallationStatus__c picklist
  TrackingNumber__c string:12
  OrderNumber__c string:8
  CurrentGenerators__c string:100
  MainCompetitors__c string:100`)

const account = fields(`
  Id id ro must quiet
  IsDeleted boolean ro must quiet
  Name string:255 must
  Type picklist
  Phone phone
  Website url
  Industry picklist
  OwnerId reference must >User:Owner${audit}`)

const contact = fields(`${person('Contact')}
  AccountId reference >Account:Account
  Phone phone
  MobilePhone phone
  Email email
  Title string:128
  Birthdate date
  OwnerId reference must >User:Owner${audit}`)

const history = (parent: string, relationship: string) =>
  fields(`
  Id id ro must
  IsDeleted boolean ro must
  ${parent}Id reference ro must >${parent}:${relationship}
  CreatedById reference ro must >User:CreatedBy
  CreatedDate datetime ro must
  Field picklist ro must
  DataType picklist ro
  OldValue anyType ro
  NewValue anyType ro`)

const opportunityHistory = fields(`
  Id id ro must
  OpportunityId reference ro must >Opportunity:Opportunity
  CreatedById reference ro must >User:CreatedBy
  CreatedDate datetime ro must
  StageName picklist ro
  Amount currency ro
  ExpectedRevenue currency ro
  CloseDate date ro
  Probability percent ro
  ForecastCategory picklist ro
  PrevForecastUpdate string ro
  PrevAmount currency ro
  PrevCloseDate date ro
  SystemModstamp datetime ro must
  IsDeleted boolean ro must`)

const leadStatus = fields(`
  Id id ro must
  MasterLabel string ro
  ApiName string ro
  SortOrder int ro
  IsDefault boolean ro must
  IsConverted boolean ro must${audit}`)

const opportunityStage = fields(`
  Id id ro must
  MasterLabel string ro
  ApiName string ro
  IsActive boolean ro must
  SortOrder int ro
  IsClosed boolean ro must
  IsWon boolean ro must
  ForecastCategory picklist ro
  ForecastCategoryName picklist ro
  DefaultProbability percent ro
  Description string ro${audit}`)

const recordType = fields(`
  Id id ro must
  Name string ro must
  DeveloperName string ro must
  NamespacePrefix string ro
  Description string ro
  BusinessProcessId reference ro
  SobjectType picklist ro must
  IsActive boolean ro must${audit}`)

const user = fields(`
  Id id ro must
  Username string ro must
  Name string ro must
  Email email ro must
  IsActive boolean ro must
  UserType picklist ro
  ProfileId reference ro >Profile:Profile`)

const profile = fields(`
  Id id ro must
  Name string ro must
  PermissionsApiEnabled boolean ro must
  PermissionsViewAllData boolean ro must
  PermissionsViewSetup boolean ro must`)

const organization = fields(`
  Id id ro must
  Name string ro must
  OrganizationType picklist ro
  IsSandbox boolean ro must
  InstanceName string ro
  NamespacePrefix string ro
  DefaultLocaleSidKey picklist ro
  LanguageLocaleKey picklist ro
  TimeZoneSidKey picklist ro
  TrialExpirationDate datetime ro
  CreatedDate datetime ro must`)

const permissionSet = fields(`
  Id id ro must
  Name string ro must
  Label string ro must
  IsOwnedByProfile boolean ro must
  ProfileId reference ro >Profile:Profile
  PermissionsApiEnabled boolean ro must
  PermissionsCustomizeApplication boolean ro must
  PermissionsViewAllData boolean ro must
  PermissionsViewSetup boolean ro must`)

const permissionSetAssignment = fields(`
  Id id ro must
  PermissionSetId reference ro must >PermissionSet:PermissionSet
  AssigneeId reference ro must >User:Assignee
  IsActive boolean ro must`)

const objectPermissions = fields(`
  Id id ro must
  ParentId reference ro must >PermissionSet:Parent
  SobjectType picklist ro must
  PermissionsCreate boolean ro must
  PermissionsRead boolean ro must
  PermissionsEdit boolean ro must
  PermissionsDelete boolean ro must
  PermissionsViewAllRecords boolean ro must
  PermissionsModifyAllRecords boolean ro must`)

const fieldPermissions = fields(`
  Id id ro must
  ParentId reference ro must >PermissionSet:Parent
  SobjectType picklist ro must
  Field picklist ro must
  PermissionsRead boolean ro must
  PermissionsEdit boolean ro must`)

const userPermissionAccess = fields(`
  Id id ro must
  LastCacheUpdate datetime ro must
  PermissionsApiEnabled boolean ro must
  PermissionsViewAllData boolean ro must
  PermissionsModifyAllData boolean ro must
  PermissionsViewSetup boolean ro must
  PermissionsCustomizeApplication boolean ro must`)

const entityDefinition = fields(`
  Id id ro must
  DurableId string ro must
  QualifiedApiName string ro must
  Label string ro must
  KeyPrefix string ro
  IsFieldHistoryTracked boolean ro must`)

const fieldDefinition = fields(`
  Id id ro must
  DurableId string ro must
  EntityDefinitionId string ro must >EntityDefinition:EntityDefinition
  QualifiedApiName string ro must
  Label string ro must
  DataType string ro must
  Length int ro
  IsFieldHistoryTracked boolean ro must`)

const channel = fields(`
  Id id ro must
  DeveloperName string ro must
  MasterLabel string ro must
  ChannelType picklist ro must
  NamespacePrefix string ro`)

const channelMember = fields(`
  Id id ro must
  DeveloperName string ro must
  EventChannel string ro must
  SelectedEntity string ro must
  NamespacePrefix string ro
  FilterExpression string ro`)

const usageMetric = fields(`
  Id id ro must
  Name picklist ro must
  StartDate datetime ro
  EndDate datetime ro
  Value double ro`)

const define = (name: string, keyPrefix: string, fields: Field[], tooling = false): ObjectDefinition => ({
  name,
  label: name.replace(/([a-z])([A-Z])/g, '$1 $2'),
  keyPrefix,
  fields,
  tooling,
})

/** Standard objects by name. All orgs share them: whoever customises one copies it first. */
export const standardObjects: ReadonlyMap<string, ObjectDefinition> = new Map(
  [
    define('Lead', '00Q', lead),
    define('Opportunity', '006', opportunity),
    define('Account', '001', account),
    define('Contact', '003', contact),
    define('LeadHistory', '017', history('Lead', 'Lead')),
    define('OpportunityFieldHistory', '017', history('Opportunity', 'Opportunity')),
    define('OpportunityHistory', '008', opportunityHistory),
    define('LeadStatus', '01J', leadStatus),
    define('OpportunityStage', '01J', opportunityStage),
    define('RecordType', '012', recordType),
    define('User', '005', user),
    define('Profile', '00e', profile),
    define('Organization', '00D', organization),
    define('PermissionSet', '0PS', permissionSet),
    define('PermissionSetAssignment', '0Pa', permissionSetAssignment),
    define('ObjectPermissions', '110', objectPermissions),
    define('FieldPermissions', '01k', fieldPermissions),
    define('UserPermissionAccess', '', userPermissionAccess),
    define('EntityDefinition', '', entityDefinition),
    define('FieldDefinition', '', fieldDefinition),
    define('PlatformEventUsageMetric', '', usageMetric),
    define('PlatformEventChannel', '0YL', channel, true),
    define('PlatformEventChannelMember', '0v8', channelMember, true),
  ].map((definition) => [definition.name, definition]),
)
