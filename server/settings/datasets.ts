/** Datasets: where events go, with the token that may send there. */
import { sql } from 'kysely'
import { z } from 'zod'
import { eraseSecrets, putSecret } from '../connections/secrets.ts'
import type { Vault } from '../connections/vault.ts'
import { type Trx, transaction } from '../database/transaction.ts'
import { type AccessKind, accessWith, type MetaApp } from '../meta/app.ts'
import type { GraphClient, ProbeResult } from '../meta/graph-client.ts'
import { audit, type Caller } from './caller.ts'
import { findDataset, findWorkspace } from './find.ts'
import { parseInput, problem } from './problem.ts'

export interface DatasetView {
  id: number
  workspaceId: number
  workspace: string
  metaId: string
  state: 'active' | 'held'
  holdReason: string | null
  holdText: string | null
  heldSince: Date | null
  /** Nothing is sent before. */
  sleepUntil: Date | null
  /** Events that still have to go, and the oldest of them. */
  unsent: number
  oldest: Date | null
}

export interface NewDataset {
  /** Id or name. */
  workspace: string | number
  /** Meta's id of the dataset (the pixel id). */
  metaId: string
  /** Absent: the dataset is shared with our business, and our own token opens it. */
  token?: string
  /** The token was won by signing in with Facebook, and ends then (ms since the epoch) or never. */
  signedIn?: { expiresAt?: number }
  /** Whether to ask Meta for the dataset first. */
  probe: boolean
}

const metaIdInput = z.string().regex(/^[1-9]\d{4,19}$/, "has to be Meta's number of the dataset, 5 to 20 digits")
const input = z.object({
  metaId: metaIdInput,
  token: z
    .string()
    .regex(/^[\x21-\x7e]{10,2000}$/, 'does not look like one: it has no spaces and at least 10 characters')
    .optional(),
})

/** The number of a dataset as a person gave it. Throws `CodedError` `invalid_input`. */
export const readMetaId = (given: string): string => parseInput(metaIdInput, given.trim(), 'The dataset id')

/**
 * Stores a dataset and its token, or a new token of a known dataset, which ends a hold. Returns its number here and the name
 * Meta knows it by, where it was asked.
 *
 * Throws `CodedError`: `workspace_unknown`, `invalid_input`; from the probe `dataset_refused` (the token does not work),
 * `dataset_not_shown` (it may be good for sending all the same), `meta_unavailable`; `no_business` (it is to be opened by our
 * own token, and there is none).
 */
export async function setDataset(
  caller: Caller,
  given: NewDataset,
  { vault, graph, metaApp }: { vault: Vault; graph: GraphClient; metaApp?: MetaApp },
): Promise<{ id: number; created: boolean; name?: string }> {
  const workspace = await findWorkspace(caller, given.workspace)
  const { metaId, token } = parseInput(input, { metaId: given.metaId, token: given.token }, 'The dataset')
  const access: AccessKind = token === undefined ? 'shared' : given.signedIn === undefined ? 'pasted' : 'login'
  const opening = accessWith(access, token, metaApp)
  if (opening === undefined) throw problem('no_business', 'This server has no business of its own at Meta. Paste a token instead.')
  const name = given.probe ? nameOf(await graph.probeDataset(metaId, opening.token, opening)) : undefined
  const how = {
    access,
    token_checked_at: given.probe ? new Date() : null,
    token_expires_at: given.signedIn?.expiresAt === undefined ? null : new Date(given.signedIn.expiresAt),
  }
  return transaction(caller.db, async (trx) => {
    const added = await trx
      .insertInto('dataset')
      .values({ workspace_id: workspace.id, meta_id: metaId, hold_reason: null, hold_text: null, unknown_error: null, ...how })
      .onConflict((conflict) => conflict.columns(['workspace_id', 'meta_id']).doNothing())
      .returning('id')
      .executeTakeFirst()
    const id = added?.id ?? (await findDataset(caller, metaId, { trx, lock: true, workspaceId: workspace.id })).id
    if (token === undefined) await eraseSecrets(trx, `dataset:${id}`)
    else await putSecret(trx, vault, `dataset:${id}`, 'token', token)
    if (added === undefined) {
      await trx.updateTable('dataset').set(how).where('id', '=', id).execute()
      await endHold(trx, id)
    }
    const action = added === undefined ? 'dataset.token' : 'dataset.add'
    const detail = { metaId, access, probed: given.probe }
    await audit(trx, caller, { workspaceId: workspace.id, action, subject: `dataset:${id}`, detail })
    return { id, created: added !== undefined, ...(name !== undefined && { name }) }
  })
}

