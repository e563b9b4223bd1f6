import { sql } from 'kysely'
import { openNotice } from '../connections/notices.ts'
import type { Row } from '../database/tables.ts'
import type { Trx } from '../database/transaction.ts'

/** Stops sending to a dataset until the customer has acted; its events wait. `text` tells what to do. */
export async function hold(
  trx: Trx,
  dataset: Pick<Row<'dataset'>, 'id' | 'workspace_id'>,
  { reason, text }: { reason: string; text: string },
): Promise<void> {
  await sql`update dataset set state = 'held', hold_reason = ${reason}, hold_text = ${text}, held_since = now() where id = ${dataset.id}`.execute(
    trx,
  )
  await openNotice(trx, { workspaceId: dataset.workspace_id, subject: `dataset:${dataset.id}`, code: reason, text })
}
