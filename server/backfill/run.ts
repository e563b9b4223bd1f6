/**
 * The work of one backfill, under its lease. The dry run reads the CRM's history and lets nothing of it stay; it holds what
 * it has found in memory and begins anew after a restart. The real run puts each page into the inbox, in one transaction
 * with the place where the history goes on; from there it takes the way of every change.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConnectionContext, Connector, HistoryPage } from '../../connectors/connector.ts'
import { CodedError } from '../../connectors/errors.ts'
import type { Database } from '../database/pool.ts'
import type { Row } from '../database/tables.ts'
import { transaction } from '../database/transaction.ts'
import { insertPackets } from '../intake/inbox.ts'
import { packInParts } from '../intake/pack-in-parts.ts'
import type { ReachedMilestone } from '../leads/milestones.ts'
import type { ResolveOptions } from '../resolve/resolve.ts'
import { type ConnectionSetup, readSetup } from '../resolve/setup.ts'
import { type Lease, withLease } from '../schedule/lease.ts'
import { SLICE_MS } from '../schedule/scheduler.ts'
import { findHindrance } from './find-hindrance.ts'
import { createForecast } from './forecast.ts'
import { rehearsePage } from './rehearse.ts'

export interface BackfillOptions extends Omit<ResolveOptions, 'wakeDelivery'> {
  /** Tells the scheduler that a connection has changes to resolve. May be lost. */
  wakeResolve: (connectionId: number) => void
}

/** Time to stand aside for other work, ms. */
const YIELD_MS = 250
/** A dry run that stands aside for longer makes room for those of other connections, and begins anew later. */
const MOST_WAITING_MS = 60_000
/** Between looks at a connection that is paused or has no route, ms. */
const IDLE_MS = 5_000

/** Backfills that have something to do, also if only to see that they are done. */
export async function findBackfills(db: Database): Promise<number[]> {
  const found = await db.selectFrom('backfill').select('id').where('state', 'in', ['planned', 'dry_running', 'running']).execute()
  return found.map(({ id }) => id)
}

/**
 * Carries a backfill on: reads pages until it is done, has to stand aside, or is paused or cancelled. What fails for good
 * ends it as `failed` with the reason; it can be resumed from where it stands. Throws what may be over soon.
 * @returns when it wants to run again, milliseconds since the epoch
 */
export async function runBackfill(options: BackfillOptions, id: number, signal: AbortSignal): Promise<{ again?: number }> {
  const { db } = options
  const held = await withLease(db, `backfill:${id}`, async (lease): Promise<{ again?: number }> => {
    try {
      const it = await open(options, id, lease, signal)
      if (it === undefined) return {}
      if (it === 'later') return { again: Date.now() + IDLE_MS }
      return it.backfill.state === 'running' ? await read(it) : await dryRun(it)
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      const over = error.retry === 'never'
      options.log.warn({ backfill: id, error: error.code, over }, 'a backfill cannot go on')
      await db
        .updateTable('backfill')
        .set({ error: error.code, error_text: error.userText, ...(over && { state: 'failed' as const, finished_at: new Date() }) })
        .where('id', '=', id)
        .where('state', 'in', ['planned', 'dry_running', 'running'])
        .execute()
      if (over) return {}
      throw error
    }
  })
  return held.ran ? held.value : { again: Math.max(held.until.getTime(), Date.now() + YIELD_MS) }
}

/** What one run works with. */
interface Run {
  options: BackfillOptions
  backfill: Row<'backfill'>
  setup: ConnectionSetup
  connector: Connector
  context: ConnectionContext
  lease: Lease
  ended: () => boolean
}

async function open(options: BackfillOptions, id: number, lease: Lease, signal: AbortSignal): Promise<Run | 'later' | undefined> {
  const { db } = options
  const backfill = await db.selectFrom('backfill').selectAll().where('id', '=', id).executeTakeFirst()
  if (backfill === undefined || !['planned', 'dry_running', 'running'].includes(backfill.state)) return undefined
  const setup = await readSetup(db, backfill.connection_id)
  if (setup === undefined || setup.state === 'removed') throw removed()
  if ((setup.state !== 'active' && setup.state !== 'attention') || setup.routes.length === 0) return 'later'
  const { connector, context } = await options.connections.get(backfill.connection_id)
  return { options, backfill, setup, connector, context, lease, ended: () => signal.aborted || lease.signal.aborted }
}

