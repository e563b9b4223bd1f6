/** The stage mapping as it is edited. Pure: every step returns a new one. */
import type { Mapping, Stages } from '../../api/resources.ts'

export type Line = Mapping['stages'][number]
export type StageRef = Pick<Line, 'source' | 'pipelineId' | 'stageId'>

export const keyOf = ({ source, pipelineId = '', stageId }: StageRef): string => JSON.stringify([source, pipelineId, stageId])
const isSame = (a: StageRef) => (b: StageRef) => keyOf(a) === keyOf(b)
export const isReported = ({ eventName, negative }: Pick<Line, 'eventName' | 'negative'>): boolean => eventName !== null && !negative
/** Meta takes names of so many characters. */
export const MOST_CHARACTERS = 50

/** What was saved, without what the CRM says of it. */
export const mappingOf = ({ rawLead, stages }: Pick<Stages, 'rawLead' | 'stages'>): Mapping => ({
  rawLead,
  stages: stages.map(({ state: _, ...line }) => line),
})

/** Changes one line. */
export const changeLine = (mapping: Mapping, ref: StageRef, change: Partial<Line>): Mapping => ({
  ...mapping,
  stages: mapping.stages.map((line) => (isSame(ref)(line) ? { ...line, ...change } : line)),
})

export const removeLine = (mapping: Mapping, ref: StageRef): Mapping => ({
  ...mapping,
  stages: mapping.stages.filter((line) => !isSame(ref)(line)),
})

/** Moves a reported stage past the reported one before it (-1) or behind it (1); the first and the last stay where they are. */
export function moveLine(mapping: Mapping, ref: StageRef, by: -1 | 1): Mapping {
  const reported = mapping.stages.filter(isReported)
  const from = reported.findIndex(isSame(ref))
  const other = reported[from + by]
  if (from === -1 || other === undefined) return mapping
  const line = reported[from] as Line
  const without = mapping.stages.filter((one) => one !== line)
  const at = without.indexOf(other) + (by === 1 ? 1 : 0)
  return { ...mapping, stages: [...without.slice(0, at), line, ...without.slice(at)] }
}

/** Reports a stage, last in the funnel, under its own name; one that was reported before under that name goes back to its place. */
export function reportLine(mapping: Mapping, ref: StageRef & { label: string }): Mapping {
  const eventName = (ref.label || ref.stageId).slice(0, MOST_CHARACTERS)
  if (mapping.stages.some(isSame(ref))) return changeLine(mapping, ref, { eventName })
  const { source, pipelineId, stageId, label } = ref
  const line = { source, ...(pipelineId !== undefined && { pipelineId }), stageId, label, eventName, negative: false, sendAmount: false }
  const lastReported = mapping.stages.findLastIndex(isReported)
  return { ...mapping, stages: [...mapping.stages.slice(0, lastReported + 1), line, ...mapping.stages.slice(lastReported + 1)] }
}

/** What is wrong with a name; undefined: nothing. */
export const nameProblem = (name: string): 'nameNeeded' | 'nameLong' | undefined =>
  name.trim() === '' ? 'nameNeeded' : name.trim().length > MOST_CHARACTERS ? 'nameLong' : undefined

/** Whether it can be saved. */
export const isWhole = ({ rawLead, stages }: Mapping): boolean =>
  nameProblem(rawLead.eventName) === undefined &&
  stages.every(({ eventName }) => eventName === null || nameProblem(eventName) === undefined)
