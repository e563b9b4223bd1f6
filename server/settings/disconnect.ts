import type { Caller } from './caller.ts'
import type { DatasetTools } from './datasets.ts'
import { findLiveConnection } from './find.ts'
import { type LeaveTools, type Leaving, leaveCrm } from './leave-crm.ts'
import { leaveIfUnused } from './leave-dataset.ts'
import { type Removal, removeConnection } from './remove-connection.ts'

export interface Disconnection extends Removal {
  /** How the CRM took it. */
  outcome: Leaving['outcome']
  /** What is left to be done by hand, at the CRM or at Meta. */
  texts: string[]
}

/**
 * Leaves an account: tells the CRM, removes the connection, and lets Meta's Business Extension go where no other account of the
 * workspace needs it. Throws `CodedError` `connection_unknown`, `connection_removed`.
 */
export async function disconnect(
  caller: Caller,
  id: number,
  tools: LeaveTools & Pick<DatasetTools, 'graph' | 'metaApp'>,
): Promise<Disconnection> {
  const { workspace_id } = await findLiveConnection(caller, id)
  const { outcome, text } = await leaveCrm(caller, id, tools)
  const removal = await removeConnection(caller, id, tools.vault)
  tools.connections.forget(id)
  const atMeta = await leaveIfUnused(caller, workspace_id, tools)
  return { ...removal, outcome, texts: [...(text === undefined ? [] : [text]), ...atMeta] }
}
