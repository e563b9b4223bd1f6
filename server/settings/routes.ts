/** Routes: which connection feeds which dataset. */
import { sql } from 'kysely'
import { z } from 'zod'
import { transaction } from '../database/transaction.ts'
import { audit, type Caller } from './caller.ts'
import { findConnection, findDataset, findLiveConnection } from './find.ts'
import { parseInput, problem } from './problem.ts'

/** What a route lets pass; an empty or absent list lets everything pass. */
export const routeFilter = z.strictObject({
  pipelineIds: z.array(z.string().min(1)).optional(),
  recordTypes: z.array(z.string().min(1)).optional(),
})
export type RouteFilter = z.infer<typeof routeFilter>

export interface RouteView {
  id: number
  connectionId: number
  crm: string
  account: string
  datasetId: number
  metaId: string
  /** `shadow`: everything happens but the sending. */
  mode: 'live' | 'shadow'
  filter: RouteFilter
}

export interface WantedRoute {
  connectionId: number
  /** Meta's id of the dataset, or ours. */
  dataset: string
  /** A new route is live, but for sandboxes, where it is shadow; a known one keeps its mode and filter where none is given. */
  mode?: 'live' | 'shadow'
  filter?: RouteFilter
  /** Is told what is there now, which nobody changes meanwhile, and throws where the change must not be made on it. */
  guard?: (current: Pick<RouteView, 'mode' | 'filter'> | undefined) => Promise<void> | void
}

export interface SetRoute {
  id: number
  created: boolean
  mode: 'live' | 'shadow'
  connectionState: string
  /** The connection is to a place to try things out. */
  sandbox: boolean
}

/**
 * Adds or changes a route. The first one sets a connection to work.
 * Throws `CodedError`: `connection_unknown`, `connection_removed`, `dataset_unknown` (also for one of another workspace),
 * `invalid_input`.
 */
export async function setRoute(caller: Caller, wanted: WantedRoute): Promise<SetRoute> {
  const filter = wanted.filter && parseInput(routeFilter, wanted.filter, 'The filter')
  return transaction(caller.db, async (trx) => {
    const connection = await findLiveConnection(caller, wanted.connectionId, { trx, lock: true })
    const dataset = await findDataset(caller, wanted.dataset, { trx, workspaceId: connection.workspace_id })
    const known = await trx
      .selectFrom('route')
      .select(['id', 'mode', 'filter'])
      .where('connection_id', '=', connection.id)
      .where('dataset_id', '=', dataset.id)
      .executeTakeFirst()
    await wanted.guard?.(known && { mode: known.mode, filter: known.filter as RouteFilter })
    const change = { ...(wanted.mode && { mode: wanted.mode }), ...(filter && { filter: JSON.stringify(filter) }) }
    const { id, mode } = await trx
      .insertInto('route')
      .values({ connection_id: connection.id, dataset_id: dataset.id, mode: connection.sandbox ? 'shadow' : 'live', ...change })
      .onConflict((conflict) => conflict.columns(['connection_id', 'dataset_id']).doUpdateSet({ dataset_id: dataset.id, ...change }))
      .returning(['id', 'mode'])
      .executeTakeFirstOrThrow()
    const started = connection.state === 'setup'
    if (started) await trx.updateTable('connection').set({ state: 'active' }).where('id', '=', connection.id).execute()
    const detail = { dataset: dataset.meta_id, mode: wanted.mode, filter, ...(started && { from: 'setup', to: 'active' }) }
    const subject = `connection:${connection.id}`
    await audit(trx, caller, { workspaceId: connection.workspace_id, action: 'route.set', subject, detail })
    const connectionState = started ? 'active' : connection.state
    return { id, created: known === undefined, mode: mode as SetRoute['mode'], connectionState, sandbox: connection.sandbox }
  })
}

/** All routes at work, or those of one connection, be it removed. Throws `CodedError` `connection_unknown`. */
export async function listRoutes(caller: Caller, { connectionId }: { connectionId?: number } = {}): Promise<RouteView[]> {
  if (connectionId !== undefined) await findConnection(caller, connectionId)
  const { rows } = await sql<RouteView>`
    select r.id, r.connection_id as "connectionId", c.crm, c.account_key as account, r.dataset_id as "datasetId", d.meta_id as "metaId",
      r.mode, r.filter
    from route r join connection c on c.id = r.connection_id join dataset d on d.id = r.dataset_id
    where (c.id = ${connectionId ?? null} or ${connectionId ?? null}::int is null and c.state <> 'removed')
      and (${caller.workspaceId ?? null}::int is null or c.workspace_id = ${caller.workspaceId ?? null})
    order by r.id`.execute(caller.db)
  return rows
}

/**
 * Removes a route; its events that have not gone yet are not sent. Without any route a connection keeps its changes and waits.
 * Throws `CodedError` `connection_unknown`, `dataset_unknown`, `route_unknown`.
 */
export async function removeRoute(caller: Caller, connectionId: number, dataset: string): Promise<{ connectionState: string }> {
  return transaction(caller.db, async (trx) => {
    const connection = await findConnection(caller, connectionId, { trx, lock: true })
    const { id, meta_id } = await findDataset(caller, dataset, { trx, workspaceId: connection.workspace_id })
    const gone = await trx.deleteFrom('route').where('connection_id', '=', connectionId).where('dataset_id', '=', id).executeTakeFirst()
    if (gone.numDeletedRows === 0n)
      throw problem('route_unknown', `There is no route from connection ${connectionId} to dataset ${meta_id}.`)
    const left = await trx.selectFrom('route').select('id').where('connection_id', '=', connectionId).executeTakeFirst()
    const idle = left === undefined && connection.state === 'active'
    if (idle) await trx.updateTable('connection').set({ state: 'setup' }).where('id', '=', connectionId).execute()
    const subject = `connection:${connectionId}`
    const detail = { dataset: meta_id, ...(idle && { from: 'active', to: 'setup' }) }
    await audit(trx, caller, { workspaceId: connection.workspace_id, action: 'route.remove', subject, detail })
    return { connectionState: idle ? 'setup' : connection.state }
  })
}
