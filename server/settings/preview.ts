/**
 * What would become of a lead-stage record: the exact conversion event, or why there is none. Nothing is sent or stored.
 * Judges each record alone: whether its lead reached the stage before is not known here.
 */

import { CodedError } from '../../connectors/errors.ts'
import { leadStageRecord } from '../../connectors/record.ts'
import { connectorFor } from '../../connectors/registry.ts'
import { toConversionEvent } from '../../mappings/conversion-event.ts'
import type { TimeLimits } from '../../mappings/event-time.ts'
import { reasonText } from '../../mappings/reasons.ts'
import type { Rules } from '../../mappings/rules.ts'
import { type StageMapping, stageMapping } from '../../mappings/stage-mapping.ts'
import { withTexts } from './entry-text.ts'
import { describeIssue, type InputProblem } from './problem.ts'

export interface PreviewOptions {
  /** Absent: the default mapping of each record's CRM. */
  mapping?: StageMapping
  rules: Rules
  /** Meta's id of the dataset; part of every event id. */
  datasetId: string
  /** Of the connection, where its CRM has more than one name; absent: the CRM's. */
  leadEventSource?: string
  /** The only CRM that records may come from. */
  crm?: string
  limits?: TimeLimits
}

export interface Previewed {
  /** One line of JSON without its end: `event` and `notes`, `refused`, `waits`, or `invalid`. */
  line: string
  /** False: the input was no lead-stage record. */
  valid: boolean
}

/**
 * A function that previews NDJSON lines. `text` undefined: the line was too long to be read; `number` counts from 1; `now`
 * is in ms. It throws for no input.
 */
export function createPreview({ crm, rules, datasetId, limits, mapping, leadEventSource: named }: PreviewOptions) {
  const mappings = new Map<string, StageMapping>()
  const mappingOf = (id: string): StageMapping => {
    const known = mapping ?? mappings.get(id)
    if (known !== undefined) return known
    const standard = stageMapping.parse({ stages: connectorFor(id).defaultMapping([]) })
    mappings.set(id, standard)
    return standard
  }
  const invalid = (number: number, field: string, text: string): Previewed => ({
    line: JSON.stringify({ line: number, invalid: { field, text } satisfies InputProblem }),
    valid: false,
  })

  return (text: string | undefined, number: number, now: number): Previewed => {
    if (text === undefined) return invalid(number, '', 'the line is too long')
    // Some programs begin a file with a byte order mark.
    const json = parseRecord(number === 1 ? text.replace(/^\uFEFF/, '') : text)
    if (json === undefined) return invalid(number, '', text.trim() === '' ? 'the line is empty' : 'the line is not valid JSON')
    const parsed = leadStageRecord.safeParse(json.value)
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      const { field, text } = issue === undefined ? { field: '', text: 'is not valid' } : describeIssue(issue)
      return invalid(number, field, text)
    }
    const record = parsed.data
    if (crm !== undefined && record.crm !== crm) return invalid(number, 'crm', `has to be "${crm}", the CRM of the connection`)
    try {
      const leadEventSource = named ?? connectorFor(record.crm).manifest.leadEventSource
      const settings = { mapping: mappingOf(record.crm), rules, leadEventSource, datasetId, limits }
      return { line: described(number, toConversionEvent(record, settings, now)), valid: true }
    } catch (error) {
      if (error instanceof CodedError && error.code === 'unknown_crm') return invalid(number, 'crm', error.userText)
      throw error
    }
  }
}

function described(line: number, result: ReturnType<typeof toConversionEvent>): string {
  if (result.kind === 'event') {
    // The event goes in as text: a JavaScript number would round the lead id.
    return `{"line":${line},"event":${result.json},"notes":${JSON.stringify(withTexts(result.notes))}}`
  }
  const { reason } = result
  if (result.kind === 'waits') {
    return JSON.stringify({ line, waits: { reason, text: reasonText(reason), until: new Date(result.until).toISOString() } })
  }
  const { params, notes } = result
  return JSON.stringify({ line, refused: { reason, text: reasonText(reason, params) }, ...(notes && { notes: withTexts(notes) }) })
}

/** A Meta lead id given as a bare number keeps its digits; undefined for what is no JSON. */
function parseRecord(text: string): { value: unknown } | undefined {
  try {
    return { value: /"metaLeadId"\s*:\s*\d/.test(text) ? JSON.parse(text, keepLeadId) : JSON.parse(text) }
  } catch {
    return undefined
  }
}

function keepLeadId(name: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source ?? ''
  return name === 'metaLeadId' && /^\d+$/.test(source) ? source : value
}
