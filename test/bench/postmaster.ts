import { sql } from 'kysely'
import type { Database } from '../../server/database/pool.ts'
import { parentOf } from './processor-time.ts'

/** Process id of the PostgreSQL of a database, whose other processes are children of this one. */
export async function postmasterOf(db: Database): Promise<string> {
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db)
  return (await parentOf(String(rows[0]?.pid))) ?? ''
}
