import type { Mapping, Stages } from './shared/answers.ts'

export type MappedStage = Mapping['stages'][number]
type StageRef = Pick<MappedStage, 'source' | 'pipelineId' | 'stageId' | 'label'>

/** A stage is known by these; its label may change. */
export const keyOf = ({ source, pipelineId = '', stageId }: Pick<MappedStage, 'source' | 'pipelineId' | 'stageId'>): string =>
  [source, pipelineId, stageId].join('/')

/** The mapping of an answer, without what is only shown. */
export const mappingOf = ({ rawLead, stages }: Stages): Mapping => ({
  rawLead,
  stages: stages.map(({ state: _, ...stage }) => stage),
})

/** What the CRM calls a stage now; what it was called once, where it is gone. */
export function labelOf(stage: StageRef, groups: Stages['groups']): string {
  const group = groups.find(({ source, pipelineId }) => source === stage.source && pipelineId === stage.pipelineId)
  return group?.stages.find(({ id }) => id === stage.stageId)?.label || stage.label || stage.stageId
}

/** Those that Meta is told of, in funnel order. */
export const reported = ({ stages }: Mapping): MappedStage[] => stages.filter(isReported)
const isReported = ({ eventName, negative }: MappedStage): boolean => eventName !== null && !negative

/** Changes one stage. */
export const change = (mapping: Mapping, key: string, given: Partial<MappedStage>): Mapping => ({
  ...mapping,
  stages: mapping.stages.map((stage) => (keyOf(stage) === key ? { ...stage, ...given } : stage)),
})

/** Moves a stage before (-1) or behind (1) its neighbour in the part of the mapping that it is shown in. */
export function move(mapping: Mapping, key: string, by: -1 | 1, part: readonly MappedStage[] = reported(mapping)): Mapping {
  const from = part.findIndex((one) => keyOf(one) === key)
  const [stage, neighbour] = [part[from], part[from + by]]
  if (stage === undefined || neighbour === undefined) return mapping
  const others = mapping.stages.filter((one) => one !== stage)
  return { ...mapping, stages: others.toSpliced(others.indexOf(neighbour) + (by === 1 ? 1 : 0), 0, stage) }
}

/** Takes a stage of the CRM into the mapping, as the last of the funnel, under its own name. */
export function report(mapping: Mapping, stage: StageRef): Mapping {
  const { others, line } = without(mapping, stage)
  const last = others.findLastIndex(isReported)
  return { ...mapping, stages: others.toSpliced(last + 1, 0, { ...line, eventName: (line.label || line.stageId).slice(0, 50) }) }
}

/** Says that a stage means lost, so that it is kept out of the funnel: the last of those. */
export function setLost(mapping: Mapping, stage: StageRef): Mapping {
  const { others, line } = without(mapping, stage)
  return { ...mapping, stages: [...others, { ...line, eventName: null, negative: true }] }
}

/** The line of a stage, a new one where it has none, and all others. */
function without(mapping: Mapping, ref: StageRef): { others: MappedStage[]; line: MappedStage } {
  const { source, pipelineId, stageId, label } = ref
  const fresh = { source, ...(pipelineId !== undefined && { pipelineId }), stageId, label }
  const known = mapping.stages.find((one) => keyOf(one) === keyOf(ref))
  const others = mapping.stages.filter((one) => one !== known)
  return { others, line: known ?? { ...fresh, eventName: null, negative: false, sendAmount: false } }
}

/** Takes a stage out of the mapping. */
export const remove = (mapping: Mapping, key: string): Mapping => ({
  ...mapping,
  stages: mapping.stages.filter((stage) => keyOf(stage) !== key),
})
