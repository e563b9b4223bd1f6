import { stageKey } from '../../mappings/stage-key.ts'
import type { StageMapping } from '../../mappings/stage-mapping.ts'

/** An event name that a new mapping gives up, for all stages or for one. `to` null: nothing is sent there any more. */
export interface ChangedName {
  from: string
  to: string | null
  /** The stage whose name changes, or "new leads". */
  where: string
}

/** Stages that are called otherwise, or not sent any more, in `next`. Meta takes a new name for a new stage of the funnel. Pure. */
export function changedNames(before: StageMapping, next: StageMapping): ChangedName[] {
  const changed: ChangedName[] = []
  const from = before.rawLead.enabled ? before.rawLead.eventName : null
  const to = next.rawLead.enabled ? next.rawLead.eventName : null
  if (from !== null && from !== to) changed.push({ from, to, where: 'new leads' })
  const nextNames = new Map(next.stages.map((line) => [stageKey(line), sentName(line)]))
  for (const line of before.stages) {
    const name = sentName(line)
    const other = nextNames.get(stageKey(line)) ?? null
    if (name !== null && name !== other) changed.push({ from: name, to: other, where: line.label || line.stageId })
  }
  return changed
}

const sentName = (line: { eventName: string | null; negative: boolean }) => (line.negative ? null : line.eventName)