async function dryRun({ options, backfill, setup, connector, context, lease, ended }: Run): Promise<{ again?: number }> {
  const { db } = options
  const reached = new Map<string, ReachedMilestone[]>()
  const forecast = createForecast()
  let waited = 0
  let position: string | undefined
  let state: 'dry_running' | 'ready' = 'dry_running'
  /** False when somebody has cancelled it. */
  const note = () =>
    transaction(db, async (trx) => {
      await lease.guard(trx)
      const noted = await trx
        .updateTable('backfill')
        .set({ state, forecast: JSON.stringify(forecast.sum()), error: null, error_text: null })
        .where('id', '=', backfill.id)
        .where('state', 'in', ['planned', 'dry_running'])
        .executeTakeFirst()
      return noted.numUpdatedRows === 1n
    })
  while (await note()) {
    if (state === 'ready') return {}
    if (ended()) return { again: Date.now() }
    const hindrance = await findHindrance(db, setup.connectionId)
    if (hindrance === 'connection' || waited > MOST_WAITING_MS) return { again: Date.now() + IDLE_MS }
    // A dry run adds nothing to an outbox, however full.
    if (hindrance === 'inbox') {
      await sleep(YIELD_MS)
      waited += YIELD_MS
      continue
    }
    waited = 0
    const page = await readPage(connector, context, backfill, position)
    forecast.add(page, await rehearsePage(options, setup, { connector, context }, page.changes, reached))
    position = page.next
    if (position === undefined) state = 'ready'
  }
  return {}
}

async function read({ options, backfill, setup, connector, context, lease, ended }: Run): Promise<{ again?: number }> {
  const { db } = options
  const { id } = backfill
  if (backfill.read_all) return (await finish(db, backfill)) ? {} : { again: Date.now() + YIELD_MS }
  let position = backfill.position ?? undefined
  const end = performance.now() + SLICE_MS
  while (!ended() && (await findHindrance(db, setup.connectionId)) === undefined) {
    if (performance.now() > end) return { again: Date.now() }
    const page = await readPage(connector, context, backfill, position)
    const receivedAt = options.now?.() ?? Date.now()
    const parts = packInParts(options.vault.for('packet'), setup.connectionId, page.changes, receivedAt)
    const packets = parts.map((packet) => ({ ...packet, backfillId: id }))
    const taken = await transaction(db, async (trx) => {
      await lease.guard(trx)
      const moved = await trx
        .updateTable('backfill')
        .set((row) => ({
          position: page.next ?? null,
          read_all: page.next === undefined,
          records: row('records', '+', page.records),
          error: null,
          error_text: null,
        }))
        .where('id', '=', id)
        .where('state', '=', 'running')
        .executeTakeFirst()
      if (moved.numUpdatedRows === 0n) return false
      await insertPackets(trx, packets)
      return true
    })
    if (!taken) return {}
    options.wakeResolve(setup.connectionId)
    if (page.next === undefined) break
    position = page.next
  }
  return { again: Date.now() + YIELD_MS }
}

/** Done, when everything is read and nothing of it waits in the inbox. What was set aside is shown with the connection. */
async function finish(db: Database, { id, connection_id }: Row<'backfill'>): Promise<boolean> {
  const left = await db
    .selectFrom('packet')
    .select('id')
    .where('connection_id', '=', connection_id)
    .where('quarantined', '=', false)
    .where('backfill_id', '=', id)
    .executeTakeFirst()
  if (left !== undefined) return false
  await db
    .updateTable('backfill')
    .set({ state: 'done', finished_at: new Date() })
    .where('id', '=', id)
    .where('state', '=', 'running')
    .execute()
  return true
}

/** One page. A fault of the connector is told as such, and not as one of the CRM. */
async function readPage(
  connector: Connector,
  context: ConnectionContext,
  { period_from, period_to }: Row<'backfill'>,
  position: string | undefined,
): Promise<HistoryPage> {
  if (connector.history === undefined) throw noHistory(connector.manifest.displayName)
  try {
    return await connector.history(context, { from: period_from.getTime(), to: period_to.getTime() }, position)
  } catch (thrown) {
    if (thrown instanceof CodedError) throw thrown
    throw new CodedError({
      code: 'connector_fault',
      retry: 'never',
      scope: 'connection',
      userText:
        'Something went wrong while the history of the CRM was read. Resume the backfill; if that does not help, report it to support.',
      cause: thrown,
    })
  }
}

/** The CRM keeps nothing of earlier stages. */
export function noHistory(crm: string): CodedError {
  return new CodedError({
    code: 'no_history',
    retry: 'never',
    scope: 'connection',
    userText: `${crm} does not tell of stages reached earlier, so there is nothing to read again.`,
  })
}

function removed(): CodedError {
  return new CodedError({
    code: 'connection_removed',
    retry: 'never',
    scope: 'connection',
    userText: 'The connection was removed. Connect the account again and start anew.',
  })
}
