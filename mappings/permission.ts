import { holds } from './field-rule.ts'
import type { Refusal } from './refusal.ts'
import type { Rules } from './rules.ts'

/**
 * Whether the customer's rules let anything of a record be sent: no test leads, every consent rule holds, no opt-out does.
 * Returns the refusal, or `undefined` when sending is allowed.
 */
export const refusedByConsent = (
  record: { isTest: boolean; fields: Readonly<Record<string, string | null>> },
  rules: Rules,
): Refusal | undefined => {
  if (record.isTest) return { kind: 'refused', reason: 'test_lead' }
  for (const rule of rules.optOut)
    if (holds(rule, record.fields)) return { kind: 'refused', reason: 'opted_out', params: { field: rule.field } }
  for (const rule of rules.consent)
    if (!holds(rule, record.fields)) return { kind: 'refused', reason: 'consent_missing', params: { field: rule.field } }
  return undefined
}
