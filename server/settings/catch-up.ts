/** Having the CRM's history read, beside the routine. */
import { connectorFor } from '../../connectors/registry.ts'
import { transaction } from '../database/transaction.ts'
import { catchUpSoon, readHistoryCursor } from '../intake/history-cursor.ts'
import { audit, type Caller } from './caller.ts'
import { findLiveConnection } from './find.ts'
import { problem } from './problem.ts'

export interface CatchUpRequest {
  /** From now on read every so many minutes; null: at the interval of the server. */
  everyMinutes?: number | null
}

export interface CatchUpAnswer {
  /** Until when the CRM's history has been read. */
  coveredUntil: Date
  everyMinutes: number | null
  /** False: the connection does not work now, so it is read when it does again. */
  works: boolean
}

/**
 * The running server reads the history within seconds. Throws `CodedError` `connection_unknown`, `connection_removed`,
 * `no_history` (the CRM keeps none), `interval_unknown` (not 1 to 1440 minutes).
 */
export async function requestCatchUp(caller: Caller, id: number, { everyMinutes }: CatchUpRequest = {}): Promise<CatchUpAnswer> {
  if (typeof everyMinutes === 'number' && (everyMinutes < 1 || everyMinutes > 1_440))
    throw problem('interval_unknown', 'The interval has to be 1 to 1440 minutes.')
  return transaction(caller.db, async (trx) => {
    const connection = await findLiveConnection(caller, id, { trx, lock: true })
    if (connectorFor(connection.crm).history === undefined)
      throw problem('no_history', `Connection ${id} is to a system that cannot be asked for what happened earlier.`)
    if (everyMinutes !== undefined)
      await trx.updateTable('connection').set({ catch_up_minutes: everyMinutes }).where('id', '=', id).execute()
    const cursor = await readHistoryCursor(trx, id)
    await catchUpSoon(trx, id)
    await audit(trx, caller, {
      workspaceId: connection.workspace_id,
      action: 'connection.catch_up',
      subject: `connection:${id}`,
      detail: { everyMinutes },
    })
    return {
      coveredUntil: new Date(cursor?.coveredUntil ?? connection.created_at),
      everyMinutes: everyMinutes === undefined ? connection.catch_up_minutes : everyMinutes,
      works: cursor?.works === true,
    }
  })
}
