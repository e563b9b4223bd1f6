import type { LeadIdentity } from '../record.ts'

/** Contact properties that say who somebody is. HubSpot leaves out those that an account does not have. */
export const identityProperties = [
  ...['email', 'hs_additional_emails', 'phone', 'mobilephone', 'hs_calculated_phone_number', 'hs_calculated_mobile_number'],
  ...['firstname', 'lastname', 'gender', 'date_of_birth'],
  ...['city', 'state', 'hs_state_code', 'zip', 'country', 'hs_country_region_code'],
  'hs_facebook_click_id',
] as const

export const CLICK_ID = 'hs_facebook_click_id'

/**
 * The person as HubSpot holds it; nothing is normalised here. `get` returns a property's text, undefined if empty.
 * `clickSeenAt`: when the click id came to HubSpot, in milliseconds.
 */
export function readIdentity(
  contactId: string,
  get: (property: string) => string | undefined,
  leadIdField: string,
  clickSeenAt?: number,
): LeadIdentity {
  const clickId = get(CLICK_ID)
  const countryCode = get('hs_country_region_code')
  const stateCode = get('hs_state_code')
  const identity: LeadIdentity = {
    metaLeadId: get(leadIdField),
    clickId: clickId === undefined ? undefined : { value: clickId, firstSeenAt: clickSeenAt },
    emails: present([get('email'), ...(get('hs_additional_emails')?.split(';') ?? [])]),
    // What HubSpot could bring into international form needs no guess of the country.
    phones: present([get('hs_calculated_phone_number') ?? get('phone'), get('hs_calculated_mobile_number') ?? get('mobilephone')]),
    firstName: get('firstname'),
    lastName: get('lastname'),
    gender: get('gender'),
    dateOfBirth: get('date_of_birth'),
    city: get('city'),
    // Meta wants the two letters for states of the US and names elsewhere.
    state: countryCode?.toUpperCase() === 'US' ? (stateCode ?? get('state')) : (get('state') ?? stateCode),
    postalCode: get('zip'),
    country: countryCode ?? get('country'),
    externalId: contactId,
  }
  return Object.fromEntries(Object.entries(identity).filter(([, value]) => value !== undefined))
}

/** The distinct texts that are not blank, in order; undefined if there are none. */
function present(texts: (string | undefined)[]): string[] | undefined {
  const found = [...new Set(texts.map((text) => text?.trim()).filter((text) => text !== undefined && text !== ''))] as string[]
  return found.length > 0 ? found : undefined
}
