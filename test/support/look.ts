/** Looking into the database of a running app, and hurrying it up. */
import { sql } from 'kysely'
import type { Database } from '../../server/database/pool.ts'
import type { Tables } from '../../server/database/tables.ts'

export interface LedgerLine {
  type: string
  recordId: string
  stage: string
  outcome: string
  reason: string | null
  eventId: string
  occurredAt: number
  datasetId: number
  detail: Record<string, unknown>
}

/** The ledger in time order; of one record if asked for. */
export async function ledger(db: Database, recordId?: string): Promise<LedgerLine[]> {
  const found = await sql<Omit<LedgerLine, 'occurredAt'> & { at: Date }>`
    select r.type, r.record_id as "recordId", l.stage_key as stage, l.outcome, l.reason, replace(l.event_id::text, '-', '') as "eventId",
      l.occurred_at as at, l.dataset_id as "datasetId", coalesce(l.detail, '{}') as detail
    from ledger l join record r on r.id = l.record_id
    where ${recordId ?? null}::text is null or r.record_id = ${recordId ?? null}
    order by l.occurred_at, l.stage_key, l.dataset_id`.execute(db)
  return found.rows.map(({ at, ...row }) => ({ ...row, occurredAt: at.getTime() }))
}

/** `stage outcome reason` of each line, short enough to compare at a glance. */
export async function story(db: Database, recordId?: string): Promise<string[]> {
  return (await ledger(db, recordId)).map(({ stage, outcome, reason }) =>
    [stage.split('/').at(-1), outcome, reason].filter((part) => part !== null).join(' '),
  )
}

/** Tables (with the number of rows) whose rows hold one of these texts in any column, as text or as bytes. */
export async function findTraces(db: Database, canaries: readonly string[]): Promise<string[]> {
  const tables = await sql<{ name: string }>`
    select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition`.execute(db)
  const wanted = canaries.flatMap((text) => [text, Buffer.from(text).toString('hex')]).map((text) => text.toLowerCase())
  const found: string[] = []
  for (const { name } of tables.rows) {
    const rows = await sql<{ count: string }>`
      select count(*) as count from ${sql.table(name)} t
      where exists (select from unnest(${wanted}::text[]) w where position(w in lower(t::text)) > 0)`.execute(db)
    if (rows.rows[0]?.count !== '0') found.push(`${name}: ${rows.rows[0]?.count}`)
  }
  return found
}

/** Makes due now whatever waits for a later try or another look. */
export async function hurry(db: Database): Promise<void> {
  await sql`update packet set not_before = '-infinity' where not quarantined`.execute(db)
  await sql`update record set look_again_at = now() - interval '1 second' where look_again_at is not null`.execute(db)
  await sql`update dataset set sleep_until = null`.execute(db)
}

export const count = async (db: Database, table: keyof Tables): Promise<number> =>
  Number((await sql<{ count: string }>`select count(*) as count from ${sql.table(table)}`.execute(db)).rows[0]?.count)

/** Up to when changes are known to be missing, milliseconds since the epoch; 0: none are. */
export async function missingUntil(db: Database, connectionId: number): Promise<number> {
  const history = db.selectFrom('cursor').select('wanted_until').where('connection_id', '=', connectionId).where('channel', '=', 'history')
  return (await history.executeTakeFirst())?.wanted_until?.getTime() ?? 0
}

/** A count that the app keeps. */
export async function tallied(db: Database, name: string): Promise<number> {
  const row = await db.selectFrom('tally').select('count').where('name', '=', name).executeTakeFirst()
  return Number(row?.count ?? 0)
}
