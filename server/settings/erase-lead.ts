/** Forgetting a person because somebody asked for it here; what a CRM asks for comes by its changes. */
import type { Vault } from '../connections/vault.ts'
import { type Trx, transaction } from '../database/transaction.ts'
import { bury, eraseLeads, eraseRecords } from '../leads/erasure.ts'
import { lockRecords, saveRecords } from '../leads/records.ts'
import { audit, type Caller } from './caller.ts'
import { findWorkspace } from './find.ts'
import { type FoundLead, findLead, type LeadName } from './find-lead.ts'

export interface Erased {
  leads: number
  records: number
}

/** How much an erasure would meet; nothing is changed. Throws as `findLead`, and `workspace_unknown`. */
export async function countLead(caller: Caller, workspace: string | number, name: LeadName): Promise<Erased> {
  const { id } = await findWorkspace(caller, workspace)
  const { leadIds, records } = await findLead(caller, id, name)
  return { leads: leadIds.length, records: records.length }
}

/**
 * Forgets a person in a workspace, and keeps them from coming back: also one that is not known here. Throws as `countLead`.
 */
export async function eraseLead(caller: Caller, workspace: string | number, name: LeadName, vault: Vault): Promise<Erased> {
  const { id: workspaceId } = await findWorkspace(caller, workspace)
  return transaction(caller.db, async (trx) => {
    const found = await findLead(caller, workspaceId, name, trx)
    const erased = await eraseFound(trx, vault, workspaceId, found)
    // Whom and by what is not told: that would be the data itself.
    await audit(trx, caller, { workspaceId, action: 'lead.erase', subject: `workspace:${workspaceId}`, detail: { by: name.by, ...erased } })
    return erased
  })
}

/** Records are locked before leads, connection by connection. */
export async function eraseFound(trx: Trx, vault: Vault, workspaceId: number, { leadIds, records, mark }: FoundLead): Promise<Erased> {
  const now = Date.now()
  const hash = vault.tombstones
  const connections = await trx.selectFrom('connection').selectAll().where('workspace_id', '=', workspaceId).orderBy('id').execute()
  // All are locked before any is erased: a captured lead is not called as before then.
  const owned = []
  for (const { id, crm, account_key } of connections) {
    const own = records.filter(({ connectionId }) => connectionId === id)
    if (own.length === 0) continue
    const locked = await lockRecords(
      trx,
      id,
      own.map(({ ref }) => ({ ref, seenAt: now })),
    )
    const owner = { workspaceId, crm, account: account_key }
    owned.push({ owner, erased: locked.filter((record) => own.some((it) => it.id === record.id)) })
  }
  for (const { owner, erased } of owned) {
    await eraseRecords(trx, hash, owner, erased, now)
    await saveRecords(trx, erased)
  }
  await eraseLeads(trx, hash, workspaceId, leadIds, now)
  if (mark !== undefined) await bury(trx, hash, workspaceId, [mark], now)
  return { leads: leadIds.length, records: records.length }
}
