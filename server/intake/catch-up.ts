/**
 * Catching up: what the CRM's history knows and nobody told us comes in by the way of every change. Read from where it was
 * read before, page by page; a page's changes and the position are one transaction, so neither a kill nor a second process
 * loses or skips a page. That most of it is known already does not matter: the ledger tells. Some connections have a past as well,
 * from before they were made: it is read once, while nothing newer is to be read.
 */
import { sql } from 'kysely'
import type { HistoryPage } from '../../connectors/connector.ts'
import { CodedError } from '../../connectors/errors.ts'
import type { Connections } from '../connections/connections.ts'
import { closeNotice, openNotice } from '../connections/notices.ts'
import type { Vault } from '../connections/vault.ts'
import type { Database } from '../database/pool.ts'
import { transaction } from '../database/transaction.ts'
import type { Log } from '../log.ts'
import { type Lease, withLease } from '../schedule/lease.ts'
import {
  type HistoryCursor,
  moveCovered,
  movePast,
  movePosition,
  type Reading,
  readHistoryCursor,
  readPastCursor,
  setDue,
} from './history-cursor.ts'
import { insertPackets } from './inbox.ts'
import { isInboxFull } from './is-inbox-full.ts'
import { packInParts } from './pack-in-parts.ts'

export interface CatchUpOptions {
  db: Database
  vault: Vault
  connections: Connections
  log: Log
  /** Between two readings where a connection has no interval of its own, milliseconds. */
  everyMs: number
  /** Tells the scheduler that a connection has changes. May be lost. */
  wakeResolve: (connectionId: number) => void
  /** Milliseconds since the epoch. */
  now?: () => number
}

/** A CRM's search shows a change some seconds late; what is younger than this is left to the next reading. */
const SAFETY_LAG_MS = 120_000
/** Read again each time, for what the search showed later still. */
const OVERLAP_MS = 300_000
/** Meta takes nothing older. */
const MOST_MS = 7 * 24 * 3_600_000
const WAIT_MS = 100
const LATER_MS = 60_000
const NEVER_MS = 300_000

/**
 * Reads one page of a connection's history, if that is due.
 * @returns when it wants to run again, milliseconds since the epoch
 */
export async function catchUp(options: CatchUpOptions, connectionId: number): Promise<{ again?: number }> {
  const held = await withLease(options.db, `reconcile:${connectionId}`, async (lease) => {
    const again = await readOnce(options, connectionId, lease)
    if (again === undefined || again <= Date.now()) return again
    return Math.min(again, (await readPast(options, connectionId, lease)) ?? again)
  })
  if (!held.ran) return { again: held.until.getTime() }
  return held.value === undefined ? {} : { again: held.value }
}

async function readOnce(options: CatchUpOptions, connectionId: number, lease: Lease): Promise<number | undefined> {
  const { db } = options
  const now = options.now?.() ?? Date.now()
  const cursor = await readHistoryCursor(db, connectionId)
  if (cursor === undefined || !cursor.works) return undefined
  if (!cursor.due) return cursor.dueAt
  const everyMs = cursor.everyMs ?? options.everyMs
  const oldest = now - MOST_MS
  const reading = cursor.reading !== undefined && cursor.reading.to > oldest ? cursor.reading : nextPeriod(cursor, now)
  if (reading === undefined) return putOff(db, connectionId, everyMs)
  if (await isInboxFull(db, connectionId)) return Date.now() + WAIT_MS

  let page: HistoryPage
  try {
    const { connector, context } = await options.connections.get(connectionId)
    if (connector.history === undefined) {
      await setDue(db, connectionId, 'never')
      return undefined
    }
    page = await connector.history(context, { from: Math.max(reading.from, oldest), to: reading.to }, reading.next)
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    return crmFailed(options, connectionId, error, { version: cursor.version })
  }

  let dueAt: number | undefined
  const kept = await store(options, connectionId, lease, page, async (trx) => {
    if (page.next !== undefined) return movePosition(trx, connectionId, behind(reading, page), { place: cursor.place })
    // A reading that was interrupted for long ends long before now: the next one follows at once.
    const delay = now - reading.to > everyMs + SAFETY_LAG_MS ? 0 : everyMs
    dueAt = await moveCovered(trx, connectionId, cursor.place, reading, { dueAt: Date.now() + delay, youngMs: SAFETY_LAG_MS + 1 })
    return dueAt !== undefined
  })
  // Somebody wants something else to be read, or nothing any more: from where it stands now.
  if (!kept) return Date.now()
  if (page.changes.length > 0) options.wakeResolve(connectionId)
  if (page.next !== undefined) return Date.now()
  await closeNotice(db, `connection:${connectionId}`, 'catch_up')
  return dueAt
}

