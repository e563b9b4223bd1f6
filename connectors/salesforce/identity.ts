import type { LeadIdentity } from '../record.ts'
import type { SalesforceSettings } from './settings.ts'

/** Standard fields of a lead that say who somebody is. */
export const contactFields = [
  ...['FirstName', 'LastName', 'Email', 'Phone', 'MobilePhone'],
  ...['City', 'State', 'PostalCode', 'Country'],
] as const

/** They stand beside the names where the org has picklists of states and countries (Salesforce, state and country picklists). */
export const codeFields = ['StateCode', 'CountryCode'] as const

/** Fields of a lead that a connection maps, in `settings`. */
export const mappedFields = (settings: SalesforceSettings): string[] =>
  [settings.leadIdField, settings.clickIdField, settings.genderField, settings.birthDateField].filter((name) => name !== undefined)

/**
 * The person behind a lead as Salesforce holds it; nothing is normalised here. `get` returns a field's text, undefined if
 * empty; `createdAt` in milliseconds. A click comes before the lead that it leads to: the lead's creation is the nearest
 * instant that the org knows.
 */
export function readIdentity(
  leadId: string,
  get: (field: string) => string | undefined,
  { leadIdField, clickIdField, genderField, birthDateField }: SalesforceSettings,
  createdAt?: number,
): LeadIdentity {
  const mapped = (field: string | undefined) => (field === undefined ? undefined : get(field))
  const clickId = mapped(clickIdField)
  const countryCode = get('CountryCode')
  const identity: LeadIdentity = {
    metaLeadId: get(leadIdField),
    clickId: clickId === undefined ? undefined : { value: clickId, firstSeenAt: createdAt },
    emails: present([get('Email')]),
    phones: present([get('Phone'), get('MobilePhone')]),
    firstName: get('FirstName'),
    lastName: get('LastName'),
    gender: mapped(genderField),
    dateOfBirth: mapped(birthDateField),
    city: get('City'),
    // Meta wants the two letters for states of the US and names elsewhere.
    state: countryCode?.toUpperCase() === 'US' ? (get('StateCode') ?? get('State')) : (get('State') ?? get('StateCode')),
    postalCode: get('PostalCode'),
    country: countryCode ?? get('Country'),
    externalId: leadId,
  }
  return Object.fromEntries(Object.entries(identity).filter(([, value]) => value !== undefined))
}

function present(values: readonly (string | undefined)[]): string[] | undefined {
  const found = values.filter((value) => value !== undefined)
  return found.length === 0 ? undefined : found
}
