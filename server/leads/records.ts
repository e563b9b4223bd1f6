/** CRM records: read, created and locked in id order, and kept up to date from lookups. */
import { sql } from 'kysely'
import type { RecordRef } from '../../connectors/connector.ts'
import type { HashedIdentity } from '../../mappings/user-data.ts'
import type { Database } from '../database/pool.ts'
import { rows } from '../database/rows.ts'

/** What an event needs of a record, from its last lookup: match keys as hashes, the fields that rules look at, the amount. */
export interface Profile {
  identity?: HashedIdentity
  fields: Record<string, string | null>
  amount?: { value: number; currency?: string }
}

export interface StoredRecord {
  id: string
  ref: RecordRef
  state: 'live' | 'gone' | 'erased'
  leadId: string | null
  /** The record of the person behind this one. */
  personId: string | null
  survivorId: string | null
  /** Milliseconds since the epoch, as all instants here. */
  createdAt: number | null
  firstSeenAt: number
  profile: Profile | null
  lookedUpAt: number | null
  /** Set while ledger rows of the record wait for a lead. */
  lookAgainAt: number | null
  looks: number
  /** Last stages by source, for CRMs that show where records stand. */
  stages: LastStages | null
}

/** The last stage of a record at each source: its key without a pipeline, and when it was reached or first seen, ms. */
export type LastStages = Record<string, { stage: string; at: number }>

interface Row {
  id: string
  type: string
  record_id: string
  state: StoredRecord['state']
  lead_id: string | null
  person_id: string | null
  survivor_id: string | null
  created_at: Date | null
  first_seen_at: Date
  profile: Profile | null
  looked_up_at: Date | null
  look_again_at: Date | null
  looks: number
  stages: LastStages | null
}

const columns = sql`r.id, r.type, r.record_id, r.state, r.lead_id, r.person_id, r.survivor_id, r.created_at, r.first_seen_at, r.profile, r.looked_up_at, r.look_again_at, r.looks,
  r.stages`

const stored = (row: Row): StoredRecord => ({
  id: row.id,
  ref: { type: row.type, id: row.record_id },
  state: row.state,
  leadId: row.lead_id,
  personId: row.person_id,
  survivorId: row.survivor_id,
  createdAt: row.created_at?.getTime() ?? null,
  firstSeenAt: row.first_seen_at.getTime(),
  profile: row.profile,
  lookedUpAt: row.looked_up_at?.getTime() ?? null,
  lookAgainAt: row.look_again_at?.getTime() ?? null,
  looks: row.looks,
  stages: row.stages,
})

const refColumns = { type: 'text', record_id: 'text' }
const refRow = (ref: RecordRef) => ({ type: ref.type, record_id: ref.id })

export type KnownRecord = Pick<StoredRecord, 'id' | 'ref' | 'state' | 'lookedUpAt'>

/** What is known already of these records, without what was looked up; nothing is locked. */
export async function readLookedUp(db: Database, connectionId: number, refs: readonly RecordRef[]): Promise<KnownRecord[]> {
  if (refs.length === 0) return []
  const found = await sql<Pick<Row, 'id' | 'type' | 'record_id' | 'state' | 'looked_up_at'>>`
    select r.id, r.type, r.record_id, r.state, r.looked_up_at
    from record r join ${rows('v', refColumns, refs.map(refRow))} on r.type = v.type and r.record_id = v.record_id
    where r.connection_id = ${connectionId}`.execute(db)
  return found.rows.map((row) => ({
    id: row.id,
    ref: { type: row.type, id: row.record_id },
    state: row.state,
    lookedUpAt: row.looked_up_at?.getTime() ?? null,
  }))
}

/**
 * Creates the records that are missing and locks all of them in id order, with the persons behind them, with what they were
 * merged into, and with the waiting records that these speak for. (Ids are gathered into arrays, because PostgreSQL thinks a
 * recursion returns far more rows than it does, and would rather read whole tables.)
 */
