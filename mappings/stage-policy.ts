/** Which stage changes become events: the customer's mapping and the first-time, backward and skipped-stage rules. */
import type { Refusal } from './refusal.ts'
import type { Rules } from './rules.ts'
import type { Stage } from './stage-key.ts'
import type { MappedStage, StageMapping } from './stage-mapping.ts'

/** A mapping line that is sent. */
export type SentStage = MappedStage & { eventName: string }

/** An event name that a lead already reached at a dataset, and when (ms). */
export interface Milestone {
  eventName: string
  occurredAt: number
  /** The raw lead, by whatever name it went. */
  rawLead?: boolean
}

/** One event to be sent for a change, in sending order. `filled`: a skipped stage that got the time of the later one. */
export interface StageStep {
  line: SentStage
  eventName: string
  occurredAt: number
  filled: boolean
}

/**
 * The mapping line of a stage. A line without a pipeline fits any pipeline; a line that names the pipeline goes before it.
 * Off, negative and missing lines are refused.
 */
export const findStage = (mapping: StageMapping, stage: Stage): { kind: 'mapped'; line: SentStage } | Refusal => {
  const line = lineOf(mapping, stage)
  if (line === undefined) return { kind: 'refused', reason: 'stage_unmapped', params: { stage: stage.stageId } }
  const params = { stage: line.label || line.stageId }
  if (line.negative) return { kind: 'refused', reason: 'stage_negative', params }
  if (line.eventName === null) return { kind: 'refused', reason: 'stage_off', params }
  return { kind: 'mapped', line: line as SentStage }
}

const lineOf = (mapping: StageMapping, stage: Stage): MappedStage | undefined => {
  let any: MappedStage | undefined
  for (const line of mapping.stages) {
    if (line.stageId !== stage.stageId || line.source !== stage.source) continue
    if (line.pipelineId) {
      if (line.pipelineId === stage.pipelineId) return line
    } else any ??= line
  }
  return any
}

/** The place of an event name in the funnel: the raw lead first, then by the first line of the name; -1 for unknown names. */
export const funnelPosition = (mapping: StageMapping, eventName: string): number => {
  if (mapping.rawLead.enabled && eventName === mapping.rawLead.eventName) return 0
  const index = mapping.stages.findIndex((line) => line.eventName === eventName && !line.negative)
  return index < 0 ? -1 : index + 1
}

/**
 * Decides one stage change against the milestones that the lead already has at the dataset. Compares instants, never order
 * of arrival. Returns the events to send (skipped stages first, where the rules ask for them), or why nothing is sent.
 */
export const decideStage = (
  change: { stage: Stage; occurredAt: number },
  milestones: readonly Milestone[],
  mapping: StageMapping,
  rules: Rules,
): { kind: 'send'; steps: StageStep[] } | Refusal => {
  const found = findStage(mapping, change.stage)
  if (found.kind === 'refused') return found
  const { line } = found
  const { eventName } = line
  const isRawLead = mapping.rawLead.enabled && eventName === mapping.rawLead.eventName
  for (const reached of milestones) {
    if (isRawLead && reached.rawLead && reached.eventName !== eventName)
      return { kind: 'refused', reason: 'already_reached', params: { eventName } }
    if (reached.eventName === eventName && (!rules.repeats || reached.occurredAt === change.occurredAt)) {
      return { kind: 'refused', reason: 'already_reached', params: { eventName } }
    }
  }
  const position = funnelPosition(mapping, eventName)
  if (!rules.backward) {
    const later = milestones.find((m) => m.occurredAt <= change.occurredAt && funnelPosition(mapping, m.eventName) > position)
    if (later) return { kind: 'refused', reason: 'moved_backward', params: { eventName, later: later.eventName } }
  }
  const steps: StageStep[] = []
  if (rules.fillSkipped) {
    const taken = new Set(milestones.map((m) => m.eventName)).add(eventName)
    if (mapping.rawLead.enabled) taken.add(mapping.rawLead.eventName) // has a time of its own
    for (const earlier of mapping.stages) {
      const name = earlier.eventName
      if (name === null || taken.has(name) || funnelPosition(mapping, name) >= position) continue
      if (lineOf(mapping, { ...change.stage, stageId: earlier.stageId }) !== earlier || earlier.negative) continue
      if (earlier.source !== line.source) continue
      taken.add(name)
      steps.push({ line: earlier as SentStage, eventName: name, occurredAt: change.occurredAt, filled: true })
    }
  }
  steps.push({ line, eventName, occurredAt: change.occurredAt, filled: false })
  return { kind: 'send', steps }
}
