/**
 * Asking a CRM again and again for what changed, where it tells nothing by itself. From where it was asked before, page by
 * page; a page's changes and the position are one transaction, so neither a kill nor a second process loses or skips a page.
 */
import { sql } from 'kysely'
import type { Connector, PollPage } from '../../connectors/connector.ts'
import { CodedError } from '../../connectors/errors.ts'
import { closeNotice, openNotice } from '../connections/notices.ts'
import type { Database } from '../database/pool.ts'
import { transaction } from '../database/transaction.ts'
import { type Lease, withLease } from '../schedule/lease.ts'
import type { CatchUpOptions } from './catch-up.ts'
import { insertPackets } from './inbox.ts'
import { isInboxFull } from './is-inbox-full.ts'
import { packInParts } from './pack-in-parts.ts'

export type PollOptions = Omit<CatchUpOptions, 'everyMs'>

/** Where a manifest names no interval. */
const EVERY_MS = 60_000
const WAIT_MS = 1_000
const LATER_MS = 60_000
const NEVER_MS = 300_000

const works = sql`c.arrival = 'poll' and (c.state in ('setup', 'active') or c.state = 'attention' and c.state_reason is distinct from 'reconnect')`

/** Connections that are to be polled now. */
export async function findPolls(db: Database, connectors: Readonly<Record<string, Connector>>): Promise<number[]> {
  const crms = Object.keys(connectors).filter((crm) => connectors[crm]?.poll !== undefined)
  if (crms.length === 0) return []
  const found = await sql<{ id: number }>`
    select c.id from connection c left join cursor u on u.connection_id = c.id and u.channel = 'poll'
    where ${works} and c.crm = any(${crms}::text[]) and coalesce(u.due_at, '-infinity') <= now()`.execute(db)
  return found.rows.map(({ id }) => id)
}

/**
 * Asks for one page, if that is due.
 * @returns when it wants to run again, milliseconds since the epoch
 */
export async function poll(options: PollOptions, connectionId: number): Promise<{ again?: number }> {
  const held = await withLease(options.db, `poll:${connectionId}`, (lease) => pollOnce(options, connectionId, lease))
  if (!held.ran) return { again: held.until.getTime() }
  return held.value === undefined ? {} : { again: held.value }
}

async function pollOnce(options: PollOptions, connectionId: number, lease: Lease): Promise<number | undefined> {
  const { db } = options
  const now = options.now?.() ?? Date.now()
  const cursor = await readCursor(db, connectionId)
  if (cursor === undefined) return undefined
  if (!cursor.due) return cursor.dueAt
  if (await isInboxFull(db, connectionId)) return Date.now() + WAIT_MS

  let page: PollPage
  let everyMs = EVERY_MS
  try {
    const { connector, context } = await options.connections.get(connectionId)
    if (connector.poll === undefined) return undefined
    everyMs = connector.manifest.pollMs ?? EVERY_MS
    page = await connector.poll(context, cursor.position, now)
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    return crmFailed(options, connectionId, error)
  }
  const dueAt = Date.now() + (page.more ? 0 : everyMs)
  const kept = await store(options, connectionId, lease, page, dueAt)
  if (kept && page.changes.length > 0) options.wakeResolve(connectionId)
  // Changes arrive in this way now, whatever was told of a stream before.
  for (const code of ['poll', 'stream']) await closeNotice(db, `connection:${connectionId}`, code)
  return dueAt
}

/** Undefined: the connection is not polled now. */
async function readCursor(db: Database, connectionId: number): Promise<{ position?: string; due: boolean; dueAt: number } | undefined> {
  const found = await sql<{ position: string | null; due: boolean; due_at: number }>`
    select u.position, coalesce(u.due_at, '-infinity') <= now() as due,
      case when isfinite(u.due_at) then extract(epoch from u.due_at)::float8 * 1000 else 0 end as due_at
    from connection c left join cursor u on u.connection_id = c.id and u.channel = 'poll'
    where c.id = ${connectionId} and ${works}`.execute(db)
  const row = found.rows[0]
  return row && { ...(row.position !== null && { position: row.position }), due: row.due, dueAt: row.due_at }
}

/** Puts a page into the inbox and moves the position behind it. False: the connection was removed or paused meanwhile. */
async function store(
  { db, vault }: PollOptions,
  connectionId: number,
  lease: Lease,
  { changes, position }: PollPage,
  dueAt: number,
): Promise<boolean> {
  const packets = packInParts(vault.for('packet'), connectionId, changes, Date.now())
  return transaction(db, async (trx) => {
    await lease.guard(trx)
    const still = await sql`select from connection c where c.id = ${connectionId} and ${works} for share`.execute(trx)
    if (still.rows.length === 0) return false
    await insertPackets(trx, packets)
    await sql`
      insert into cursor as u (connection_id, channel, position, due_at, changed_at)
      values (${connectionId}, 'poll', ${position}, ${new Date(dueAt)}, case when ${changes.length > 0} then now() end)
      on conflict (connection_id, channel) do update
        set position = excluded.position, due_at = excluded.due_at, changed_at = coalesce(excluded.changed_at, u.changed_at)`.execute(trx)
    return true
  })
}

/** The CRM cannot be asked: later again, from the same position. What only the customer can mend is told. */
async function crmFailed({ db, log }: PollOptions, connectionId: number, error: CodedError): Promise<number> {
  const delay = error.retry === 'never' ? NEVER_MS : error.retry === 'later' ? LATER_MS : error.retry.afterMs
  log.warn({ connection: connectionId, error, delay }, 'a connection cannot be polled now')
  // A withdrawn grant was told where it was noticed.
  if (error.retry === 'never' && error.code !== 'grant_revoked') {
    const { workspace_id } = await db
      .selectFrom('connection')
      .select('workspace_id')
      .where('id', '=', connectionId)
      .executeTakeFirstOrThrow()
    await openNotice(db, {
      workspaceId: workspace_id,
      subject: `connection:${connectionId}`,
      code: 'poll',
      text: `The CRM cannot be asked for changes: ${error.userText}`,
    })
  }
  const dueAt = Date.now() + delay
  await sql`
    insert into cursor (connection_id, channel, due_at) values (${connectionId}, 'poll', ${new Date(dueAt)})
    on conflict (connection_id, channel) do update set due_at = excluded.due_at`.execute(db)
  return dueAt
}
