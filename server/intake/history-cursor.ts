/**
 * How far the CRM's history of a connection has been read: the rows of `cursor` with the channels `history`, and `past` for what was
 * before the connection.
 */
import { sql } from 'kysely'
import { z } from 'zod'
import type { Database } from '../database/pool.ts'

/** A period that is being read, and where its next page begins. Milliseconds since the epoch. */
export interface Reading {
  from: number
  to: number
  next?: string | undefined
  /** Records that its pages have had. */
  records: number
}

export interface HistoryCursor {
  /** Changes with every change of the row: what follows from reading it holds while it is the same. */
  version: string
  /** The connection takes part now. */
  works: boolean
  due: boolean
  /** When it is due; absent: never. */
  dueAt?: number
  createdAt: number
  coveredUntil: number
  reading?: Reading
  /** The connection's own interval. */
  everyMs?: number
  /** Up to here it has to be read soon, because changes are known to be missing. */
  wantedUntil?: number
}

const reading = z.object({ from: z.number(), to: z.number(), next: z.string().optional(), records: z.number().default(0) })

/** What is being read, from the `position` of a row. */
export const readReading = (position: string): Reading => reading.parse(JSON.parse(position))

/** The cursor of a connection; it starts where the connection was made. Undefined: there is no such connection. */
export async function readHistoryCursor(db: Database, connectionId: number): Promise<HistoryCursor | undefined> {
  await sql`
    insert into cursor (connection_id, channel, covered_until)
    select id, 'history', created_at from connection where id = ${connectionId} on conflict do nothing`.execute(db)
  const found = await sql<{
    version: string
    works: boolean
    due: boolean
    due_at: number | null
    created_at: Date
    covered_until: Date
    position: string | null
    minutes: number | null
    wanted_until: Date | null
  }>`
    select u.xmin::text as version, c.state in ('active', 'attention') as works, u.due_at <= now() as due, c.created_at, u.covered_until, u.position, u.wanted_until,
      case when isfinite(u.due_at) then extract(epoch from u.due_at)::float8 * 1000 end as due_at, c.catch_up_minutes as minutes
    from connection c join cursor u on u.connection_id = c.id and u.channel = 'history' where c.id = ${connectionId}`.execute(db)
  const row = found.rows[0]
  if (row === undefined) return undefined
  return {
    version: row.version,
    works: row.works,
    due: row.due,
    ...(row.due_at !== null && { dueAt: row.due_at }),
    createdAt: row.created_at.getTime(),
    coveredUntil: row.covered_until.getTime(),
    ...(row.position !== null && { reading: readReading(row.position) }),
    ...(row.minutes !== null && { everyMs: row.minutes * 60_000 }),
    ...(row.wanted_until !== null && { wantedUntil: row.wanted_until.getTime() }),
  }
}

export interface PastCursor {
  due: boolean
  /** When it is due; absent: there was nothing left to read. */
  dueAt?: number
  /** The connection was made then. */
  createdAt: number
  /** Back to here it was read. */
  coveredFrom: number
  reading?: Reading
}

/** How far back the past of a connection has been read: it starts where the connection was made. Undefined: there is none at work. */
export async function readPastCursor(db: Database, connectionId: number): Promise<PastCursor | undefined> {
  await sql`
    insert into cursor (connection_id, channel, covered_until)
    select id, 'past', created_at from connection where id = ${connectionId} on conflict do nothing`.execute(db)
  const found = await sql<{ due: boolean; due_at: number | null; created_at: Date; covered_until: Date; position: string | null }>`
    select u.due_at <= now() as due, c.created_at, u.covered_until, u.position,
      case when isfinite(u.due_at) then extract(epoch from u.due_at)::float8 * 1000 end as due_at
    from connection c join cursor u on u.connection_id = c.id and u.channel = 'past'
    where c.id = ${connectionId} and c.state in ('active', 'attention')`.execute(db)
  const row = found.rows[0]
  if (row === undefined) return undefined
  return {
    due: row.due,
    ...(row.due_at !== null && { dueAt: row.due_at }),
    createdAt: row.created_at.getTime(),
    coveredFrom: row.covered_until.getTime(),
    ...(row.position !== null && { reading: readReading(row.position) }),
  }
}

/** All of a part of the past is in the inbox, back to `from`. */
export async function movePast(trx: Database, connectionId: number, from: number): Promise<boolean> {
  return update(trx, connectionId, sql`position = null, covered_until = ${new Date(from)}, due_at = 'infinity'`, { channel: 'past' })
}

/** A page is in the inbox: the next one follows. */
export async function movePosition(trx: Database, connectionId: number, position: Reading, where?: Where): Promise<boolean> {
  return update(trx, connectionId, sql`position = ${JSON.stringify(position)}`, where)
}

/**
 * All of a period is in the inbox, up to `until`: what was known to be missing in it is missing no more. The next one is due at `dueAt`
 * (ms).
 */
export async function moveCovered(trx: Database, connectionId: number, until: number, dueAt: number, where: Where): Promise<boolean> {
  const covered = sql`position = null, covered_until = greatest(covered_until, ${new Date(until)}), due_at = ${new Date(dueAt)},
    wanted_until = case when wanted_until > ${new Date(until)} then wanted_until end`
  return update(trx, connectionId, covered, where)
}

/** @param at milliseconds since the epoch, or never */
export async function setDue(db: Database, connectionId: number, at: number | 'never', where?: Where): Promise<void> {
  await update(db, connectionId, sql`due_at = ${at === 'never' ? 'infinity' : new Date(at)}`, where)
}

/** The history of a connection is read at the next occasion; of all of them if none is named. */
export async function catchUpSoon(db: Database, connectionId?: number): Promise<void> {
  await sql`
    update cursor set due_at = '-infinity'
    where channel = 'history' and (${connectionId ?? null}::int is null or connection_id = ${connectionId ?? null})`.execute(db)
}

/** Connections whose history is to be read now. */
export async function findBehind(db: Database): Promise<number[]> {
  const found = await sql<{ id: number }>`
    select c.id from connection c left join cursor u on u.connection_id = c.id and u.channel = 'history'
    where c.state in ('active', 'attention') and (coalesce(u.due_at, '-infinity') <= now()
      or exists (select from cursor p where p.connection_id = c.id and p.channel = 'past' and p.due_at <= now()))`.execute(db)
  return found.rows.map(({ id }) => id)
}

interface Where {
  /** `history` where none is named. */
  channel?: 'past' | undefined
  /** Only while the cursor is as it was read. */
  version?: string
}

/** False: the cursor is not as it was read any more, and stays as it is. */
async function update(db: Database, connectionId: number, set: ReturnType<typeof sql>, { channel, version }: Where = {}): Promise<boolean> {
  const asRead = version === undefined ? sql`true` : sql`xmin::text = ${version}`
  const done = await sql`
    update cursor set ${set} where connection_id = ${connectionId} and channel = ${channel ?? 'history'} and ${asRead}`.execute(db)
  return done.numAffectedRows !== 0n
}
