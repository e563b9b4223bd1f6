/** Reading the outbox and recording outcomes. Every write takes the lease's guard, so a runner that lost it changes nothing. */
import { sql } from 'kysely'
import { refusedByConsent } from '../../mappings/permission.ts'
import { rules } from '../../mappings/rules.ts'
import type { Database } from '../database/pool.ts'
import { rows } from '../database/rows.ts'
import { transaction } from '../database/transaction.ts'
import type { OutboxRow } from './plan-batch.ts'

/** Finds a row of a dataset's outbox without a search among all that are of its instant. */
type OutboxKey = Pick<OutboxRow, 'occurredAt' | 'position' | 'eventId'>

export interface Outcome {
  row: OutboxKey
  outcome: 'sent' | 'unconfirmed' | 'suppressed' | 'rejected' | 'expired'
  reason?: string
  /** What Meta said; shown with the record's story. */
  detail?: Record<string, unknown>
}

/**
 * As a `case`, of which PostgreSQL expects every other row to pass. Of a plain `<> all` it expects hardly any where most events are of one
 * connection, and then reads and sorts all that wait for every batch.
 */
const isNotPaused = sql`case when connection_id = any(array(select id from connection where state = 'paused')) then false else true end`

/** Only connections with a rule on consent pay for looking at it again. */
const asksConsent = sql`coalesce(jsonb_array_length(c.rules->'consent'), 0) + coalesce(jsonb_array_length(c.rules->'optOut'), 0) > 0`

/**
 * The oldest due rows of a dataset whose connection is not paused, with what the send-time check needs. Of a shadow route one event may
 * go, which counts as live.
 */
export async function takeRows(db: Database, datasetId: number, limit: number): Promise<OutboxRow[]> {
  const oldest = sql<{
    occurred_at: Date
    position: number
    event_id: string
    payload: string
    batch_cap: number
    short_counts: number
    late: boolean
    mode: 'live' | 'shadow' | null
    connection_state: string
    record_state: string
    rules: unknown
    fields: Record<string, string | null> | null
  }>`
    select o.occurred_at, o.position, o.event_id, o.payload, o.batch_cap, o.short_counts, o.late, case when r.sent_one = o.event_id then 'live' else r.mode end as mode, c.state as connection_state, p.state as record_state,
      case when ${asksConsent} then c.rules end as rules, case when ${asksConsent} then coalesce(person.profile, p.profile)->'fields' end as fields
    from (
      select * from outbox
      where dataset_id = ${datasetId} and not_before <= now() and ${isNotPaused}
      order by occurred_at, position, event_id limit ${limit}
    ) o
    join connection c on c.id = o.connection_id
    join record p on p.id = o.record_id
    left join record person on person.id = p.person_id and ${asksConsent}
    left join route r on r.connection_id = o.connection_id and r.dataset_id = o.dataset_id
    order by o.occurred_at, o.position, o.event_id`
  const taken = await transaction(db, async (trx) => {
    // An import fills the outbox before PostgreSQL has counted it, and what it takes for few rows it would all read and sort, every time.
    await sql`set local enable_bitmapscan = off; set local enable_sort = off`.execute(trx)
    return oldest.execute(trx)
  })
  return taken.rows.map((row) => ({
    occurredAt: row.occurred_at.getTime(),
    position: row.position,
    eventId: row.event_id,
    payload: row.payload,
    batchCap: row.batch_cap,
    shortCounts: row.short_counts,
    late: row.late,
    routeMode: row.mode ?? undefined,
    connectionState: row.connection_state,
    recordState: row.record_state,
    consentRefusal:
      row.rules === null ? undefined : refusedByConsent({ isTest: false, fields: row.fields ?? {} }, rules.parse(row.rules))?.reason,
  }))
}

/** When the next row that is not due yet will be, in milliseconds since the epoch. */
export async function nextDue(db: Database, datasetId: number): Promise<number | undefined> {
  const found = await sql<{ at: Date | null }>`
    select min(not_before) as at from outbox where dataset_id = ${datasetId} and not_before > now()`.execute(db)
  return found.rows[0]?.at?.getTime()
}

/** Outbox rows die with their outcome; the ledger keeps it. */
export async function settle(trx: Database, datasetId: number, outcomes: readonly Outcome[]): Promise<void> {
  if (outcomes.length === 0) return
  const items = outcomes.map((item) => ({
    ...keyOf(item.row),
    outcome: item.outcome,
    reason: item.reason,
    detail: item.detail === undefined ? null : JSON.stringify(item.detail),
  }))
  const columns = { ...keyColumns, outcome: 'text', reason: 'text', detail: 'text' }
  await sql`
    with settled as (
      delete from outbox o using ${rows('v', columns, items)}
      where o.dataset_id = ${datasetId} and ${isKey}
      returning o.occurred_at, o.event_id, o.late, v.outcome, v.reason, v.detail
    )
    update ledger l set outcome = s.outcome, reason = s.reason, settled_at = now(),
      detail = coalesce(l.detail, '{}') || coalesce(s.detail::jsonb, '{}') || case when s.late then '{"late": true}'::jsonb else '{}' end
    from settled s where l.occurred_at = s.occurred_at and l.event_id = s.event_id`.execute(trx)
}

/** Lets these events travel only in batches of at most `cap` from now on. Row state, so it outlives a crash. */
export async function narrow(trx: Database, datasetId: number, batch: readonly OutboxRow[], cap: number): Promise<void> {
  await sql`
    update outbox o set batch_cap = ${cap}, attempts = attempts + 1
    from ${keys(batch)} where o.dataset_id = ${datasetId} and ${isKey}`.execute(trx)
}

/** Counts an answer with fewer events than were sent against these rows. */
export async function countShort(trx: Database, datasetId: number, batch: readonly OutboxRow[]): Promise<void> {
  await sql`
    update outbox o set short_counts = short_counts + 1, attempts = attempts + 1
    from ${keys(batch)} where o.dataset_id = ${datasetId} and ${isKey}`.execute(trx)
}

const keyColumns = { occurred_at: 'timestamptz', position: 'smallint', event_id: 'uuid' }
const keyOf = ({ occurredAt, position, eventId }: OutboxKey) => ({ occurred_at: new Date(occurredAt), position, event_id: eventId })
const isKey = sql`o.occurred_at = v.occurred_at and o.position = v.position and o.event_id = v.event_id`
const keys = (batch: readonly OutboxKey[]) => rows('v', keyColumns, batch.map(keyOf))
