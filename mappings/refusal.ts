import type { ReasonCode } from './reasons.ts'

/** A judgement against sending, with what its text needs to name. */
export interface Refusal {
  kind: 'refused'
  reason: ReasonCode
  params?: Readonly<Record<string, string | number>>
}
