/** What Meta would get of one real lead, just as it would be sent; nothing is sent or stored. */
import type { RecordRef, RecordSnapshot } from '../../connectors/connector.ts'
import type { LeadStageRecord } from '../../connectors/record.ts'
import { leadEventSource } from '../../connectors/registry.ts'
import { type ConversionSettings, toConversionEvent } from '../../mappings/conversion-event.ts'
import { type FieldNote, reasonText } from '../../mappings/reasons.ts'
import { rules as rulesSchema } from '../../mappings/rules.ts'
import { stageMapping } from '../../mappings/stage-mapping.ts'
import type { Connection, Connections } from '../connections/connections.ts'
import type { Caller } from './caller.ts'
import { withTexts } from './entry-text.ts'
import { findConnection } from './find.ts'
import { readMapping } from './mappings.ts'
import { parseInput, problem } from './problem.ts'
import { listRoutes } from './routes.ts'
import { readRules } from './rules.ts'
import { sampleRecords } from './sample-records.ts'

export interface PreviewedStage {
  stage: LeadStageRecord['stage']
  occurredAt: Date
  /** The event as JSON text: a lead id is longer than a JavaScript number. Null: nothing would be sent. */
  event: string | null
  /** Why not, or not yet. */
  reason: string | null
  text: string | null
  /** Fields that were left out. */
  notes: (FieldNote & { text: string })[]
}

export interface LeadPreview {
  record: RecordRef
  /** The dataset that the event ids are for; null: none is connected, and they will be others. */
  datasetId: string | null
  stages: PreviewedStage[]
}

export interface PreviewRequest {
  /** Where none is named, one of the latest, of which something would be sent if that can be. */
  record?: RecordRef
  /** What would be saved, instead of what is. */
  mapping?: unknown
  rules?: Readonly<Record<string, unknown>>
}

/**
 * The stages of the record with what each would become, alone: whether its lead reached them before is not asked. Throws
 * `CodedError` as `sampleRecords`, `record_unknown`, `no_records`, `invalid_input`.
 */
export async function previewLead(caller: Caller, id: number, wanted: PreviewRequest, connections: Connections): Promise<LeadPreview> {
  const stored = await findConnection(caller, id)
  const merged = Object.entries({ ...(await readRules(caller, id)), ...wanted.rules }).filter(([, value]) => value !== null)
  const rules = parseInput(rulesSchema, Object.fromEntries(merged), 'The rules')
  const mapping =
    wanted.mapping === undefined ? (await readMapping(caller, id)).mapping : parseInput(stageMapping, wanted.mapping, 'The mapping')
  const fields = [...rules.confirmedSources, ...rules.consent, ...rules.optOut].map(({ field }) => field)
  const ref = wanted.record
  const { connection, records, people } = await sampleRecords(caller, id, connections, {
    limit: 20,
    fields,
    history: true,
    ...(ref && { ref }),
  })
  const [route] = await listRoutes(caller, { connectionId: id })
  const settings = { mapping, rules, leadEventSource: leadEventSource(stored.crm, stored.settings), datasetId: route?.metaId ?? '0' }
  const now = Date.now()
  const previews = records.map((record) => {
    const person = people.find(({ ref }) => ref.type === record.person?.type && ref.id === record.person.id) ?? record
    return { record: record.ref, stages: stagesOf(record, person, connection, now).map((one) => preview(one, settings, now)) }
  })
  const chosen = previews.find(({ stages }) => stages.some(({ event }) => event !== null)) ?? previews[0]
  if (chosen !== undefined) return { ...chosen, datasetId: route?.metaId ?? null }
  throw ref === undefined
    ? problem('no_records', 'There is no record to show yet.')
    : problem('record_unknown', `The CRM shows no record ${ref.type}/${ref.id}.`)
}

function preview(record: LeadStageRecord, settings: ConversionSettings, now: number): PreviewedStage {
  const result = toConversionEvent(record, settings, now)
  const said = { stage: record.stage, occurredAt: new Date(record.occurredAt) }
  if (result.kind === 'event') return { ...said, event: result.json, reason: null, text: null, notes: withTexts(result.notes) }
  const params = result.kind === 'refused' ? result.params : undefined
  const notes = result.kind === 'refused' ? withTexts(result.notes ?? []) : []
  return { ...said, event: null, reason: result.reason, text: reasonText(result.reason, params), notes }
}

/** The stages that a record went through, or stands at. */
function stagesOf(record: RecordSnapshot, person: RecordSnapshot, { crm, account }: Connection, now: number): LeadStageRecord[] {
  const passed = record.transitions ?? record.stages.map((stage) => ({ stage, occurredAt: now }))
  return passed.map(({ stage: { source, pipelineId, stageId }, occurredAt }) => ({
    crm,
    account,
    recordType: record.ref.type,
    recordId: record.ref.id,
    stage: { source, id: stageId, ...(pipelineId !== undefined && { pipelineId }) },
    occurredAt,
    occurredAtSource: 'field',
    origin: 'history',
    exact: true,
    ...(record.createdAt !== undefined && { recordCreatedAt: record.createdAt }),
    isTest: false,
    identity: person.identity ?? {},
    ...(record.amount && { amount: record.amount }),
    fields: { ...person.fields, ...record.fields },
  }))
}
