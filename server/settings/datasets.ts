/** Datasets: where events go, with the token that may send there. */
import { sql } from 'kysely'
import { z } from 'zod'
import { eraseSecrets, putSecret } from '../connections/secrets.ts'
import type { Vault } from '../connections/vault.ts'
import type { CrmDataset } from '../database/tables.ts'
import { type Trx, transaction } from '../database/transaction.ts'
import { type AccessKind, accessWith, type MetaApp } from '../meta/app.ts'
import { audit, type Caller } from './caller.ts'
import { keepAnswer, NOT_CRM } from './crm-dataset.ts'
import { findDataset, findWorkspace } from './find.ts'
import { parseInput, problem } from './problem.ts'
import { type ProvenDataset, type ProvingTools, proveDataset } from './prove-dataset.ts'
import { routeCaptured } from './route-captured.ts'

export interface DatasetView {
  id: number
  workspaceId: number
  workspace: string
  metaId: string
  state: 'active' | 'held'
  /** How it was opened to us. */
  access: AccessKind
  /** When that ends, where it does. */
  tokenExpiresAt: Date | null
  /** When Meta was last asked whether it still holds; null: not yet. */
  tokenCheckedAt: Date | null
  /** Whether it is a dataset for CRM events, as somebody said; null: nobody was asked. */
  crmDataset: CrmDataset | null
  /** The next event goes with a test code, if it goes before. */
  testUntil: Date | null
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
  /** The token was won in a dialog of Meta's, and ends then (ms since the epoch) or never. Absent: somebody pasted it. */
  won?: { by: 'login' | 'extension'; expiresAt?: number }
  /** Whether to ask Meta for the dataset first. */
  probe: boolean
  /**
   * Where Meta does not show the dataset to the token: have an event of a real lead tell whether it takes events with it, under
   * this code of Events Manager's test view. The event counts like any other; so only where somebody wants that.
   */
  testEventCode?: string
  /** Whether it is a dataset for CRM events, as the person says. */
  crmDataset?: CrmDataset
}

export interface DatasetTools extends ProvingTools {
  vault: Vault
  metaApp?: MetaApp
}

export interface SetDataset extends ProvenDataset {
  id: number
  created: boolean
}

const metaIdInput = z.string().regex(/^[1-9]\d{4,19}$/, "has to be Meta's number of the dataset, 5 to 20 digits")
const input = z.object({
  metaId: metaIdInput,
  token: z
    .string()
    .regex(/^[\x21-\x7e]{10,2000}$/, 'does not look like one: it has no spaces and at least 10 characters')
    .optional(),
  testEventCode: z
    .string()
    .regex(/^[\w-]{3,40}$/, 'does not look like one: Events Manager shows it under "Test events", like TEST12345')
    .optional(),
})
/** Codes change over time (Conversions API, test events). */
const TEST_CODE_MS = 24 * 3_600_000

/** The number of a dataset as a person gave it. Throws `CodedError` `invalid_input`. */
export const readMetaId = (given: string): string => parseInput(metaIdInput, given.trim(), 'The dataset id')

/**
 * Stores a dataset and its token, or a new token of a known dataset, which ends a hold.
 *
 * Throws `CodedError`: `workspace_unknown`, `invalid_input`; from the probe `dataset_refused` (the token does not work),
 * `dataset_not_shown` (it may be good for sending all the same), `meta_unavailable`; `no_business` (it is to be opened by our
 * own token, and there is none), `dataset_taken` (our own token opens it for another workspace).
 */
export async function setDataset(caller: Caller, given: NewDataset, tools: DatasetTools): Promise<SetDataset> {
  const { vault, metaApp } = tools
  const workspace = await findWorkspace(caller, given.workspace)
  const wanted = { metaId: given.metaId, token: given.token, testEventCode: given.testEventCode }
  const { metaId, token, testEventCode } = parseInput(input, wanted, 'The dataset')
  const access: AccessKind = token === undefined ? 'shared' : (given.won?.by ?? 'pasted')
  const opening = accessWith(access, token, metaApp)
  if (opening === undefined) throw problem('no_business', 'This server has no business of its own at Meta. Paste a token instead.')
  // Our own token opens whatever any advertiser shares with us: Meta has to show that it is shared, and only one advertiser may name it.
  const byTenant = access === 'shared' && caller.workspaceId !== undefined
  if (byTenant) await refuseTaken(caller, workspace.id, metaId)
  const probe = given.probe || byTenant
  const wantedProof = { workspaceId: workspace.id, metaId, testEventCode: byTenant ? undefined : testEventCode }
  const proven = probe ? await proveDataset(caller, wantedProof, opening, tools) : {}
  const later = proven.tested === 'later'
  const how = {
    access,
    token_checked_at: probe && !later ? new Date() : null,
    token_expires_at: given.won?.expiresAt === undefined ? null : new Date(given.won.expiresAt),
    test_event_code: later ? testEventCode : null,
    test_event_until: later ? new Date(Date.now() + TEST_CODE_MS) : null,
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
    } else await routeCaptured(trx, workspace.id, { datasetId: id })
    if (given.crmDataset !== undefined) await keepAnswer(trx, { id, workspace_id: workspace.id, meta_id: metaId }, given.crmDataset)
    const action = added === undefined ? 'dataset.token' : 'dataset.add'
    const { tested } = proven
    const detail = { metaId, access, probed: probe, ...(tested && { tested }), ...(given.crmDataset && { crm: given.crmDataset }) }
    await audit(trx, caller, { workspaceId: workspace.id, action, subject: `dataset:${id}`, detail })
    return { id, created: added !== undefined, ...proven }
  })
}

/** A dataset's id is no secret. Where an advertiser has several workspaces, the operator of the server opens it for the others. */
async function refuseTaken({ db }: Caller, workspaceId: number, metaId: string): Promise<void> {
  const shared = db.selectFrom('dataset').select('workspace_id').where('meta_id', '=', metaId).where('access', '=', 'shared')
  const owners = (await shared.execute()).map((row) => row.workspace_id)
  if (owners.length === 0 || owners.includes(workspaceId)) return
  throw problem(
    'dataset_taken',
    'This dataset is shared with our business for another workspace. Paste a token of its own, or ask whoever hosts Leadstage to open it here, too.',
  )
}

/** All datasets, or those of one workspace. */
export async function listDatasets(
  caller: Caller,
  { workspaceId = caller.workspaceId }: { workspaceId?: number } = {},
): Promise<DatasetView[]> {
  const { rows } = await sql<DatasetView & { unsent: string }>`
    select d.id, d.workspace_id as "workspaceId", w.name as workspace, d.meta_id as "metaId", d.state,
      d.access, d.token_expires_at as "tokenExpiresAt", d.token_checked_at as "tokenCheckedAt", d.crm_dataset as "crmDataset",
      case when d.test_event_until > now() then d.test_event_until end as "testUntil", d.hold_reason as "holdReason",
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
    .where('code', '<>', NOT_CRM)
    .where('closed_at', 'is', null)
    .execute()
}
