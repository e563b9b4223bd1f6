import { sql } from 'kysely'
import type { Database } from '../database/pool.ts'

/** Packets and changes that wait to be handled, from which on no more are fetched: what we are told must not stand behind what we ask for. */
const MOST_WAITING = 20
const MOST_CHANGES = 300

/** Whether so much of a connection waits to be handled that nothing more should be asked for. */
export async function isInboxFull(db: Database, connectionId: number): Promise<boolean> {
  const found = await sql<{ full: boolean }>`
    select count(*) >= ${MOST_WAITING} or coalesce(sum(changes), 0) >= ${MOST_CHANGES} as full
    from (select changes from packet where connection_id = ${connectionId} and not quarantined limit ${MOST_WAITING}) few`.execute(db)
  return found.rows[0]?.full === true
}
