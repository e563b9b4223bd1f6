/** Ledger and outbox rows, as resolve writes them. */
import { sql } from 'kysely'
import type { Database } from '../database/pool.ts'
import { rows } from '../database/rows.ts'

/** One lead-stage record at one route, judged. */
export interface LedgerEntry {
  occurredAt: number
  eventId: string
  datasetId: number
  recordId: string
  leadId: string | null
  stageKey: string
  eventName: string | null
  outcome: 'pending' | 'waiting' | 'suppressed'
  reason: string | null
  detail: Record<string, unknown> | null
  receivedAt: number
  /** For pending entries: place of the event in the funnel, the raw lead first. */
  position?: number
  /** For pending entries: the serialised conversion event. */
  payload?: string
  /** For pending entries whose instant is still to come. */
  notBefore?: number
  late?: boolean
}

export interface KnownEntry {
  occurredAt: number
  eventId: string
  datasetId: number
  recordId: string
  stageKey: string
  outcome: string
  receivedAt: number
  /** How the first account of the change came in. */
  origin: 'push' | 'stream' | 'poll' | 'history'
  /** False: the record was seen there; it may have got there earlier. */
  exact?: false
  /** The time that the account of the other kind gives, once that came in. */
  twin?: number
}

interface KnownRow {
  occurred_at: Date
  event_id: string
  dataset_id: number
  record_id: string
  stage_key: string
  outcome: string
  received_at: Date
  origin: KnownEntry['origin'] | null
  exact: boolean | null
  twin: number | null
}
const known = (row: KnownRow): KnownEntry => ({
  occurredAt: row.occurred_at.getTime(),
  eventId: row.event_id.replaceAll('-', ''),
  datasetId: row.dataset_id,
  recordId: row.record_id,
  stageKey: row.stage_key,
  outcome: row.outcome,
  receivedAt: row.received_at.getTime(),
  origin: row.origin ?? 'push',
  ...(row.exact === false && { exact: false as const }),
  ...(row.twin !== null && { twin: row.occurred_at.getTime() + row.twin }),
})
const knownColumns = sql`l.occurred_at, l.event_id, l.dataset_id, l.record_id, l.stage_key, l.outcome, l.received_at,
  l.detail->>'origin' as origin, (l.detail->>'exact')::boolean as exact, (l.detail->>'twin')::float8 as twin`

/**
 * Entries of stages that these records reached between two instants (inclusive), those of records merged into them
 * included, whose history is theirs now. The range lets PostgreSQL look into few partitions.
 */
export async function readReached(trx: Database, recordIds: readonly string[], from: number, to: number): Promise<KnownEntry[]> {
  const found = await sql<KnownRow & { speaker: string }>`
    with recursive speaks (id, speaker) as (
      select id, id from unnest(${recordIds}::bigint[]) as asked(id)
      union
      select r.id, s.speaker from speaks s join record r on r.survivor_id = s.id
    )
    select s.speaker, ${knownColumns} from ledger l join speaks s on s.id = l.record_id
    where l.record_id = any(array(select id from speaks)) and l.occurred_at between ${new Date(from)} and ${new Date(to)} and coalesce(l.detail->>'filled', 'false') <> 'true'`.execute(
    trx,
  )
  return found.rows.map((row) => ({ ...known(row), recordId: row.speaker }))
}

/** Notes the time that the other account of a change gives, so that it stays this change's own. */
export async function writeTwins(trx: Database, entries: readonly (Pick<KnownEntry, 'occurredAt' | 'eventId'> & { twin: number })[]) {
  if (entries.length === 0) return
  const items = entries
    .map(({ occurredAt, eventId, twin }) => ({ occurred_at: new Date(occurredAt), event_id: eventId, twin: twin - occurredAt }))
    .sort((a, b) => a.occurred_at.getTime() - b.occurred_at.getTime() || (a.event_id < b.event_id ? -1 : 1))
  await sql`
    update ledger l set detail = coalesce(l.detail, '{}') || jsonb_build_object('twin', v.twin)
    from ${rows('v', { occurred_at: 'timestamptz', event_id: 'uuid', twin: 'int' }, items)}
    where l.occurred_at = v.occurred_at and l.event_id = v.event_id`.execute(trx)
}

/** Entries of these records that still wait for a lead. */
export async function readWaiting(trx: Database, recordIds: readonly string[]): Promise<KnownEntry[]> {
  if (recordIds.length === 0) return []
  const found = await sql<KnownRow>`
    select ${knownColumns} from ledger l where l.record_id = any(${recordIds}::bigint[]) and l.outcome = 'waiting'`.execute(trx)
  return found.rows.map(known)
}