export async function lockRecords(
  trx: Database,
  connectionId: number,
  refs: readonly { ref: RecordRef; seenAt: number }[],
): Promise<StoredRecord[]> {
  const items = refs
    .map(({ ref, seenAt }) => ({ ...refRow(ref), seen_at: new Date(seenAt) }))
    .sort((a, b) => (a.type < b.type || (a.type === b.type && a.record_id < b.record_id) ? -1 : 1))
  await sql`
    insert into record (connection_id, type, record_id, first_seen_at)
    select ${connectionId}, v.type, v.record_id, v.seen_at from ${rows('v', { ...refColumns, seen_at: 'timestamptz' }, items)}
    where not exists (select from record r where r.connection_id = ${connectionId} and r.type = v.type and r.record_id = v.record_id)
    order by v.type, v.record_id
    on conflict do nothing`.execute(trx)
  const found = await sql<Row>`
    with recursive wanted as (
      select r.id, r.person_id, r.survivor_id from record r join ${rows('v', refColumns, items)} on r.type = v.type and r.record_id = v.record_id
      where r.connection_id = ${connectionId}
      union
      select r.id, r.person_id, r.survivor_id from wanted w, unnest(array[w.person_id, w.survivor_id]) behind(id), record r where r.id = behind.id
    )
    select ${columns} from record r
    where r.id = any(array(
      select id from wanted
      union select w.id from record w where w.person_id = any(array(select id from wanted)) and w.look_again_at is not null
      union select w.id from record w where w.survivor_id = any(array(select id from wanted)) and w.look_again_at is not null
    ))
    order by r.id for update of r`.execute(trx)
  return found.rows.map(stored)
}

/** Writes back locked records that a run changed. */
export async function saveRecords(trx: Database, changed: readonly StoredRecord[]): Promise<void> {
  if (changed.length === 0) return
  const items = changed.map((record) => ({
    id: record.id,
    state: record.state,
    lead_id: record.leadId,
    person_id: record.personId,
    survivor_id: record.survivorId,
    created_at: instant(record.createdAt),
    profile: record.profile === null ? null : JSON.stringify(record.profile),
    looked_up_at: instant(record.lookedUpAt),
    look_again_at: instant(record.lookAgainAt),
    looks: record.looks,
    stages: record.stages === null ? null : JSON.stringify(record.stages),
  }))
  await sql`
    update record r set state = v.state, lead_id = v.lead_id, person_id = v.person_id, survivor_id = v.survivor_id,
      created_at = v.created_at, profile = v.profile::jsonb, looked_up_at = v.looked_up_at, look_again_at = v.look_again_at, looks = v.looks,
      stages = v.stages::jsonb
    from ${rows(
      'v',
      {
        id: 'bigint',
        state: 'text',
        lead_id: 'bigint',
        person_id: 'bigint',
        survivor_id: 'bigint',
        created_at: 'timestamptz',
        profile: 'text',
        looked_up_at: 'timestamptz',
        look_again_at: 'timestamptz',
        looks: 'int',
        stages: 'text',
      },
      items,
    )}
    where r.id = v.id`.execute(trx)
}

/** Records of a connection that are due for another look, oldest first. */
export async function dueForAnotherLook(db: Database, connectionId: number, limit: number): Promise<RecordRef[]> {
  const found = await sql<{ type: string; record_id: string }>`
    select type, record_id from record where connection_id = ${connectionId} and look_again_at <= now()
    order by look_again_at limit ${limit}`.execute(db)
  return found.rows.map((row) => ({ type: row.type, id: row.record_id }))
}

const instant = (ms: number | null) => (ms === null ? null : new Date(ms))

/** When the next record of a connection is due for another look, milliseconds since the epoch. */
export async function nextLookDue(db: Database, connectionId: number): Promise<number | undefined> {
  const found = await sql<{
    at: Date | null
  }>`select min(look_again_at) as at from record where connection_id = ${connectionId} and look_again_at is not null`.execute(db)
  return found.rows[0]?.at?.getTime()
}

/** Puts off looks that are due, because the CRM cannot be asked now. */
export async function postponeLooks(db: Database, connectionId: number, delayMs: number): Promise<void> {
  await sql`
    update record set look_again_at = now() + make_interval(secs => ${delayMs / 1000})
    where connection_id = ${connectionId} and look_again_at <= now()`.execute(db)
}
