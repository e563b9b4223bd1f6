/**
 * Purging an uninstalled connection, once its retention time is over: batch by batch, so that others keep working and a stop
 * loses nothing. What stays is that it was there (its row, the audit trail), and who asked to be forgotten (tombstones).
 */
import { type RawBuilder, sql } from 'kysely'
import type { Database } from '../database/pool.ts'
import type { Row } from '../database/tables.ts'
import { type Trx, transaction } from '../database/transaction.ts'
import { dropPackets } from '../leads/drop-packets.ts'
import { type Lease, withLease } from '../schedule/lease.ts'
import { audit, system } from '../settings/caller.ts'
import type { RetentionOptions } from './retention.ts'
import { eraseSecrets } from './secrets.ts'

const BATCH = 500

interface Purged {
  records: number
  leads: number
}

/** What one transaction did, and whether the step has more to do. */
type Part = Partial<Purged> & { more: boolean }

/**
 * Purges a connection, unless it was connected again meanwhile.
 * @returns when it wants to run again, milliseconds since the epoch
 */
export async function purge(options: RetentionOptions, connectionId: number, signal: AbortSignal): Promise<{ again?: number }> {
  const held = await withLease(options.db, `purge:${connectionId}`, async (lease) => {
    const purged: Purged = { records: 0, leads: 0 }
    const steps = [purgeRecords, purgeTraces, purgeWorkspace, purgeConnection]
    for (const step of steps) {
      for (let more = true; more; ) {
        if (signal.aborted) return { again: Date.now() }
        const part = await onePart(options, connectionId, lease, (trx, connection) => step(trx, connection, options, purged))
        purged.records += part.records ?? 0
        purged.leads += part.leads ?? 0
        more = part.more
      }
    }
    return {}
  })
  return held.ran ? held.value : { again: held.until.getTime() }
}

/** In a transaction of its own, while the connection stays uninstalled. */
async function onePart(
  { db, retentionDays }: RetentionOptions,
  id: number,
  lease: Lease,
  work: (trx: Trx, connection: Row<'connection'>) => Promise<Part>,
): Promise<Part> {
  return transaction(db, async (trx) => {
    await lease.guard(trx)
    const { rows } = await sql<Row<'connection'>>`
      select * from connection where id = ${id} and state = 'removed' and purged_at is null
        and removed_at < now() - make_interval(days => ${retentionDays}) for update`.execute(trx)
    return rows[0] === undefined ? { more: false } : work(trx, rows[0])
  })
}

/** Records with all that hangs on them, and the leads that no other record speaks of. Records are locked before leads, as everywhere. */
async function purgeRecords(trx: Trx, { id }: Row<'connection'>): Promise<Part> {
  const { rows } = await sql<{ id: string }>`
    select id from record where id = any(array(select id from record where connection_id = ${id} limit ${BATCH})) order by id for update`.execute(
    trx,
  )
  if (rows.length === 0) return { more: false }
  const records = sql`any(${rows.map((row) => row.id)}::bigint[])`
  const leads = await sql<{ id: string }>`
    select lead_id as id from record where id = ${records} and lead_id is not null
    union select lead_id from ledger where record_id = ${records} and lead_id is not null`.execute(trx)
  await sql`delete from outbox where record_id = ${records}`.execute(trx)
  await sql`delete from ledger where record_id = ${records}`.execute(trx)
  await sql`delete from write_back where record_id = ${records}`.execute(trx)
  await sql`delete from record where id = ${records}`.execute(trx)
  const gone = await purgeLeads(
    trx,
    leads.rows.map((lead) => lead.id),
  )
  return { more: true, records: rows.length, leads: gone }
}

async function purgeLeads(trx: Trx, ids: readonly string[]): Promise<number> {
  await sql`select from lead where id = any(${ids}::bigint[]) order by id for update`.execute(trx)
  const gone = await sql<{ id: string }>`
    delete from lead l where id = any(${ids}::bigint[]) and not exists (select from record r where r.lead_id = l.id) returning id`.execute(
    trx,
  )
  const leads = sql`any(${gone.rows.map(({ id }) => id)}::bigint[])`
  await sql`delete from lead_key where lead_id = ${leads}`.execute(trx)
  await sql`delete from milestone where lead_id = ${leads}`.execute(trx)
  return gone.rows.length
}

