import { holds } from './field-rule.ts'
import type { Refusal } from './refusal.ts'
import type { Rules } from './rules.ts'
import type { UserData } from './user-data.ts'

/** Whether Meta could match the event at all: it needs a lead id, an e-mail address, a phone number or a click id. */
export const hasUsableKey = (data: UserData): boolean =>
  data.lead_id !== undefined || data.em !== undefined || data.ph !== undefined || data.fbc !== undefined

/** Whether the customer confirmed the source of this record as Meta forms. */
export const fromConfirmedSource = (fields: Readonly<Record<string, string | null>>, rules: Rules): boolean =>
  rules.confirmedSources.some((rule) => holds(rule, fields))

/**
 * Whether a lead counts under the customer's which-leads rule. A click id is a match key but never the reason to send.
 * Returns the refusal, or `undefined` when it counts. A later lead id, e-mail or phone can heal every refusal of this rule.
 */
export const refusedByLeadRule = (data: UserData, fields: Readonly<Record<string, string | null>>, rules: Rules): Refusal | undefined => {
  if (data.lead_id !== undefined) return undefined
  switch (rules.whichLeads) {
    case 'lead_id_only':
      return { kind: 'refused', reason: 'no_lead_id' }
    case 'meta_leads':
      if (!fromConfirmedSource(fields, rules)) return { kind: 'refused', reason: 'no_meta_lead' }
      return hasUsableKey(data) ? undefined : { kind: 'refused', reason: 'no_match_key' }
    case 'anyone':
      return data.em !== undefined || data.ph !== undefined ? undefined : { kind: 'refused', reason: 'no_match_key' }
  }
}
