/**
 * CRMs that tell of no change, but show where a record stands: it has reached a stage when that is not the one it was last
 * known at. What lay between is unknown, and so is when exactly. Pure.
 */
import { type Stage, stageKey } from '../../mappings/stage-key.ts'
import type { LastStages } from '../leads/records.ts'
import type { Observation } from './gather.ts'

interface Reached {
  stage: Stage
  occurredAt: number
}

/**
 * The observations of one record that tell something new.
 *
 * @param last what was known before
 * @param told stages that the same run tells of otherwise
 */
export function newlyObserved(observed: readonly Observation[], last: LastStages | null, told: readonly Reached[]): Observation[] {
  const known = Map.groupBy(told.map(asKnown), ({ source }) => source)
  for (const [source, { stage, at }] of Object.entries(last ?? {})) known.set(source, [...(known.get(source) ?? []), { source, stage, at }])
  const inTime = [...observed].sort((a, b) => a.occurredAt - b.occurredAt)
  return inTime.filter((one) => {
    const now = asKnown(one)
    const ofSource = known.get(now.source) ?? []
    // What was seen before all that is known has been overtaken: where the record came from is not known any more.
    const before = ofSource.filter(({ at }) => at <= now.at)
    if (ofSource.length > 0 && before.length === 0) return false
    const standing = before.reduce<{ stage: string; at: number } | undefined>((a, b) => (a !== undefined && a.at > b.at ? a : b), undefined)
    if (standing?.stage === now.stage) return false
    known.set(now.source, [...ofSource, now])
    return true
  })
}

/** The last stages after these were reached, too; the same object where nothing has changed. */
export function withReached(last: LastStages | null, reached: readonly Reached[]): LastStages | null {
  let stages = last
  for (const { source, stage, at } of reached.map(asKnown)) {
    const known = stages?.[source]
    if (known === undefined || known.at < at) stages = { ...stages, [source]: { stage, at } }
  }
  return stages
}

const asKnown = ({ stage: { source, stageId }, occurredAt }: Reached) => ({ source, stage: stageKey({ source, stageId }), at: occurredAt })
