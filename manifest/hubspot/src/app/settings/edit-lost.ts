import type { Mapping } from './shared/answers.ts'
import { keyOf, type Line, removeLine, reportLine, type StageRef } from './shared/draft.ts'

/** Says that a stage means lost, so that it is kept out of the funnel: the last of those. */
export function setLost(mapping: Mapping, stage: StageRef & { label: string }): Mapping {
  const line = reportLine(mapping, stage).stages.find((one) => keyOf(one) === keyOf(stage)) as Line
  return { ...mapping, stages: [...removeLine(mapping, stage).stages, { ...line, eventName: null, negative: true }] }
}

/** Changes places with the stage before (-1) or behind (1) it among those that mean lost. */
export function moveLost(mapping: Mapping, ref: StageRef, by: -1 | 1): Mapping {
  const { stages } = mapping
  const lost = stages.filter(({ negative }) => negative)
  const from = lost.findIndex((one) => keyOf(one) === keyOf(ref))
  const [stage, neighbour] = [lost[from], lost[from + by]]
  if (stage === undefined || neighbour === undefined) return mapping
  return { ...mapping, stages: stages.with(stages.indexOf(stage), neighbour).with(stages.indexOf(neighbour), stage) }
}
