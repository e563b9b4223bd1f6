import { sql } from 'kysely'
import type { Database } from '../database/pool.ts'

/** Events in an outbox from which on nothing is added to it. */
const FULL = 500

/**
 * Whether the past may be read now: live traffic goes first, so nothing of the connection waits to be handled, and no
 * dataset that it feeds has many events to send. Keeps the backfill from running ahead of itself, too.
 */
export async function mayRead(db: Database, connectionId: number): Promise<boolean> {
  const found = await sql<{ busy: boolean }>`
    select exists (select from packet where connection_id = ${connectionId} and not quarantined)
      or exists (
        select from route r where r.connection_id = ${connectionId}
          and (select count(*) from (select from outbox o where o.dataset_id = r.dataset_id limit ${FULL}) few) >= ${FULL}
      ) as busy`.execute(db)
  return found.rows[0]?.busy === false
}
