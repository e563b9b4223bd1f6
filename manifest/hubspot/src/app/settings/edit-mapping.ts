import type { Mapping, Stages } from './shared/answers.ts'

export type MappedStage = Mapping['stages'][number]

/** A stage is known by these; its label may change. */
export const keyOf = ({ source, pipelineId = '', stageId }: Pick<MappedStage, 'source' | 'pipelineId' | 'stageId'>): string =>
  [source, pipelineId, stageId].join('/')

/** The mapping of an answer, without what is only shown. */
export const mappingOf = ({ rawLead, stages }: Stages): Mapping => ({
  rawLead,
  stages: stages.map(({ state: _, ...stage }) => stage),
})

/** What the CRM calls a stage now; what it was called once, where it is gone. */
export function labelOf(stage: Pick<MappedStage, 'source' | 'pipelineId' | 'stageId' | 'label'>, groups: Stages['groups']): string {
  const group = groups.find(({ source, pipelineId }) => source === stage.source && pipelineId === stage.pipelineId)
  return group?.stages.find(({ id }) => id === stage.stageId)?.label || stage.label || stage.stageId
}

/** Those that Meta is told of, in funnel order. */
export const reported = ({ stages }: Mapping): MappedStage[] => stages.filter(({ eventName, negative }) => eventName !== null && !negative)

/** Changes one stage. */
export const change = (mapping: Mapping, key: string, given: Partial<MappedStage>): Mapping => ({
  ...mapping,
  stages: mapping.stages.map((stage) => (keyOf(stage) === key ? { ...stage, ...given } : stage)),
})

/** Moves a reported stage before (-1) or behind (1) its neighbour among those that are reported. */
export function move(mapping: Mapping, key: string, by: -1 | 1): Mapping {
  const shown = reported(mapping).map(keyOf)
  const neighbour = shown[shown.indexOf(key) + by]
  if (neighbour === undefined) return mapping
  const stage = mapping.stages.find((one) => keyOf(one) === key)
  const others = mapping.stages.filter((one) => one !== stage)
  const place = others.findIndex((one) => keyOf(one) === neighbour) + (by === 1 ? 1 : 0)
  return stage === undefined ? mapping : { ...mapping, stages: others.toSpliced(place, 0, stage) }
}

/** Takes a stage of the CRM into the mapping, as the last of the funnel, under its own name. */
export function report(mapping: Mapping, stage: Pick<MappedStage, 'source' | 'pipelineId' | 'stageId' | 'label'>): Mapping {
  const eventName = (stage.label || stage.stageId).slice(0, 50)
  const known = mapping.stages.find((one) => keyOf(one) === keyOf(stage))
  const others = mapping.stages.filter((one) => one !== known)
  const { source, pipelineId, stageId, label } = stage
  const fresh = { source, ...(pipelineId !== undefined && { pipelineId }), stageId, label, negative: false, sendAmount: false }
  return { ...mapping, stages: [...others, { ...(known ?? fresh), eventName }] }
}

/** Takes a stage out of the mapping. */
export const remove = (mapping: Mapping, key: string): Mapping => ({
  ...mapping,
  stages: mapping.stages.filter((stage) => keyOf(stage) !== key),
})
