import { transaction } from '../database/transaction.ts'
import { audit, type Caller } from '../settings/caller.ts'
import { findDataset } from '../settings/find.ts'
import { problem } from '../settings/problem.ts'
import { type TickedStep, tickedSteps } from './way.ts'

/**
 * Notes that a person has seen a step of the way done at Meta, or takes that back (`done: false`). Who said so first stays.
 *
 * @param dataset Meta's id of the dataset, or its number here
 * Throws `CodedError` `dataset_unknown`, `dataset_ambiguous`, `invalid_input` (a step that needs no tick).
 */
export async function tickStep(
  caller: Caller,
  { dataset, workspaceId, step, done = true }: { dataset: string; workspaceId?: number; step: TickedStep; done?: boolean },
): Promise<{ changed: boolean }> {
  if (!tickedSteps.includes(step)) throw problem('invalid_input', `Only these steps are ticked: ${tickedSteps.join(', ')}.`)
  return transaction(caller.db, async (trx) => {
    const { id, workspace_id } = await findDataset(caller, dataset, { trx, lock: true, ...(workspaceId !== undefined && { workspaceId }) })
    const changed = done
      ? await trx
          .insertInto('way_tick')
          .values({ dataset_id: id, step, ticked_by: caller.actor })
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst()
          .then(({ numInsertedOrUpdatedRows = 0n }) => numInsertedOrUpdatedRows > 0n)
      : await trx
          .deleteFrom('way_tick')
          .where('dataset_id', '=', id)
          .where('step', '=', step)
          .executeTakeFirst()
          .then(({ numDeletedRows }) => numDeletedRows > 0n)
    if (changed) {
      const action = done ? 'dataset.tick' : 'dataset.untick'
      await audit(trx, caller, { workspaceId: workspace_id, action, subject: `dataset:${id}`, detail: { step } })
    }
    return { changed }
  })
}