/** Why Meta did not show the dataset decides what to say; the token may still be good for sending where only seeing is refused. */
function nameOf(result: ProbeResult): string {
  if (result.kind === 'found') return result.name ?? result.id
  if (result.kind === 'silent') throw problem('meta_unavailable', 'Meta did not answer, so the dataset could not be checked. Try again.')
  const { error } = result
  if (error.class === 'retry' || error.class === 'throttle')
    throw problem('meta_unavailable', `The dataset could not be checked: ${error.userText}`)
  const says = error.message === '' ? '' : ` (Meta says: ${error.message})`
  if (error.class === 'reconnect') throw problem('dataset_refused', `Meta does not accept this token${says}.`)
  throw problem(
    'dataset_not_shown',
    `Meta does not show this dataset to this token${says}. Check both; a token made for sending only may not be allowed to look.`,
  )
}

/** All datasets, or those of one workspace. */
export async function listDatasets(
  caller: Caller,
  { workspaceId = caller.workspaceId }: { workspaceId?: number } = {},
): Promise<DatasetView[]> {
  const { rows } = await sql<DatasetView & { unsent: string }>`
    select d.id, d.workspace_id as "workspaceId", w.name as workspace, d.meta_id as "metaId", d.state, d.hold_reason as "holdReason",
      d.hold_text as "holdText", d.held_since as "heldSince", d.sleep_until as "sleepUntil", o.unsent, o.oldest
    from dataset d join workspace w on w.id = d.workspace_id
    cross join lateral (select count(*) as unsent, min(occurred_at) as oldest from outbox where dataset_id = d.id) o
    where ${workspaceId ?? null}::int is null or d.workspace_id = ${workspaceId ?? null}
    order by d.id`.execute(caller.db)
  return rows.map((row) => ({ ...row, unsent: Number(row.unsent) }))
}

/**
 * Sends again what a held dataset kept; harmless where it is not held, and then ends a pause that Meta asked for.
 * Throws `CodedError` `dataset_unknown`, `dataset_ambiguous`.
 */
export async function resumeDataset(caller: Caller, ref: string, workspaceId?: number): Promise<{ id: number; wasHeld: boolean }> {
  return transaction(caller.db, async (trx) => {
    const dataset = await findDataset(caller, ref, { trx, lock: true, workspaceId: workspaceId ?? caller.workspaceId })
    await endHold(trx, dataset.id)
    const detail = { was: dataset.state, reason: dataset.hold_reason }
    await audit(trx, caller, { workspaceId: dataset.workspace_id, action: 'dataset.resume', subject: `dataset:${dataset.id}`, detail })
    return { id: dataset.id, wasHeld: dataset.state === 'held' }
  })
}

async function endHold(trx: Trx, id: number): Promise<void> {
  await trx
    .updateTable('dataset')
    .set({
      state: 'active',
      hold_reason: null,
      hold_text: null,
      held_since: null,
      sleep_until: null,
      failures: 0,
      unknown_error: null,
      unknown_error_count: 0,
    })
    .where('id', '=', id)
    .execute()
  await trx
    .updateTable('notice')
    .set({ closed_at: new Date() })
    .where('subject', '=', `dataset:${id}`)
    .where('closed_at', 'is', null)
    .execute()
}