/** What is to be read next; undefined while there is nothing new. Never before the connection was made: that is a backfill. */
function nextPeriod({ createdAt, coveredUntil, dueAs }: HistoryCursor, now: number): Reading | undefined {
  const to = now - SAFETY_LAG_MS
  if (to <= coveredUntil) return undefined
  return { from: Math.max(createdAt, coveredUntil - OVERLAP_MS, now - MOST_MS), to, records: 0, dueAs }
}

/** One page of what was before the connection was made, where it has such a past that was not read yet. */
async function readPast(options: CatchUpOptions, connectionId: number, lease: Lease): Promise<number | undefined> {
  const { db } = options
  let page: HistoryPage
  let reading: Reading
  try {
    const { connector, context } = await options.connections.get(connectionId)
    if (connector.history === undefined || connector.past === undefined) return undefined
    const cursor = await readPastCursor(db, connectionId)
    if (cursor === undefined) return undefined
    const from = cursor.createdAt - connector.past(context.settings)
    if (cursor.reading === undefined && from >= cursor.coveredFrom) {
      if (cursor.dueAt !== undefined || cursor.due) await setDue(db, connectionId, 'never', { channel: 'past' })
      return undefined
    }
    if (!cursor.due && cursor.dueAt !== undefined) return cursor.dueAt
    if (await isInboxFull(db, connectionId)) return Date.now() + WAIT_MS
    reading = cursor.reading ?? { from, to: cursor.coveredFrom, records: 0 }
    page = await connector.history(context, reading, reading.next)
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    return crmFailed(options, connectionId, error, { channel: 'past' })
  }
  await store(options, connectionId, lease, page, (trx) =>
    page.next === undefined
      ? movePast(trx, connectionId, reading.from)
      : movePosition(trx, connectionId, behind(reading, page), { channel: 'past' }),
  )
  if (page.changes.length > 0) options.wakeResolve(connectionId)
  return page.next === undefined ? undefined : Date.now()
}

/** Where the reading goes on behind a page. */
const behind = (reading: Reading, page: HistoryPage): Reading => ({
  ...reading,
  next: page.next,
  records: reading.records + page.records,
})

/** Puts a page into the inbox and moves the cursor behind it. False: it is not wanted any more, and nothing was done. */
async function store(
  { db, vault }: CatchUpOptions,
  connectionId: number,
  lease: Lease,
  { changes }: HistoryPage,
  move: (trx: Database) => Promise<boolean>,
): Promise<boolean> {
  const packets = packInParts(vault.for('packet'), connectionId, changes, Date.now())
  return transaction(db, async (trx) => {
    await lease.guard(trx)
    if (!(await stillWorks(trx, connectionId)) || !(await move(trx))) return false
    await insertPackets(trx, packets)
    return true
  })
}

/** A connection may have been removed or paused while the CRM was asked; it stays as it is until the transaction ends. */
async function stillWorks(trx: Database, connectionId: number): Promise<boolean> {
  const found = await sql`select from connection where id = ${connectionId} and state in ('active', 'attention') for share`.execute(trx)
  return found.rows.length > 0
}

/** @returns until when; now where the row is not of that version any more: somebody has asked meanwhile */
async function putOff(db: Database, connectionId: number, delayMs: number, where?: Parameters<typeof setDue>[3]): Promise<number> {
  const at = Date.now() + delayMs
  return (await setDue(db, connectionId, at, where)) ? at : Date.now()
}

/** The CRM cannot be asked: later again, from the same position. What only the customer can mend is told. */
async function crmFailed(
  { db, log }: CatchUpOptions,
  connectionId: number,
  error: CodedError,
  { channel, version }: { channel?: 'past'; version?: string },
): Promise<number> {
  const delay = error.retry === 'never' ? NEVER_MS : error.retry === 'later' ? LATER_MS : error.retry.afterMs
  log.warn({ connection: connectionId, error, delay }, 'the history of a connection cannot be read now')
  // A withdrawn grant was told where it was noticed.
  if (error.retry === 'never' && error.code !== 'grant_revoked') await tell(db, connectionId, error)
  // What was missing may have been given while the CRM was asked; what passes by itself takes its time all the same.
  return putOff(db, connectionId, delay, { channel, version: error.retry === 'never' ? version : undefined })
}

async function tell(db: Database, connectionId: number, error: CodedError): Promise<void> {
  const { workspace_id } = await db.selectFrom('connection').select('workspace_id').where('id', '=', connectionId).executeTakeFirstOrThrow()
  await openNotice(db, {
    workspaceId: workspace_id,
    subject: `connection:${connectionId}`,
    code: 'catch_up',
    text: `Changes that the CRM did not report by itself cannot be looked for: ${error.userText}`,
  })
}
