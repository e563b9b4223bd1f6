/** Packets that are not resolved, now or ever: whoever they ask to be forgotten is forgotten all the same. */
import { sql } from 'kysely'
import type { RecordRef } from '../../connectors/connector.ts'
import { CodedError } from '../../connectors/errors.ts'
import { connectorFor } from '../../connectors/registry.ts'
import type { Vault } from '../connections/vault.ts'
import type { Row } from '../database/tables.ts'
import type { Trx } from '../database/transaction.ts'
import { unpackChanges } from '../intake/packet.ts'
import { refKey } from '../resolve/gather.ts'
import { eraseRecords } from './erasure.ts'
import { lockRecords, saveRecords } from './records.ts'

type Owner = Pick<Row<'connection'>, 'id' | 'workspace_id' | 'crm' | 'account_key'>

const BATCH = 200

/**
 * Deletes the oldest packets of a connection, at most 200. Returns how many, and whether there may be more.
 *
 * @param which only packets received before an instant, or only those that were set aside
 */
export async function dropPackets(
  trx: Trx,
  vault: Vault,
  owner: Owner,
  which: { before?: Date; quarantined?: true } = {},
): Promise<{ dropped: number; more: boolean }> {
  const { rows: packets } = await sql<{ id: string; body: Buffer }>`
    delete from packet where id in (
      select id from packet where connection_id = ${owner.id} and (${which.before ?? null}::timestamptz is null or received_at < ${which.before ?? null})
        and (quarantined or ${which.quarantined !== true})
      order by id limit ${BATCH} for update
    ) returning id, body`.execute(trx)
  await forgetWhomTheyName(trx, vault, owner, packets)
  return { dropped: packets.length, more: packets.length === BATCH }
}

/** Forgets whoever these packets say asks for it. What cannot be opened or read asks for nothing that we could know of. */
export async function forgetWhomTheyName(
  trx: Trx,
  vault: Vault,
  owner: Owner,
  packets: readonly { id: string; body: Buffer }[],
): Promise<void> {
  const refs = new Map<string, RecordRef>()
  for (const packet of packets) {
    for (const body of readable(() => unpackChanges(vault.for('packet'), packet))) {
      for (const { kind, ref } of readable(() => connectorFor(owner.crm).normalise([body])))
        if (kind === 'erased') refs.set(refKey(ref), ref)
    }
  }
  if (refs.size === 0) return
  const now = Date.now()
  const locked = await lockRecords(
    trx,
    owner.id,
    [...refs.values()].map((ref) => ({ ref, seenAt: now })),
  )
  const erased = locked.filter((record) => refs.has(refKey(record.ref)))
  await eraseRecords(trx, vault.tombstones, { workspaceId: owner.workspace_id, crm: owner.crm, account: owner.account_key }, erased, now)
  await saveRecords(trx, erased)
}

function readable<Item>(read: () => Item[]): Item[] {
  try {
    return read()
  } catch (error) {
    if (error instanceof CodedError || error instanceof SyntaxError) return []
    throw error
  }
}
