import { sql } from 'kysely'
import type { Database } from '../database/pool.ts'

/** `connection`: it is paused, or has no route; `inbox`: changes of it wait; `outbox`: a dataset has many events to send. */
export type Hindrance = 'connection' | 'inbox' | 'outbox'

/** Events in an outbox from which on nothing is added to it. */
const FULL = 500

/**
 * What keeps the past from being read now, undefined when nothing does. Live traffic goes first: nothing of the connection
 * may wait to be handled, and no dataset that it feeds may have many events to send. Keeps a backfill from running ahead of
 * itself, too.
 */
export async function findHindrance(db: Database, connectionId: number): Promise<Hindrance | undefined> {
  const found = await sql<{ hindrance: Hindrance | null }>`
    select case
      when c.state not in ('active', 'attention') or not exists (select from route r where r.connection_id = c.id) then 'connection'
      when exists (select from packet p where p.connection_id = c.id and not p.quarantined) then 'inbox'
      when exists (
        select from route r where r.connection_id = c.id
          and (select count(*) from (select from outbox o where o.dataset_id = r.dataset_id limit ${FULL}) few) >= ${FULL}
      ) then 'outbox'
    end as hindrance
    from connection c where c.id = ${connectionId}`.execute(db)
  return found.rows[0]?.hindrance ?? undefined
}
