/** Rows that a caller may see, by what people call them. What belongs to another workspace is not there. */
import type { Database } from '../database/pool.ts'
import type { Row } from '../database/tables.ts'
import type { Caller } from './caller.ts'
import { problem } from './problem.ts'

/** In which transaction to look, and whether to hold the row until it ends. */
interface In {
  trx?: Database
  lock?: boolean
}

/** By id or name. Throws `CodedError` `workspace_unknown`. */
export async function findWorkspace(caller: Caller, ref: string | number, { trx = caller.db, lock = false }: In = {}) {
  let query = trx.selectFrom('workspace').selectAll()
  query = isId(ref)
    ? query.where((e) => e.or([e('id', '=', Number(ref)), e('name', '=', String(ref))]))
    : query.where('name', '=', String(ref))
  if (caller.workspaceId !== undefined) query = query.where('id', '=', caller.workspaceId)
  const rows = await (lock ? query.forUpdate() : query).execute()
  const found = rows.find(({ name }) => name === String(ref)) ?? rows[0]
  if (found === undefined) throw problem('workspace_unknown', `There is no workspace "${ref}".`)
  return found
}

/** Throws `CodedError` `connection_unknown`. */
export async function findConnection(caller: Caller, id: number, { trx = caller.db, lock = false }: In = {}): Promise<Row<'connection'>> {
  let query = trx.selectFrom('connection').selectAll().where('id', '=', id)
  if (caller.workspaceId !== undefined) query = query.where('workspace_id', '=', caller.workspaceId)
  const found = await (lock ? query.forUpdate() : query).executeTakeFirst()
  if (found === undefined) throw problem('connection_unknown', `There is no connection ${id}.`)
  return found
}

/** A connection that was not removed. Throws `CodedError` `connection_unknown`, `connection_removed`. */
export async function findLiveConnection(caller: Caller, id: number, where: In = {}): Promise<Row<'connection'>> {
  const found = await findConnection(caller, id, where)
  if (found.state === 'removed') throw problem('connection_removed', `Connection ${id} was removed. Connect the account again.`)
  return found
}

/**
 * By Meta's id of the dataset, or by ours.
 *
 * @param workspaceId looks in this workspace only
 * Throws `CodedError` `dataset_unknown`, or `dataset_ambiguous` where several workspaces use it.
 */
export async function findDataset(
  caller: Caller,
  ref: string,
  { trx = caller.db, lock = false, workspaceId = caller.workspaceId }: In & { workspaceId?: number } = {},
): Promise<Row<'dataset'>> {
  let query = trx.selectFrom('dataset').selectAll()
  query = isId(ref) ? query.where((e) => e.or([e('meta_id', '=', ref), e('id', '=', Number(ref))])) : query.where('meta_id', '=', ref)
  if (workspaceId !== undefined) query = query.where('workspace_id', '=', workspaceId)
  const rows = await (lock ? query.forUpdate() : query).execute()
  const byMetaId = rows.filter(({ meta_id }) => meta_id === ref)
  if (byMetaId.length > 1) {
    const ids = byMetaId.map(({ id, workspace_id }) => `${id} (workspace ${workspace_id})`).join(', ')
    throw problem('dataset_ambiguous', `Several workspaces use the dataset ${ref}. Name it by its own number: ${ids}.`)
  }
  const found = byMetaId[0] ?? rows[0]
  if (found === undefined) throw problem('dataset_unknown', `There is no dataset "${ref}" here.`)
  return found
}

/** Fits PostgreSQL's int; Meta's ids are longer. */
const isId = (ref: string | number) => /^\d{1,9}$/.test(String(ref))