/** What else bears the connection's number. */
async function purgeTraces(trx: Trx, connection: Row<'connection'>, { vault }: RetentionOptions): Promise<Part> {
  const { id } = connection
  if ((await dropPackets(trx, vault, connection)).more) return { more: true }
  for (const table of ['change_seen', 'active_hour']) {
    const { numAffectedRows = 0n } = await deleteSome(trx, table, sql`connection_id = ${id}`)
    if (numAffectedRows > 0n) return { more: true }
  }
  await sql`
    delete from daily_rollup where workspace_id = ${connection.workspace_id} and dimension = 'stage' and starts_with(value, ${`${id}/`})`.execute(
    trx,
  )
  for (const table of ['cursor', 'crm_pace', 'sample', 'reevaluation', 'backfill', 'route', 'mapping', 'first_run']) {
    await sql`delete from ${sql.table(table)} where connection_id = ${id}`.execute(trx)
  }
  await sql`delete from consent where connection_id = ${id} or invitation_id in (select id from invitation where connection_id = ${id})`.execute(
    trx,
  )
  await sql`delete from invitation where connection_id = ${id}`.execute(trx)
  await forgetMatters(trx, `connection:${id}`)
  return { more: false }
}

/** Where no other connection is left, the workspace keeps no leads, datasets, figures or recipients. */
async function purgeWorkspace(trx: Trx, { id, workspace_id }: Row<'connection'>): Promise<Part> {
  const others = await sql`select from connection where workspace_id = ${workspace_id} and id <> ${id} and purged_at is null`.execute(trx)
  if (others.rows.length > 0) return { more: false }
  const leads = await sql<{ id: string }>`
    select id from lead l where workspace_id = ${workspace_id} and not exists (select from record where lead_id = l.id) limit ${BATCH}`.execute(
    trx,
  )
  if (leads.rows.length > 0) {
    const gone = await purgeLeads(
      trx,
      leads.rows.map((lead) => lead.id),
    )
    return { more: true, leads: gone }
  }
  await sql`delete from way_tick where dataset_id in (select id from dataset where workspace_id = ${workspace_id})`.execute(trx)
  await sql`delete from daily_rollup where workspace_id = ${workspace_id}`.execute(trx)
  for (const table of ['dataset', 'recipient']) {
    const gone = await sql<{ id: number }>`delete from ${sql.table(table)} where workspace_id = ${workspace_id} returning id`.execute(trx)
    for (const row of gone.rows) {
      await eraseSecrets(trx, `${table}:${row.id}`)
      await forgetMatters(trx, `${table}:${row.id}`)
    }
  }
  await sql`delete from digest where workspace_id = ${workspace_id}`.execute(trx)
  await sql`delete from meta_name where workspace_id = ${workspace_id}`.execute(trx)
  await forgetMatters(trx, `workspace:${workspace_id}`)
  return { more: false }
}

async function purgeConnection(
  trx: Trx,
  { id, workspace_id, crm, account_key }: Row<'connection'>,
  _options: RetentionOptions,
  purged: Purged,
): Promise<Part> {
  await eraseSecrets(trx, `connection:${id}`)
  await sql`
    update connection set name = '', settings = '{}', rules = '{}', scopes = '{}', catch_up_minutes = null, purged_at = now()
    where id = ${id}`.execute(trx)
  const detail = { crm, account: account_key, ...purged }
  await audit(trx, system, { workspaceId: workspace_id, action: 'connection.purge', subject: `connection:${id}`, detail })
  return { more: false }
}

async function forgetMatters(trx: Trx, subject: string): Promise<void> {
  await sql`delete from notice where subject = ${subject}`.execute(trx)
  await sql`delete from notice_told where subject = ${subject}`.execute(trx)
}

function deleteSome(db: Database, table: string, where: RawBuilder<unknown>) {
  return sql`
    delete from ${sql.table(table)} where ctid = any(array(select ctid from ${sql.table(table)} where ${where} limit ${BATCH * 10})) and ${where}`.execute(
    db,
  )
}
