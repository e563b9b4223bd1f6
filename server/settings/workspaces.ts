/** Workspaces: the advertisers. */
import { z } from 'zod'
import { databaseCode } from '../database/errors.ts'
import { transaction } from '../database/transaction.ts'
import { audit, type Caller } from './caller.ts'
import { findWorkspace } from './find.ts'
import { parseInput, problem } from './problem.ts'

export interface Workspace {
  id: number
  name: string
  createdAt: Date
}

const name = z.string().trim().min(1).max(100)

/** Throws `CodedError` `invalid_input`, `workspace_exists`. */
export async function createWorkspace(caller: Caller, given: string): Promise<Workspace> {
  const wanted = parseInput(name, given, 'The name')
  return transaction(caller.db, async (trx) => {
    const row = await trx.insertInto('workspace').values({ name: wanted }).returningAll().executeTakeFirstOrThrow().catch(taken(wanted))
    await audit(trx, caller, { workspaceId: row.id, action: 'workspace.create', subject: `workspace:${row.id}`, detail: { name: wanted } })
    return { id: row.id, name: row.name, createdAt: row.created_at }
  })
}

export async function listWorkspaces(caller: Caller): Promise<(Workspace & { connections: number; datasets: number })[]> {
  let query = caller.db
    .selectFrom('workspace as w')
    .select(['w.id', 'w.name', 'w.created_at'])
    .select((e) => [
      e
        .selectFrom('connection as c')
        .whereRef('c.workspace_id', '=', 'w.id')
        .where('c.state', '<>', 'removed')
        .select((count) => count.fn.countAll().as('n'))
        .as('connections'),
      e
        .selectFrom('dataset as d')
        .whereRef('d.workspace_id', '=', 'w.id')
        .select((count) => count.fn.countAll().as('n'))
        .as('datasets'),
    ])
    .orderBy('w.id')
  if (caller.workspaceId !== undefined) query = query.where('w.id', '=', caller.workspaceId)
  const rows = await query.execute()
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    createdAt: row.created_at,
    connections: Number(row.connections),
    datasets: Number(row.datasets),
  }))
}

/** Throws `CodedError` `workspace_unknown`, `invalid_input`, `workspace_exists`. */
export async function renameWorkspace(caller: Caller, ref: string | number, given: string): Promise<Workspace> {
  const wanted = parseInput(name, given, 'The name')
  return transaction(caller.db, async (trx) => {
    const { id, name: before } = await findWorkspace(caller, ref, { trx, lock: true })
    const row = await trx
      .updateTable('workspace')
      .set({ name: wanted })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow()
      .catch(taken(wanted))
    const detail = { from: before, to: wanted }
    await audit(trx, caller, { workspaceId: id, action: 'workspace.rename', subject: `workspace:${id}`, detail })
    return { id, name: row.name, createdAt: row.created_at }
  })
}

function taken(wanted: string) {
  return (error: unknown): never => {
    // SQLSTATE unique_violation.
    if (databaseCode(error) !== '23505') throw error
    throw problem('workspace_exists', `There is a workspace "${wanted}" already.`)
  }
}
