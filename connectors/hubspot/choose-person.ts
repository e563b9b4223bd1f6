import type { HubspotSettings } from './settings.ts'

/** A contact linked to a deal or lead, as far as the choice looks at it. */
export interface Candidate {
  id: string
  /** The link is labelled as the primary one. */
  primary: boolean
  hasLeadId: boolean
  /** Milliseconds since the epoch. */
  createdAt?: number
}

/**
 * Which contact stands for a deal or lead, by the steps of the connection: each keeps the candidates it fits, or all if it
 * fits none. Same candidates, same answer, in whatever order they come. Undefined: none, or several left.
 */
export function choosePerson(candidates: readonly Candidate[], steps: HubspotSettings['contactChoice']): Candidate | undefined {
  const left = steps.reduce((kept, step) => narrow(kept, step), candidates)
  return left.length === 1 ? left[0] : undefined
}

function narrow(candidates: readonly Candidate[], step: HubspotSettings['contactChoice'][number]): readonly Candidate[] {
  const fitting =
    step === 'oldest'
      ? candidates.toSorted(byAge).slice(0, 1)
      : candidates.filter((candidate) => (step === 'primary' ? candidate.primary : candidate.hasLeadId))
  return fitting.length > 0 ? fitting : candidates
}

/** Created first, then the smaller id: ids are numbers without leading zeros. */
function byAge(a: Candidate, b: Candidate): number {
  const created = (a.createdAt ?? Number.POSITIVE_INFINITY) - (b.createdAt ?? Number.POSITIVE_INFINITY)
  return created || a.id.length - b.id.length || (a.id < b.id ? -1 : 1)
}
