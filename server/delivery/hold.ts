import { sql } from 'kysely'
import { openNotice } from '../connections/notices.ts'
import type { Row } from '../database/tables.ts'
import type { Trx } from '../database/transaction.ts'
import { audit, system } from '../settings/caller.ts'

/** Stops sending to a dataset until the customer has acted; its events wait. `text` tells what to do. */
export async function hold(
  trx: Trx,
  dataset: Pick<Row<'dataset'>, 'id' | 'workspace_id'>,
  { reason, text }: { reason: string; text: string },
): Promise<void> {
  const subject = `dataset:${dataset.id}`
  const { rows } = await sql<{ state: string }>`
    with was as (select id, state from dataset where id = ${dataset.id} for update)
    update dataset d set state = 'held', hold_reason = ${reason}, hold_text = ${text}, held_since = now()
    from was where d.id = was.id returning was.state`.execute(trx)
  if (rows[0]?.state === 'active') {
    await audit(trx, system, { workspaceId: dataset.workspace_id, action: 'dataset.hold', subject, detail: { reason } })
  }
  await openNotice(trx, { workspaceId: dataset.workspace_id, subject, code: reason, text })
}
