import type { Rules } from '../../mappings/rules.ts'
import { fromConfirmedSource } from '../../mappings/which-leads.ts'
import type { Profile } from '../leads/records.ts'

/** How it is known which lead a record belongs to. */
export interface Identified {
  by: 'lead_id' | 'shared_keys' | 'confirmed_source' | 'contact_data'
  text: string
}

/**
 * Says how a record found its lead, from what is kept. Pure.
 *
 * @param metaLeadId of the lead; null where none is known
 * @param profile of the person behind the record
 * @param shared kinds of match keys that record and lead share (`em`, `ph`)
 */
export function identifiedBy(metaLeadId: string | null, profile: Profile | null, shared: readonly string[], rules: Rules): Identified {
  if (metaLeadId !== null && profile?.identity?.userData.lead_id === metaLeadId) {
    return { by: 'lead_id', text: 'The record carries the Meta lead id.' }
  }
  if (metaLeadId !== null) {
    const kinds = shared.map((kind) => names[kind] ?? kind).join(' and ') || 'match keys'
    return { by: 'shared_keys', text: `The record shares its ${kinds} with a Meta lead that is known here.` }
  }
  if (fromConfirmedSource(profile?.fields ?? {}, rules)) {
    return { by: 'confirmed_source', text: 'No Meta lead id is known; the lead source is confirmed as a Meta form in the settings.' }
  }
  return { by: 'contact_data', text: 'No Meta lead id is known; the person is recognised by contact data.' }
}

const names: Readonly<Record<string, string>> = { em: 'e-mail address', ph: 'phone number' }
