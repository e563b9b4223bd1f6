/** Reading a connection's past in: planned and tried out first, carried out when confirmed. */
import type { Connector } from '../../connectors/connector.ts'
import { connectors as registry } from '../../connectors/registry.ts'
import { type Counted, countBackfill } from '../backfill/counts.ts'
import { findHindrance, type Hindrance } from '../backfill/find-hindrance.ts'
import type { Forecast } from '../backfill/forecast.ts'
import { noHistory } from '../backfill/run.ts'
import { timeRemaining } from '../backfill/time-remaining.ts'
import type { BackfillState, Row } from '../database/tables.ts'
import { type Trx, transaction } from '../database/transaction.ts'
import type { AuditAction } from './audit-actions.ts'
import { audit, type Caller } from './caller.ts'
import { findConnection, findLiveConnection } from './find.ts'
import { problem } from './problem.ts'

export interface BackfillView {
  id: number
  connectionId: number
  state: BackfillState
  from: Date
  to: Date
  /** What the dry run found; while it goes on, what it has found so far. */
  forecast: Forecast | null
  /** Records read for real. */
  records: number
  /** What became of them so far; `pending`: on their way. */
  counts: Counted[]
  /** How long it will still read, milliseconds; null where nobody can say. */
  remainingMs: number | null
  /** What it stands aside for, while it is at work. */
  hindrance: Hindrance | null
  /** Why it cannot go on, or could not. */
  error: string | null
  errorText: string | null
  requestedBy: string
  requestedAt: Date
  confirmedAt: Date | null
  finishedAt: Date | null
}

/** As far back as Meta takes events. */
export const MOST_DAYS = 7
const DAY = 86_400_000
const atWork: BackfillState[] = ['planned', 'dry_running', 'running']
/** What bars another backfill of the connection. */
const underWay: BackfillState[] = [...atWork, 'paused']

/**
 * Plans a backfill of the last `days` days (1 to 7). The running server begins with a dry run, which ends in the state
 * `ready`; nothing is sent before `confirmBackfill`. Forecasts of the connection that were not confirmed lapse.
 *
 * Throws `CodedError`: `connection_unknown`, `connection_removed`, `invalid_input`, `no_history`, `no_route`,
 * `backfill_under_way`.
 */
export async function planBackfill(
  caller: Caller,
  { connectionId, days }: { connectionId: number; days: number },
  connectors: Readonly<Record<string, Connector>> = registry,
): Promise<BackfillView> {
  if (!Number.isInteger(days) || days < 1 || days > MOST_DAYS) {
    throw problem('invalid_input', `A backfill reaches back 1 to ${MOST_DAYS} days: Meta takes no older events.`)
  }
  const id = await transaction(caller.db, async (trx) => {
    const connection = await findLiveConnection(caller, connectionId, { trx, lock: true })
    const connector = connectors[connection.crm]
    if (connector?.history === undefined) throw noHistory(connector?.manifest.displayName ?? connection.crm)
    await mustHaveRoute(trx, connectionId)
    await mustBeAlone(trx, connectionId)
    const ready = trx.updateTable('backfill').set({ state: 'cancelled', finished_at: new Date() })
    await ready.where('connection_id', '=', connectionId).where('state', '=', 'ready').execute()
    const now = Date.now()
    const { id } = await trx
      .insertInto('backfill')
      .values({
        workspace_id: connection.workspace_id,
        connection_id: connectionId,
        period_from: new Date(now - days * DAY),
        period_to: new Date(now),
        requested_by: caller.actor,
      })
      .returning('id')
      .executeTakeFirstOrThrow()
    const detail = { backfill: id, days }
    await audit(trx, caller, {
      workspaceId: connection.workspace_id,
      action: 'backfill.plan',
      subject: `connection:${connectionId}`,
      detail,
    })
    return id
  })
  return showBackfill(caller, id)
}

/**
 * Has what the dry run found read in and sent. Throws `CodedError` `backfill_unknown`, `backfill_state` (it is not `ready`),
 * `backfill_under_way`, `connection_removed`.
 */
export const confirmBackfill = (caller: Caller, id: number): Promise<BackfillView> =>
  change(caller, id, 'backfill.confirm', ['ready'], ({ records }) => ({
    state: 'running',
    confirmed_at: new Date(),
    resumed_at: new Date(),
    resumed_records: records,
  }))

/** Reads no further; what was read goes its way. Throws as `confirmBackfill` (it is not `running`). */
export const pauseBackfill = (caller: Caller, id: number): Promise<BackfillView> =>
  change(caller, id, 'backfill.pause', ['running'], () => ({ state: 'paused' }))

/** Goes on after a pause or a failure, from where it stands. Throws as `confirmBackfill` (it is neither `paused` nor `failed`). */
export const resumeBackfill = (caller: Caller, id: number): Promise<BackfillView> =>
  change(caller, id, 'backfill.resume', ['paused', 'failed'], ({ confirmed_at, records }) => ({
    state: confirmed_at === null ? 'planned' : 'running',
    error: null,
    error_text: null,
    finished_at: null,
    resumed_at: new Date(),
    resumed_records: records,
  }))

