/** Leads that have not reached the CRM, for people. */
import { z } from 'zod'
import { transaction } from '../database/transaction.ts'
import { findMissing, type Missing } from '../leads/missing.ts'
import { audit, type Caller } from './caller.ts'
import { findWorkspace } from './find.ts'
import { parseInput } from './problem.ts'

const MOST = 1_000
const limitInput = z.int().min(1).max(MOST)
/** A week, after which leads are not looked for. */
const minutesInput = z
  .int()
  .min(0)
  .max(7 * 24 * 60 - 1)

/**
 * Leads of the last week that have not reached the CRM in time, the latest first; or why that cannot be said now.
 * Throws `CodedError` `workspace_unknown`, `invalid_input`.
 *
 * @param options.limit 1 to 1,000; 100 by default
 */
export async function listMissingLeads(
  caller: Caller,
  workspace: string | number,
  { limit = 100 }: { limit?: number } = {},
): Promise<Missing> {
  const most = parseInput(limitInput, limit, 'The limit')
  const { id } = await findWorkspace(caller, workspace)
  return findMissing(caller.db, id, most)
}

/**
 * Sets after how many minutes leads of a workspace are missed; 0: never. `guard` is told what is set now, which nobody changes
 * meanwhile, and throws where the change must not be made on it. Throws as `listMissingLeads`.
 */
export async function setMissingAfter(
  caller: Caller,
  workspace: string | number,
  minutes: number,
  guard?: (current: number) => Promise<void> | void,
): Promise<{ afterMinutes: number }> {
  const afterMinutes = parseInput(minutesInput, minutes, 'The time')
  return transaction(caller.db, async (trx) => {
    const { id, missing_after_minutes: current } = await findWorkspace(caller, workspace, { trx, lock: true })
    await guard?.(current)
    await trx.updateTable('workspace').set({ missing_after_minutes: afterMinutes }).where('id', '=', id).execute()
    const subject = `workspace:${id}`
    await audit(trx, caller, { workspaceId: id, action: 'workspace.missing_after', subject, detail: { minutes: afterMinutes } })
    return { afterMinutes }
  })
}
