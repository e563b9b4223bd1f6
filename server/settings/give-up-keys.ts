/**
 * Going on without keys that are lost. What was sealed under them can never be opened again: it is deleted, whoever has to
 * connect again is told so, and the CRM's history is read again for the changes that were waiting.
 */
import { sql } from 'kysely'
import { openNotice } from '../connections/notices.ts'
import { INSTALLATION, TOMBSTONE_KEY } from '../connections/open-vault.ts'
import { keyOf } from '../connections/reseal.ts'
import { needAttention } from '../connections/states.ts'
import type { Vault } from '../connections/vault.ts'
import { type Trx, transaction } from '../database/transaction.ts'
import { audit, type Caller } from './caller.ts'

export interface GivenUp {
  /** Connections and datasets whose credentials are lost, and recipients of notices whose address is. */
  connections: number[]
  datasets: number[]
  recipients: number[]
  /** Packets of changes that were waiting to be handled. */
  packets: number
  /** Marks of people who asked to be forgotten; lost where their key is. */
  tombstones: number
}

/** What is lost with the keys that the vault does not have; nothing is changed. */
export async function countLost(caller: Caller, vault: Vault): Promise<GivenUp> {
  const { db } = caller
  const secrets = await sql<{ owner: string }>`select distinct owner from secret where ${isLost('sealed', vault)} order by owner`.execute(
    db,
  )
  const packets = await sql<{ count: string }>`select count(*) from packet where ${isLost('body', vault)}`.execute(db)
  const tombstones = await sql<{ count: string }>`
    select count(*) from tombstone where exists (
      select from secret where owner = ${INSTALLATION} and purpose = ${TOMBSTONE_KEY} and ${isLost('sealed', vault)})`.execute(db)
  const ids = (kind: string) =>
    secrets.rows.flatMap(({ owner }) => (owner.startsWith(`${kind}:`) ? Number(owner.slice(kind.length + 1)) : [])).sort((a, b) => a - b)
  return {
    connections: ids('connection'),
    datasets: ids('dataset'),
    recipients: ids('recipient'),
    packets: Number(packets.rows[0]?.count),
    tombstones: Number(tombstones.rows[0]?.count),
  }
}

/** Deletes what can never be opened again. Returns what was lost. */
export async function giveUpKeys(caller: Caller, vault: Vault): Promise<GivenUp> {
  return transaction(caller.db, async (trx) => {
    const lost = await countLost({ ...caller, db: trx }, vault)
    if (lost.tombstones > 0) await sql`delete from tombstone`.execute(trx)
    await sql`delete from secret where ${isLost('sealed', vault)}`.execute(trx)
    await sql`update sample set body = null, received_at = null where ${isLost('body', vault)}`.execute(trx)
    await sql`delete from consent where ${isLost('verifier', vault)}`.execute(trx)
    await dropPackets(trx, vault)
    for (const id of lost.connections) {
      await needAttention(trx, id, 'reconnect', 'The key that opened the credentials of this account is lost. Connect it again.')
    }
    const workspaces = await trx.selectFrom('workspace').select('id').orderBy('id').execute()
    for (const { id } of workspaces) {
      const subject = `workspace:${id}`
      const detail = {
        connections: await ownIds(trx, 'connection', id, lost.connections),
        datasets: await ownIds(trx, 'dataset', id, lost.datasets),
        recipients: await ownIds(trx, 'recipient', id, lost.recipients),
      }
      await audit(trx, caller, { workspaceId: id, action: 'keys.give_up', subject, detail })
      if (lost.tombstones > 0) await openNotice(trx, { workspaceId: id, subject, code: 'tombstones_lost', text: forgottenText })
    }
    return lost
  })
}

/** A workspace's trail tells of no other's. */
async function ownIds(
  trx: Trx,
  table: 'connection' | 'dataset' | 'recipient',
  workspaceId: number,
  ids: readonly number[],
): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    select id from ${sql.table(table)} where workspace_id = ${workspaceId} and id = any(${[...ids]}::int[]) order by id`.execute(trx)
  return rows.map(({ id }) => id)
}

const forgottenText =
  'With an encryption key the marks of people who asked to be forgotten were lost. Who is still in a CRM can be taken up again: have them deleted there, or erase them once more (lead erase).'

/** The history of their connections is read again from before them, as far as the CRM has one. */
async function dropPackets(trx: Trx, vault: Vault): Promise<void> {
  await sql`
    with lost as (delete from packet where ${isLost('body', vault)} returning connection_id, received_at)
    update cursor u set position = null, due_at = '-infinity', covered_until = least(u.covered_until, l.since)
    from (select connection_id, min(received_at) as since from lost group by connection_id) l
    where u.connection_id = l.connection_id and u.channel = 'history'`.execute(trx)
}

const isLost = (column: string, { keyIds }: Vault) => sql`${keyOf(column)} <> all(${[...keyIds]}::text[])`
