/**
 * Looking after the access to datasets while nothing is sent: once a day Meta is asked for each, so that a token that was
 * withdrawn is told of before the next event needs it; and who signed in is reminded before that ends.
 */
import { sql } from 'kysely'
import { closeNotice, openNotice } from '../connections/notices.ts'
import type { Vault } from '../connections/vault.ts'
import type { Database } from '../database/pool.ts'
import { transaction } from '../database/transaction.ts'
import type { Log } from '../log.ts'
import { datasetAccess, type MetaApp } from '../meta/app.ts'
import type { GraphClient } from '../meta/graph-client.ts'
import { hold } from './hold.ts'

export interface CheckAccessOptions {
  db: Database
  vault: Vault
  graph: GraphClient
  metaApp?: MetaApp
  log: Log
}

/** The first reminder comes so long before a token ends. */
const REMIND_DAYS = 14

/** Datasets that were not asked for within a day. */
export async function findUnchecked(db: Database): Promise<number[]> {
  const found = await sql<{ id: number }>`
    select id from dataset where state = 'active' and (token_checked_at is null or token_checked_at < now() - interval '1 day')`.execute(db)
  return found.rows.map(({ id }) => id)
}

const ACCESS_LOST = 'access_lost'

/**
 * Checks one dataset. Only a clear refusal of the token itself holds it, and what passes is asked again tomorrow. A right that is
 * missing is told of, where the access came with the right to look; a pasted token may be made for sending alone.
 */
export async function checkAccess({ db, vault, graph, metaApp, log }: CheckAccessOptions, datasetId: number): Promise<void> {
  const dataset = await db.selectFrom('dataset').selectAll().where('id', '=', datasetId).executeTakeFirst()
  if (dataset === undefined || dataset.state !== 'active') return
  await remind(db, dataset)
  const access = await datasetAccess(db, vault, metaApp, dataset)
  const result = access && (await graph.probeDataset(dataset.meta_id, access.token, access))
  const error = result?.kind === 'refused' ? result.error : undefined
  const lost = dataset.access !== 'pasted' && (error?.class === 'permission' || error?.class === 'configuration')
  await transaction(db, async (trx) => {
    const still = await trx.selectFrom('dataset').selectAll().where('id', '=', datasetId).forUpdate().executeTakeFirst()
    if (still?.state !== 'active') return
    // A new token may have been given while Meta was asked about the one before.
    if ((await datasetAccess(trx, vault, metaApp, still))?.token !== access?.token) return
    await trx.updateTable('dataset').set({ token_checked_at: new Date() }).where('id', '=', datasetId).execute()
    const subject = `dataset:${datasetId}`
    if (result?.kind === 'found') await closeNotice(trx, subject, ACCESS_LOST)
    if (error === undefined || !(lost || error.class === 'reconnect')) return
    log.warn({ dataset: datasetId, metaCode: error.code, subcode: error.subcode }, 'Meta no longer accepts the access to a dataset')
    if (error.class === 'reconnect') return hold(trx, dataset, { reason: 'reconnect', text: error.userText })
    const text = `Meta does not show us dataset ${dataset.meta_id} any more. ${error.userText}`
    await openNotice(trx, { workspaceId: dataset.workspace_id, subject, code: ACCESS_LOST, text })
  })
}

interface Ending {
  id: number
  workspace_id: number
  meta_id: string
  token_expires_at: Date | null
}

async function remind(db: Database, { id, workspace_id: workspaceId, meta_id, token_expires_at }: Ending): Promise<void> {
  const subject = `dataset:${id}`
  if (token_expires_at === null || token_expires_at.getTime() > Date.now() + REMIND_DAYS * 86_400_000) {
    await closeNotice(db, subject, 'token_ends')
    return
  }
  const day = new Intl.DateTimeFormat('en', { dateStyle: 'long', timeZone: 'UTC' }).format(token_expires_at)
  await openNotice(db, {
    ...{ workspaceId, subject, code: 'token_ends' },
    text: `Our access to the Meta dataset ${meta_id} ends on ${day}. Sign in with Facebook once more before that; nothing is lost if you do it later, but events wait until then, seven days at most.`,
  })
}
