/** Giving our access to a dataset back: at Meta where we can, here in any case. */
import { CodedError } from '../../connectors/errors.ts'
import { eraseSecrets } from '../connections/secrets.ts'
import { transaction } from '../database/transaction.ts'
import { hold } from '../delivery/hold.ts'
import { type AccessKind, datasetAccess } from '../meta/app.ts'
import { leaveExtension } from '../meta/business-extension.ts'
import { audit, type Caller } from './caller.ts'
import type { DatasetTools } from './datasets.ts'
import { findDataset, findWorkspace } from './find.ts'
import type { Leaving } from './leave-crm.ts'

type Tools = Pick<DatasetTools, 'vault' | 'graph' | 'metaApp'>

/** What the customer has to do at Meta by hand: of these accesses nothing can be given back from here. */
const byHand: Record<Exclude<AccessKind, 'extension'>, string> = {
  pasted: 'The token stays good at Meta: remove its system user, or the token, in the business settings there.',
  login: 'Remove the app in the business settings at Meta, under connected apps.',
  shared: 'End the sharing of the dataset in the business settings at Meta.',
}

/**
 * Stops sending to a dataset and forgets its token; what was sent stays known, what waits expires after seven days. A dataset that was
 * set up with the Business Extension is let go at Meta, too. Never throws for what Meta does: it keeps nobody from leaving.
 * Throws `CodedError` `dataset_unknown`, `dataset_ambiguous`.
 */
export async function leaveDataset(caller: Caller, ref: string, tools: Tools, workspaceId?: number): Promise<Leaving & { id: number }> {
  const dataset = await findDataset(caller, ref, { workspaceId: workspaceId ?? caller.workspaceId })
  const leaving =
    dataset.access === 'extension' ? await leaveMeta(caller, dataset, tools) : { outcome: 'no_need' as const, text: byHand[dataset.access] }
  await transaction(caller.db, async (trx) => {
    await hold(trx, dataset, {
      reason: 'left',
      text: `The access to dataset ${dataset.meta_id} was given back. Connect it anew to send to it.`,
    })
    await eraseSecrets(trx, `dataset:${dataset.id}`)
    const detail = { metaId: dataset.meta_id, access: dataset.access, outcome: leaving.outcome }
    await audit(trx, caller, { workspaceId: dataset.workspace_id, action: 'dataset.leave', subject: `dataset:${dataset.id}`, detail })
  })
  return { id: dataset.id, ...leaving }
}

/**
 * Where no account of a workspace is connected any more, its Business Extension has nothing to do: lets go of what was set up with it.
 * Returns what could not be told to Meta, for the customer.
 */
export async function leaveIfUnused(caller: Caller, workspaceId: number, tools: Tools): Promise<string[]> {
  const { db } = caller
  const used = await db
    .selectFrom('connection')
    .select('id')
    .where('workspace_id', '=', workspaceId)
    .where('state', '<>', 'removed')
    .executeTakeFirst()
  if (used !== undefined) return []
  const datasets = await db
    .selectFrom('dataset')
    .select('meta_id')
    .where('workspace_id', '=', workspaceId)
    .where('access', '=', 'extension')
    .execute()
  const texts: string[] = []
  for (const { meta_id } of datasets) {
    const { text } = await leaveDataset(caller, meta_id, tools, workspaceId)
    if (text !== undefined) texts.push(text)
  }
  return texts
}

async function leaveMeta(
  caller: Caller,
  dataset: Awaited<ReturnType<typeof findDataset>>,
  { vault, graph, metaApp }: Tools,
): Promise<Leaving> {
  const hand = 'Remove the app in the business settings at Meta, under Business Extension.'
  try {
    const access = await datasetAccess(caller.db, vault, metaApp, dataset)
    if (access === undefined || metaApp === undefined) return { outcome: 'failed', text: hand }
    const { external_business_id } = await findWorkspace(caller, dataset.workspace_id)
    await leaveExtension(graph, metaApp, { externalBusinessId: external_business_id }, access.token)
    return { outcome: 'left' }
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    return { outcome: 'failed', text: `Meta could not be told (${error.userText}). ${hand}` }
  }
}
