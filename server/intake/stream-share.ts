/**
 * How processes share the streams that there are: each tells that it takes part by a lease, and follows no more than its share, so
 * that one which joins later finds some to take up.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Database } from '../database/pool.ts'
import type { LeaseSet } from '../schedule/lease.ts'

/**
 * Streams that this process should follow at most.
 * @param wanted a condition on connection `c`: its stream is to be followed
 */
export async function streamShare(db: Database, leases: LeaseSet, wanted: RawBuilder<unknown>): Promise<number> {
  const joined = await leases.take([`follower:${leases.owner}`])
  // Those that went without a word, the day before.
  if (joined.size > 0) await sql`delete from lease where key like 'follower:%' and until < now() - interval '1 day'`.execute(db)
  const { rows } = await sql<{ share: number }>`
    select ceil((select count(*) from connection c where ${wanted})::float8 / greatest(1, count(*)))::int as share
    from lease where key like 'follower:%' and until > clock_timestamp()`.execute(db)
  return rows[0]?.share ?? 0
}
