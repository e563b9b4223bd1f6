import { sql } from 'kysely'
import type { Database } from '../database/pool.ts'

/** Adds to a count that outlives the process: doubles that cannot be excluded, by cause, and the like. */
export async function tally(db: Database, name: string, by: number): Promise<void> {
  await sql`insert into tally (name, count) values (${name}, ${by}) on conflict (name) do update set count = tally.count + excluded.count`.execute(
    db,
  )
}
