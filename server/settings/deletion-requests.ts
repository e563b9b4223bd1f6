/** What Meta passes on when a person asks, at Facebook, for the deletion of what an app holds about them. */
import { createHash, randomBytes } from 'node:crypto'
import type { Vault } from '../connections/vault.ts'
import type { Database } from '../database/pool.ts'
import type { Row } from '../database/tables.ts'
import { transaction } from '../database/transaction.ts'
import { audit } from './caller.ts'
import { eraseFound } from './erase-lead.ts'
import { findLead } from './find-lead.ts'

export interface DeletionRequest {
  /** By which the person can ask what became of it. */
  code: string
  receivedAt: Date
  /** Leads that were forgotten. */
  leads: number
}

/**
 * Carries a request out, once: the same one again gets the same answer.
 *
 * Its id is that of a person who has signed in to our app, which leads never do; we keep no such ids. The only thing of
 * Meta's that we know people by is the lead id, so that is what it is compared with, in every workspace.
 *
 * @param request the signed request as it came, of which a hash is kept
 */
export async function carryOutDeletion(db: Database, vault: Vault, request: string, userId: string): Promise<DeletionRequest> {
  const hash = createHash('sha256').update(request).digest()
  return transaction(db, async (trx) => {
    const code = randomBytes(16).toString('base64url')
    const added = await trx
      .insertInto('deletion_request')
      .values({ code, request_hash: hash, leads: 0 })
      .onConflict((conflict) => conflict.column('request_hash').doNothing())
      .executeTakeFirst()
    if (added.numInsertedOrUpdatedRows !== 1n)
      return viewOf(await trx.selectFrom('deletion_request').selectAll().where('request_hash', '=', hash).executeTakeFirstOrThrow())
    const known = await trx.selectFrom('lead').select('workspace_id').where('meta_lead_id', '=', userId).orderBy('workspace_id').execute()
    for (const { workspace_id: workspaceId } of known) {
      const found = await findLead({ db: trx, actor: 'meta' }, workspaceId, { by: 'lead-id', value: userId })
      const erased = await eraseFound(trx, vault, workspaceId, found)
      // Not the code: its page tells of other workspaces, too.
      const detail = { by: 'meta_data_deletion', ...erased }
      await audit(trx, { actor: 'meta' }, { workspaceId, action: 'lead.erase', subject: `workspace:${workspaceId}`, detail })
    }
    const done = trx.updateTable('deletion_request').set({ leads: known.length }).where('code', '=', code)
    return viewOf(await done.returningAll().executeTakeFirstOrThrow())
  })
}

/** Undefined: there never was one of this code. */
export async function findDeletion(db: Database, code: string): Promise<DeletionRequest | undefined> {
  const row = await db.selectFrom('deletion_request').selectAll().where('code', '=', code).executeTakeFirst()
  return row && viewOf(row)
}

const viewOf = (row: Row<'deletion_request'>): DeletionRequest => ({ code: row.code, receivedAt: row.received_at, leads: row.leads })
