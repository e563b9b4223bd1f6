import type { Refusal } from './refusal.ts'
import type { StageMapping } from './stage-mapping.ts'
import type { Milestone } from './stage-policy.ts'

/**
 * When a lead became one, for its raw-lead event: the creation of the CRM record, or, where the record is older than the
 * lead or has no creation time, the moment the CRM or we learned of the lead. All in ms.
 */
export const rawLeadTime = (lead: { recordCreatedAt?: number; leadGeneratedAt?: number; firstSeenAt: number }): number => {
  const { recordCreatedAt, leadGeneratedAt, firstSeenAt } = lead
  if (recordCreatedAt === undefined) return firstSeenAt
  return leadGeneratedAt !== undefined && recordCreatedAt < leadGeneratedAt ? firstSeenAt : recordCreatedAt
}

/**
 * Whether the raw-lead event of a lead goes to a dataset: once per lead, whatever the rules on repeats, and whatever name another
 * connection gave to it.
 */
export const decideRawLead = (
  milestones: readonly Milestone[],
  { enabled, eventName }: StageMapping['rawLead'],
): { kind: 'send'; eventName: string } | Refusal => {
  if (!enabled) return { kind: 'refused', reason: 'raw_lead_off' }
  if (milestones.some((m) => m.rawLead || m.eventName === eventName)) {
    return { kind: 'refused', reason: 'already_reached', params: { eventName } }
  }
  return { kind: 'send', eventName }
}
