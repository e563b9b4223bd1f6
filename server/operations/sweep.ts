/**
 * The sweeper: wake-ups can be lost, so every few seconds they are derived anew from inbox, outbox and records. It asks
 * only which keys have work, by the indexes that the work itself uses.
 */
import { sql } from 'kysely'
import { openNotice } from '../connections/notices.ts'
import type { Database } from '../database/pool.ts'

/** Connections and datasets that have work now. */
export async function findWork(db: Database): Promise<{ connections: number[]; datasets: number[] }> {
  const connections = await sql<{ id: number }>`
    select c.id from connection c
    where c.state in ('active', 'attention') and (
      exists (select from packet p where p.connection_id = c.id and not p.quarantined and p.not_before <= now() and p.claimed_until <= now())
      or exists (select from record r where r.connection_id = c.id and r.look_again_at <= now())
    )`.execute(db)
  const datasets = await sql<{ id: number }>`
    select d.id from dataset d
    where d.state = 'active' and (d.sleep_until is null or d.sleep_until <= now())
      and exists (select from outbox o where o.dataset_id = d.id and o.not_before <= now())`.execute(db)
  return { connections: connections.rows.map(({ id }) => id), datasets: datasets.rows.map(({ id }) => id) }
}

/** Held events expire after seven days; on the fifth the customer is told once more. */
const WARN_AFTER_DAYS = 5

/** Opens a notice for every held dataset whose oldest event is five days old. */
export async function warnOfExpiry(db: Database): Promise<void> {
  const found = await sql<{ id: number; workspace_id: number; meta_id: string; waiting: string }>`
    select d.id, d.workspace_id, d.meta_id, count(*) as waiting from dataset d join outbox o on o.dataset_id = d.id
    where d.state = 'held' and o.occurred_at < now() - make_interval(days => ${WARN_AFTER_DAYS})
    group by d.id`.execute(db)
  for (const row of found.rows) {
    await openNotice(db, {
      workspaceId: row.workspace_id,
      subject: `dataset:${row.id}`,
      code: 'expiring',
      text: `${row.waiting} events for dataset ${row.meta_id} have waited five days. Meta takes no event older than seven: reconnect the dataset within two days, or they are lost.`,
    })
  }
}
