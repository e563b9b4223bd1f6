/** One element of the `data` array that goes to Meta. */
import type { LeadStageRecord } from '../connectors/record.ts'
import { normaliseAmount } from './amount.ts'
import { eventId } from './event-id.ts'
import { eventTime, judgeTime, type TimeLimits } from './event-time.ts'
import type { LimitedDataUse } from './limited-data-use.ts'
import { refusedByConsent } from './permission.ts'
import type { FieldNote } from './reasons.ts'
import type { Refusal } from './refusal.ts'
import type { Rules } from './rules.ts'
import { serialiseEvent } from './serialise.ts'
import { type Stage, stageKey } from './stage-key.ts'
import type { StageMapping } from './stage-mapping.ts'
import { findStage } from './stage-policy.ts'
import { hashIdentity, type UserData } from './user-data.ts'
import { refusedByLeadRule } from './which-leads.ts'

/** The event in Meta's spelling. `lead_id` is text until it is serialised. */
export interface ConversionEvent {
  event_name: string
  /** Seconds. */
  event_time: number
  event_id: string
  action_source: 'system_generated'
  user_data: UserData
  custom_data: { event_source: 'crm'; lead_event_source: string; value?: number; currency?: string }
  data_processing_options?: ['LDU']
  data_processing_options_country?: number
  data_processing_options_state?: number
}

export interface EventParts {
  eventName: string
  /** ms */
  occurredAt: number
  eventId: string
  userData: UserData
  limitedDataUse?: LimitedDataUse | undefined
  /** The CRM's fixed name, from its connector's manifest. */
  leadEventSource: string
  /** Given only for stages that send their amount, and checked by `normaliseAmount`. */
  amount?: { value: number; currency: string } | undefined
}

/** Puts an event together from parts that were judged before. */
export const buildEvent = (parts: EventParts): ConversionEvent => {
  const event: ConversionEvent = {
    event_name: parts.eventName,
    event_time: eventTime(parts.occurredAt),
    event_id: parts.eventId,
    action_source: 'system_generated',
    user_data: parts.userData,
    custom_data: { event_source: 'crm', lead_event_source: parts.leadEventSource },
  }
  if (parts.amount !== undefined) {
    event.custom_data.value = parts.amount.value
    event.custom_data.currency = parts.amount.currency
  }
  if (parts.limitedDataUse !== undefined) {
    event.data_processing_options = ['LDU']
    event.data_processing_options_country = parts.limitedDataUse.country
    event.data_processing_options_state = parts.limitedDataUse.state
  }
  return event
}

/** What the way from a record to an event depends on beside the record. */
export interface ConversionSettings {
  mapping: StageMapping
  rules: Rules
  /** `leadEventSource` of the connector's manifest. */
  leadEventSource: string
  /** Meta's id of the dataset. */
  datasetId: string
  limits?: TimeLimits
}

export type Conversion =
  | { kind: 'event'; event: ConversionEvent; json: string; eventId: string; notes: FieldNote[] }
  | { kind: 'waits'; reason: 'ahead_of_clock'; until: number }
  | (Refusal & { notes?: FieldNote[] })

/** The stage of a record, in the form that mapping and stage key take. */
export const stageOf = (record: LeadStageRecord): Stage => ({
  source: record.stage.source,
  pipelineId: record.stage.pipelineId,
  stageId: record.stage.id,
})

/**
 * The whole way of one record that stands alone: mapping, consent, time, match keys, which-leads rule, event. What needs
 * the past of the lead (first time only, backward, skipped) is `decideStage`. `now` in ms. Never throws on any record.
 */
export const toConversionEvent = (record: LeadStageRecord, settings: ConversionSettings, now: number): Conversion => {
  const { mapping, rules } = settings
  const stage = stageOf(record)
  const found = findStage(mapping, stage)
  if (found.kind === 'refused') return found
  const refused = refusedByConsent(record, rules)
  if (refused) return refused
  const time = judgeTime(record.occurredAt, record.leadGeneratedAt, now, settings.limits)
  if (time.kind !== 'ok') return time
  const identity = hashIdentity(record.identity, rules, now)
  const { userData, limitedDataUse, notes } = identity
  const unfit = refusedByLeadRule(userData, record.fields, rules)
  if (unfit) return { ...unfit, notes }

  let amount: EventParts['amount']
  if (found.line.sendAmount) {
    const given = normaliseAmount(record.amount)
    if ('dropped' in given) notes.push({ field: 'value', code: given.dropped })
    else amount = given
  }
  const id = eventId({
    datasetId: settings.datasetId,
    crm: record.crm,
    account: record.account,
    recordType: record.recordType,
    recordId: record.recordId,
    // A stage id is reached once at an instant, whatever its pipeline is called then.
    stageKey: stageKey({ source: stage.source, stageId: stage.stageId }),
    occurredAt: record.occurredAt,
  })
  const event = buildEvent({
    eventName: found.line.eventName,
    occurredAt: record.occurredAt,
    eventId: id,
    userData,
    limitedDataUse,
    leadEventSource: settings.leadEventSource,
    amount,
  })
  return { kind: 'event', event, json: serialiseEvent(event, rules.leadIdEncoding), eventId: id, notes }
}
