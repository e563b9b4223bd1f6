import type { RecordRef } from '../../connectors/connector.ts'
import { parseStageKey, type Stage } from '../../mappings/stage-key.ts'
import type { Outcome } from '../database/tables.ts'
import type { Caller } from './caller.ts'
import { keysOf, type LedgerDetail, reasonOf } from './entry-text.ts'
import { findConnection } from './find.ts'
import { placeText, readPlace } from './place.ts'
import { problem } from './problem.ts'

export interface RecordFilter {
  connectionId?: number
  outcome?: Outcome
  /** Reason code. */
  reason?: string
  /** Stage changes at or after this instant. */
  since?: Date
  /** 1 to 1,000; 50 by default. */
  limit?: number
  /** `next` of the page before. */
  after?: string
}

/** One line of the ledger: a lead-stage record at one route. */
export interface ListedRecord {
  occurredAt: Date
  receivedAt: Date
  connectionId: number
  crm: string
  account: string
  record: RecordRef
  metaLeadId: string | null
  /** Null: the lead itself is new. */
  stage: Stage | null
  eventName: string | null
  datasetId: string
  eventId: string
  outcome: Outcome
  reason: string | null
  /** What the reason means. */
  text: string | null
  settledAt: Date | null
  /** Match keys that were used, as Meta spells them. */
  keys: string[]
  late: boolean
}

/**
 * Lead-stage records with their outcomes, latest change first, a page at a time. `next` is where the next page begins.
 * Throws `CodedError` `connection_unknown`, `invalid_input`.
 */
export async function listRecords(caller: Caller, filter: RecordFilter = {}): Promise<{ records: ListedRecord[]; next?: string }> {
  const { connectionId, limit = 50 } = filter
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) throw problem('invalid_input', 'The limit has to lie between 1 and 1000.')
  if (connectionId !== undefined) await findConnection(caller, connectionId)
  let query = caller.db
    .selectFrom('ledger as l')
    .innerJoin('record as r', 'r.id', 'l.record_id')
    .innerJoin('dataset as d', 'd.id', 'l.dataset_id')
    .innerJoin('connection as c', 'c.id', 'l.connection_id')
    .leftJoin('lead', 'lead.id', 'l.lead_id')
    .select(['l.occurred_at', 'l.event_id', 'l.connection_id', 'l.stage_key', 'l.event_name', 'l.outcome', 'l.reason', 'l.detail'])
    .select(['l.received_at', 'l.settled_at', 'r.type', 'r.record_id', 'd.meta_id', 'c.crm', 'c.account_key', 'lead.meta_lead_id'])
    .orderBy('l.occurred_at', 'desc')
    .orderBy('l.event_id', 'desc')
    .limit(limit + 1)
  if (caller.workspaceId !== undefined) query = query.where('d.workspace_id', '=', caller.workspaceId)
  if (connectionId !== undefined) query = query.where('l.connection_id', '=', connectionId)
  if (filter.outcome !== undefined) query = query.where('l.outcome', '=', filter.outcome)
  if (filter.reason !== undefined) query = query.where('l.reason', '=', filter.reason)
  if (filter.since !== undefined) query = query.where('l.occurred_at', '>=', filter.since)
  if (filter.after !== undefined) {
    const { at, id } = readPlace(filter.after, /^[0-9a-f]{32}$/)
    // The first condition follows from the second, and lets PostgreSQL leave later partitions alone.
    query = query.where('l.occurred_at', '<=', at).where((e) => e(e.refTuple('l.occurred_at', 'l.event_id'), '<', e.tuple(at, id)))
  }
  const rows = await query.execute()
  const records = rows.slice(0, limit).map((row) => ({
    occurredAt: row.occurred_at,
    receivedAt: row.received_at,
    connectionId: row.connection_id,
    crm: row.crm,
    account: row.account_key,
    metaLeadId: row.meta_lead_id,
    record: { type: row.type, id: row.record_id },
    stage: parseStageKey(row.stage_key) ?? null,
    eventName: row.event_name,
    datasetId: row.meta_id,
    eventId: row.event_id.replaceAll('-', ''),
    outcome: row.outcome,
    reason: row.reason,
    text: reasonOf(row.reason, row.detail),
    settledAt: row.settled_at,
    keys: keysOf(row.detail),
    late: (row.detail as LedgerDetail | null)?.late === true,
  }))
  const last = records.at(-1)
  return { records, ...(rows.length > limit && last && { next: placeText({ at: last.occurredAt, id: last.eventId }) }) }
}
