/** Removing a connection: nothing more is received, looked up or sent, and the CRM's grant is forgotten. */
import { sql } from 'kysely'
import { eraseSecrets } from '../connections/secrets.ts'
import type { Vault } from '../connections/vault.ts'
import { transaction } from '../database/transaction.ts'
import { settle } from '../delivery/outbox.ts'
import { dropPackets } from '../leads/drop-packets.ts'
import { withLease } from '../schedule/lease.ts'
import { audit, type Caller } from './caller.ts'
import { findLiveConnection } from './find.ts'

export interface Removal {
  /** Events that were waiting to be sent, and are not sent any more. */
  unsent: number
  /** Packets of changes that were dropped. */
  packets: number
}

/**
 * Removes a connection: work stops at once, its secrets are erased. Settings, routes, mapping, records and what was sent stay
 * known until the retention time is over, which counts from when the CRM no longer knew us; connecting the account again
 * before goes on from here. Throws `CodedError` `connection_unknown`, `connection_removed`.
 */
export async function removeConnection(caller: Caller, id: number, vault: Vault): Promise<Removal> {
  const packets = await transaction(caller.db, async (trx) => {
    const connection = await findLiveConnection(caller, id, { trx, lock: true })
    const { workspace_id, crm, account_key, state } = connection
    await sql`
      update connection set state = 'removed', state_reason = null, scopes = '{}', removed_at = coalesce(disconnected_at, now()), disconnected_at = null
      where id = ${id}`.execute(trx)
    await eraseSecrets(trx, `connection:${id}`)
    let packets = 0
    for (let more = true; more; ) {
      const batch = await dropPackets(trx, vault, connection)
      packets += batch.dropped
      more = batch.more
    }
    await sql`delete from sample where connection_id = ${id}`.execute(trx)
    await trx.deleteFrom('page_sign_in').where('crm', '=', crm).where('account', '=', account_key).execute()
    await trx.deleteFrom('cursor').where('connection_id', '=', id).execute()
    const open = trx.updateTable('notice').set({ closed_at: new Date() }).where('closed_at', 'is', null)
    await open.where('subject', '=', `connection:${id}`).execute()
    await endWaiting(trx, id)
    const detail = { crm, account: account_key, packets, from: state, to: 'removed' }
    await audit(trx, caller, { workspaceId: workspace_id, action: 'connection.remove', subject: `connection:${id}`, detail })
    return packets
  })
  return { packets, unsent: await settleOutbox(caller, id) }
}

/** Records are locked before their ledger rows, as everywhere. */
async function endWaiting(trx: Caller['db'], id: number): Promise<void> {
  await sql`
    with waiting as (
      select r.id from record r where r.connection_id = ${id} and r.look_again_at is not null order by r.id for update
    ), told as (
      update ledger set outcome = 'suppressed', reason = 'connection_removed', settled_at = now()
      where record_id in (select id from waiting) and outcome = 'waiting'
    )
    update record set look_again_at = null where id in (select id from waiting)`.execute(trx)
}

/**
 * Under the lease of each dataset, so that an event on its way just now gets its true outcome; a delivery that holds the
 * lease itself sees the removal and settles the rest.
 */
async function settleOutbox({ db }: Caller, id: number): Promise<number> {
  let unsent = 0
  const datasets = await db.selectFrom('outbox').select('dataset_id').distinct().where('connection_id', '=', id).execute()
  for (const { dataset_id } of datasets) {
    const settled = await withLease(db, `deliver:${dataset_id}`, (lease) =>
      transaction(db, async (trx) => {
        await lease.guard(trx)
        const found = await trx
          .selectFrom('outbox')
          .select(['occurred_at', 'position', 'event_id'])
          .where('dataset_id', '=', dataset_id)
          .where('connection_id', '=', id)
          .execute()
        const rows = found.map((row) => ({ occurredAt: row.occurred_at.getTime(), position: row.position, eventId: row.event_id }))
        await settle(
          trx,
          dataset_id,
          rows.map((row) => ({ row, outcome: 'suppressed' as const, reason: 'connection_removed' })),
        )
        return rows.length
      }),
    )
    if (settled.ran) unsent += settled.value
  }
  return unsent
}
