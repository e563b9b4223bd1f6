/**
 * Whether a dataset is one for CRM events. Meta takes events for any, counts those of a CRM dataset only for conversion leads, and has
 * nothing that could be asked (Conversion Leads, connecting a CRM): so people say, and are told what to do.
 */
import { closeNotice, openNotice } from '../connections/notices.ts'
import type { CrmDataset, Row } from '../database/tables.ts'
import { type Trx, transaction } from '../database/transaction.ts'
import { audit, type Caller } from './caller.ts'
import { findDataset } from './find.ts'

/** The notice about it; no other news of the dataset closes it. */
export const NOT_CRM = 'not_crm_dataset'

/** What to do where a dataset is not one for CRM events, or nobody knows. Never keeps anything from being sent. */
const notCrmText = (metaId: string, answer: 'no' | 'unknown') =>
  `${
    answer === 'no'
      ? `Dataset ${metaId} is not one for CRM events: whoever connected it said so.`
      : `Nobody knows yet whether dataset ${metaId} is one for CRM events. Open it in Events Manager: if it is, there is a section "Conversion Leads" under Settings.`
  } Meta takes events for any dataset, but only those of a CRM dataset count for conversion leads. ${
    answer === 'no' ? '' : 'If it is not: '
  }In Events Manager choose "Connect data sources", then "CRM", for a new dataset, or turn this one into a CRM dataset and use none of its earlier event names again; then say so here, or connect the new one.`

/** The person's answer to whether it is a dataset for CRM events; anything but yes opens a notice that says what to do. */
export async function keepAnswer(
  trx: Trx,
  { id, workspace_id: workspaceId, meta_id }: Pick<Row<'dataset'>, 'id' | 'workspace_id' | 'meta_id'>,
  answer: CrmDataset,
): Promise<void> {
  const subject = `dataset:${id}`
  await trx.updateTable('dataset').set({ crm_dataset: answer }).where('id', '=', id).execute()
  await closeNotice(trx, subject, NOT_CRM)
  if (answer !== 'yes') await openNotice(trx, { workspaceId, subject, code: NOT_CRM, text: notCrmText(meta_id, answer) })
}

/** Keeps an answer that is given later. Throws `CodedError` `dataset_unknown`, `dataset_ambiguous`. */
export async function answerCrmDataset(caller: Caller, ref: string, answer: CrmDataset, workspaceId?: number): Promise<{ id: number }> {
  return transaction(caller.db, async (trx) => {
    const dataset = await findDataset(caller, ref, { trx, lock: true, workspaceId: workspaceId ?? caller.workspaceId })
    await keepAnswer(trx, dataset, answer)
    const detail = { from: dataset.crm_dataset, to: answer }
    await audit(trx, caller, { workspaceId: dataset.workspace_id, action: 'dataset.crm', subject: `dataset:${dataset.id}`, detail })
    return { id: dataset.id }
  })
}
