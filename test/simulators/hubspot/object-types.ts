/** What HubSpot fixes about a kind of CRM object. */
export interface ObjectType {
  /** Plural name in paths. */
  name: 'contacts' | 'companies' | 'deals' | 'leads'
  /** Name in webhook subscriptions. */
  singular: string
  typeId: string
  /** The property that holds the last change; contacts have one of their own. */
  modified: string
  /** Properties in every answer that asked for none by name. */
  shown: string[]
  /** First record id; contact ids have twelve digits and exceed 2^31. */
  firstId: number
}

export const objectTypes: readonly ObjectType[] = [
  {
    name: 'contacts',
    singular: 'contact',
    typeId: '0-1',
    modified: 'lastmodifieddate',
    shown: ['createdate', 'email', 'firstname', 'hs_object_id', 'lastmodifieddate', 'lastname'],
    firstId: 138_017_000_001,
  },
  {
    name: 'companies',
    singular: 'company',
    typeId: '0-2',
    modified: 'hs_lastmodifieddate',
    shown: ['createdate', 'domain', 'hs_lastmodifieddate', 'hs_object_id', 'name'],
    firstId: 20_400_000_001,
  },
  {
    name: 'deals',
    singular: 'deal',
    typeId: '0-3',
    modified: 'hs_lastmodifieddate',
    shown: ['amount', 'closedate', 'createdate', 'dealname', 'dealstage', 'hs_lastmodifieddate', 'hs_object_id', 'pipeline'],
    firstId: 31_500_000_001,
  },
  {
    name: 'leads',
    singular: 'lead',
    typeId: '0-136',
    modified: 'hs_lastmodifieddate',
    shown: ['hs_createdate', 'hs_lastmodifieddate', 'hs_object_id'],
    firstId: 392_000_000_001,
  },
]

/** The type behind any of its names: plural, singular or type id. */
export function objectType(name: string): ObjectType | undefined {
  return objectTypes.find((type) => type.name === name || type.singular === name || type.typeId === name)
}

/** HubSpot's own association type ids by direction (associations guide). */
const associationTypeIds: Record<string, number> = {
  'deals>contacts': 3,
  'contacts>deals': 4,
  'leads>contacts': 608,
  'contacts>leads': 609,
  'leads>deals': 1037,
  'deals>leads': 1038,
  'contacts>companies': 279,
  'companies>contacts': 280,
  'deals>companies': 341,
  'companies>deals': 342,
}
export const leadToPrimaryContact = 578

export function associationTypeId(from: ObjectType, to: ObjectType): number {
  return associationTypeIds[`${from.name}>${to.name}`] ?? 0
}