/** Ends it; what was read stays and goes its way. Throws as `confirmBackfill` (it is over already). */
export const cancelBackfill = (caller: Caller, id: number): Promise<BackfillView> =>
  change(caller, id, 'backfill.cancel', [...underWay, 'ready', 'failed'], () => ({ state: 'cancelled', finished_at: new Date() }))

/** Throws `CodedError` `backfill_unknown`. */
export async function showBackfill(caller: Caller, id: number): Promise<BackfillView> {
  return view(caller, await find(caller, id))
}

/** The latest first. Throws `CodedError` `connection_unknown`. */
export async function listBackfills(caller: Caller, { connectionId }: { connectionId?: number } = {}): Promise<BackfillView[]> {
  if (connectionId !== undefined) await findConnection(caller, connectionId)
  let query = caller.db.selectFrom('backfill').selectAll().orderBy('id', 'desc').limit(50)
  if (connectionId !== undefined) query = query.where('connection_id', '=', connectionId)
  if (caller.workspaceId !== undefined) query = query.where('workspace_id', '=', caller.workspaceId)
  return Promise.all((await query.execute()).map((row) => view(caller, row)))
}

type Changed = Partial<
  Pick<Row<'backfill'>, 'state' | 'error' | 'error_text' | 'confirmed_at' | 'resumed_at' | 'resumed_records' | 'finished_at'>
>

async function change(
  caller: Caller,
  id: number,
  action: AuditAction,
  from: readonly BackfillState[],
  to: (row: Row<'backfill'>) => Changed,
): Promise<BackfillView> {
  const changed = await transaction(caller.db, async (trx) => {
    const { connection_id } = await find(caller, id, trx)
    // Before the backfill, as planning locks them.
    await findConnection(caller, connection_id, { trx, lock: true })
    const row = await trx.selectFrom('backfill').selectAll().where('id', '=', id).forUpdate().executeTakeFirstOrThrow()
    if (!from.includes(row.state)) throw problem('backfill_state', `Backfill ${id} is "${row.state}": that cannot be done now.`)
    const set = to(row)
    if (set.state === 'running' || set.state === 'planned') {
      await findLiveConnection(caller, connection_id, { trx })
      await mustBeAlone(trx, connection_id, id)
    }
    const next = await trx.updateTable('backfill').set(set).where('id', '=', id).returningAll().executeTakeFirstOrThrow()
    await audit(trx, caller, { workspaceId: row.workspace_id, action, subject: `connection:${connection_id}`, detail: { backfill: id } })
    return next
  })
  return view(caller, changed)
}

async function find(caller: Caller, id: number, db: Caller['db'] = caller.db): Promise<Row<'backfill'>> {
  let query = db.selectFrom('backfill').selectAll().where('id', '=', id)
  if (caller.workspaceId !== undefined) query = query.where('workspace_id', '=', caller.workspaceId)
  const found = await query.executeTakeFirst()
  if (found === undefined) throw problem('backfill_unknown', `There is no backfill ${id}.`)
  return found
}

async function mustHaveRoute(trx: Trx, connectionId: number): Promise<void> {
  const route = await trx.selectFrom('route').select('id').where('connection_id', '=', connectionId).executeTakeFirst()
  if (route === undefined) throw problem('no_route', `Connection ${connectionId} has no route to a dataset yet. Set one first.`)
}

async function mustBeAlone(trx: Trx, connectionId: number, except = 0): Promise<void> {
  const other = await trx
    .selectFrom('backfill')
    .select(['id', 'state'])
    .where('connection_id', '=', connectionId)
    .where('state', 'in', underWay)
    .where('id', '<>', except)
    .executeTakeFirst()
  if (other === undefined) return
  throw problem('backfill_under_way', `Backfill ${other.id} of this connection is "${other.state}". Let it end, or cancel it first.`)
}

async function view({ db }: Caller, row: Row<'backfill'>): Promise<BackfillView> {
  const forecast = row.forecast as Forecast | null
  const remaining =
    row.state === 'running' && row.resumed_at !== null && forecast !== null
      ? timeRemaining(
          { total: forecast.records, records: row.records, resumedAt: row.resumed_at.getTime(), resumedRecords: row.resumed_records },
          Date.now(),
        )
      : undefined
  return {
    id: row.id,
    connectionId: row.connection_id,
    state: row.state,
    from: row.period_from,
    to: row.period_to,
    forecast,
    records: row.records,
    counts: row.confirmed_at === null ? [] : await countBackfill(db, row.id),
    remainingMs: remaining ?? null,
    hindrance: (atWork.includes(row.state) && (await findHindrance(db, row.connection_id))) || null,
    error: row.error,
    errorText: row.error_text,
    requestedBy: row.requested_by,
    requestedAt: row.requested_at,
    confirmedAt: row.confirmed_at,
    finishedAt: row.finished_at,
  }
}
