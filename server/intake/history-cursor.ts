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
  /** For when it was due: where another instant stands there at its end, somebody has asked for the next one meanwhile. */
  dueAs?: string | undefined
}

export interface HistoryCursor {
  /** Changes with every change of the row. */
  version: string
  /** Where the reading stands: a page that was read from here is wanted while it is the same. */
  place: string
  /** The connection takes part now. */
  works: boolean
  due: boolean
  /** When it is due; absent: never. */
  dueAt?: number
  /** The same, as it stands in the row. */
  dueAs: string
  createdAt: number
  coveredUntil: number
  reading?: Reading
  /** The connection's own interval. */
  everyMs?: number
}

const reading = z.object({
  from: z.number(),
  to: z.number(),
  next: z.string().optional(),
  records: z.number().default(0),
  dueAs: z.string().optional(),
})

/** What is being read, from the `position` of a row. */
export const readReading = (position: string): Reading => reading.parse(JSON.parse(position))

/** The cursor of a connection; it starts where the connection was made. Undefined: there is no such connection. */
export async function readHistoryCursor(db: Database, connectionId: number): Promise<HistoryCursor | undefined> {
  await sql`
    insert into cursor (connection_id, channel, covered_until)
    select id, 'history', created_at from connection where id = ${connectionId} on conflict do nothing`.execute(db)
  const found = await sql<{
    version: string
    place: string
    works: boolean
    due: boolean
    due_at: number | null
    due_as: string
    created_at: Date
    covered_until: Date
    position: string | null
    minutes: number | null
  }>`
    select u.xmin::text as version, ${placeOf(sql`u`)} as place, c.state in ('active', 'attention') as works, u.due_at <= now() as due, c.created_at, u.covered_until, u.position,
      case when isfinite(u.due_at) then extract(epoch from u.due_at)::float8 * 1000 end as due_at, ${dueAs} as due_as, c.catch_up_minutes as minutes
    from connection c join cursor u on u.connection_id = c.id and u.channel = 'history' where c.id = ${connectionId}`.execute(db)
  const row = found.rows[0]
  if (row === undefined) return undefined
  return {
    version: row.version,
    place: row.place,
    works: row.works,
    due: row.due,
    ...(row.due_at !== null && { dueAt: row.due_at }),
    dueAs: row.due_as,
    createdAt: row.created_at.getTime(),
    coveredUntil: row.covered_until.getTime(),
    ...(row.position !== null && { reading: readReading(row.position) }),
    ...(row.minutes !== null && { everyMs: row.minutes * 60_000 }),
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

/** A page is in the inbox: the next one follows. False: the place was moved meanwhile, and stays. */
export async function movePosition(trx: Database, connectionId: number, position: Reading, where?: Where): Promise<boolean> {
  return update(trx, connectionId, sql`position = ${JSON.stringify(position)}`, where)
}

/**
 * All of a period is in the inbox: what was known to be missing in it is missing no more. The next one is due at `dueAt` (ms), as soon
 * as what is known to be missing is `youngMs` old, or at once where somebody asked for it while this one was read.
 * @returns when it is due (ms); undefined: the place was moved meanwhile, and stays
 */
export async function moveCovered(
  trx: Database,
  connectionId: number,
  place: string,
  { to, dueAs: as }: Reading,
  { dueAt, youngMs }: { dueAt: number; youngMs: number },
): Promise<number | undefined> {
  const moved = await sql<{ due: number }>`
    update cursor u set position = null, covered_until = greatest(covered_until, ${new Date(to)}),
      due_at = case when ${dueAs} is distinct from ${as ?? null} then due_at 
        else least(${new Date(dueAt)}, case when wanted_until > ${new Date(to)} then wanted_until + make_interval(secs => ${youngMs / 1000}) end) end,
      wanted_until = case when wanted_until > ${new Date(to)} then wanted_until end
    where connection_id = ${connectionId} and channel = 'history' and ${placeOf(sql`u`)} = ${place}
    returning extract(epoch from greatest(due_at, 'epoch'))::float8 * 1000 as due`.execute(trx)
  return moved.rows[0]?.due
}

/** @param at milliseconds since the epoch, or never */
export async function setDue(db: Database, connectionId: number, at: number | 'never', where?: Where): Promise<boolean> {
  return update(db, connectionId, sql`due_at = ${at === 'never' ? 'infinity' : new Date(at)}`, where)
}

/** The history of a connection is read at the next occasion; of all of them if none is named. */
export async function catchUpSoon(db: Database, connectionId?: number): Promise<void> {
  await sql`
    update cursor set due_at = now()
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
  /** Only while the row is as it was read. */
  version?: string | undefined
  /** Only while the reading stands where it did. */
  place?: string
}

const dueAs = sql`extract(epoch from u.due_at)::text`
const placeOf = (row: ReturnType<typeof sql>) => sql`concat(extract(epoch from ${row}.covered_until), ' ', ${row}.position)`

/** False: it is not as it was read any more, and stays as it is. */
async function update(
  db: Database,
  connectionId: number,
  set: ReturnType<typeof sql>,
  { channel, version, place }: Where = {},
): Promise<boolean> {
  const asRead = version === undefined ? sql`true` : sql`xmin::text = ${version}`
  const inPlace = place === undefined ? sql`true` : sql`${placeOf(sql`u`)} = ${place}`
  const done = await sql`
    update cursor u set ${set} where connection_id = ${connectionId} and channel = ${channel ?? 'history'} and ${asRead} and ${inPlace}`.execute(
    db,
  )
  return done.numAffectedRows !== 0n
}