/** Which of these keys the ledger holds decided (not waiting), as `occurredAt/eventId`. */
export async function readKeys(trx: Database, keys: readonly { occurredAt: number; eventId: string }[]): Promise<Set<string>> {
  if (keys.length === 0) return new Set()
  const items = keys.map((key) => ({ occurred_at: new Date(key.occurredAt), event_id: key.eventId }))
  const found = await sql<{ occurred_at: Date; event_id: string }>`
    select l.occurred_at, l.event_id from ${rows('v', { occurred_at: 'timestamptz', event_id: 'uuid' }, items)}
    join ledger l on l.occurred_at = v.occurred_at and l.event_id = v.event_id and l.outcome <> 'waiting'`.execute(trx)
  return new Set(found.rows.map((row) => entryKey({ occurredAt: row.occurred_at.getTime(), eventId: row.event_id.replaceAll('-', '') })))
}

export const entryKey = (entry: { occurredAt: number; eventId: string }): string => `${entry.occurredAt}/${entry.eventId}`

/**
 * Writes judged entries. A row that exists stays as it is, unless it waits for a lead and is now decided.
 * @param backfillId the backfill that brought them
 * @returns the keys (`entryKey`) of the rows that were written; only these may take a milestone or go to the outbox
 */
export async function writeEntries(
  trx: Database,
  connectionId: number,
  entries: readonly LedgerEntry[],
  backfillId: number | null = null,
): Promise<Set<string>> {
  if (entries.length === 0) return new Set()
  const items = entries.map((entry) => ({
    occurred_at: new Date(entry.occurredAt),
    event_id: entry.eventId,
    dataset_id: entry.datasetId,
    record_id: entry.recordId,
    lead_id: entry.leadId,
    stage_key: entry.stageKey,
    event_name: entry.eventName,
    outcome: entry.outcome,
    reason: entry.reason,
    detail: entry.detail === null ? null : JSON.stringify(entry.detail),
    received_at: new Date(entry.receivedAt),
  }))
  const written = await sql<{ occurred_at: Date; event_id: string }>`
    insert into ledger as l (occurred_at, event_id, connection_id, dataset_id, record_id, lead_id, stage_key, event_name, outcome, reason, detail, received_at, settled_at, backfill_id)
    select v.occurred_at, v.event_id, ${connectionId}, v.dataset_id, v.record_id, v.lead_id, v.stage_key, v.event_name, v.outcome, v.reason,
      v.detail::jsonb, v.received_at, case when v.outcome = 'suppressed' then now() end, ${backfillId}::int
    from ${rows(
      'v',
      {
        occurred_at: 'timestamptz',
        event_id: 'uuid',
        dataset_id: 'int',
        record_id: 'bigint',
        lead_id: 'bigint',
        stage_key: 'text',
        event_name: 'text',
        outcome: 'text',
        reason: 'text',
        detail: 'text',
        received_at: 'timestamptz',
      },
      items,
    )}
    on conflict (occurred_at, event_id) do update set lead_id = excluded.lead_id, event_name = excluded.event_name, outcome = excluded.outcome,
      reason = excluded.reason, settled_at = excluded.settled_at,
      detail = excluded.detail || case when l.detail ? 'twin' then jsonb_build_object('twin', l.detail->'twin') else '{}' end,
      backfill_id = coalesce(l.backfill_id, excluded.backfill_id)
      where l.outcome = 'waiting' and (excluded.outcome <> 'waiting' or excluded.reason is distinct from l.reason)
    returning occurred_at, event_id`.execute(trx)
  return new Set(written.rows.map((row) => entryKey({ occurredAt: row.occurred_at.getTime(), eventId: row.event_id.replaceAll('-', '') })))
}

/** Puts pending entries into the outbox. */
export async function fillOutbox(trx: Database, connectionId: number, entries: readonly LedgerEntry[]): Promise<void> {
  if (entries.length === 0) return
  // All payloads travel as one value: as elements of an array each of their many quotes would be escaped and read back.
  const payloads = entries.map(({ payload = '' }) => Buffer.from(payload))
  let from = 1
  const items = entries.map((entry, index) => {
    const bytes = (payloads[index] as Buffer).length
    const row = {
      dataset_id: entry.datasetId,
      occurred_at: new Date(entry.occurredAt),
      event_id: entry.eventId,
      record_id: entry.recordId,
      lead_id: entry.leadId,
      position: entry.position ?? 0,
      payload_from: from,
      payload_bytes: bytes,
      not_before: entry.notBefore === undefined ? '-infinity' : new Date(entry.notBefore),
      late: entry.late ?? false,
    }
    from += bytes
    return row
  })
  await sql`
    insert into outbox (dataset_id, occurred_at, event_id, connection_id, record_id, lead_id, position, payload, not_before, late)
    select v.dataset_id, v.occurred_at, v.event_id, ${connectionId}, v.record_id, v.lead_id, v.position,
      convert_from(substring(${Buffer.concat(payloads)}::bytea from v.payload_from for v.payload_bytes), 'UTF8'), v.not_before, v.late
    from ${rows(
      'v',
      {
        dataset_id: 'int',
        occurred_at: 'timestamptz',
        event_id: 'uuid',
        record_id: 'bigint',
        lead_id: 'bigint',
        position: 'int',
        payload_from: 'int',
        payload_bytes: 'int',
        not_before: 'timestamptz',
        late: 'boolean',
      },
      items,
    )}
    on conflict do nothing`.execute(trx)
}
