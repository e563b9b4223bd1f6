/**
 * A limit of a CRM that several processes hold together. Each has a gate of its own, so that few wait in the database; behind it a
 * request takes a place in a row that all of them count in, by the clock of the database.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { RateLimit } from '../../connectors/connector.ts'
import type { Database } from '../database/pool.ts'
import { createRateGate, limitReached, type RateGate } from './rate-gate.ts'

/** A request that nobody ended counts as under way for so long, ms: no exchange with a CRM takes longer. */
const LONGEST_REQUEST_MS = 15_000
/** Between two looks for a place, ms. */
const LEAST_WAIT_MS = 20
/** Longer pauses than a limit of pace needs may end sooner than they were announced: each process finds that out by itself. */
const LONGEST_SHARED_PAUSE_MS = 10_000

/**
 * As `createRateGate`, over all processes on this database, the first seconds of pauses included; `concurrent` is for each of them.
 *
 * @param maxWaitMs who would wait longer is refused with `CodedError` `crm_limit_reached` and the time left in `retry`
 */
export function createSharedGate(db: Database, connectionId: number, bucket: string, limit: RateLimit, maxWaitMs: number): RateGate {
  const local = createRateGate(limit, maxWaitMs)
  const ours = sql`connection_id = ${connectionId} and bucket = ${bucket}`
  const ms = (count: number) => sql`make_interval(secs => ${count / 1000})`
  const held = sql`unnest(p.taken) as held(until) where until > clock_timestamp()`

  /** The place, or undefined while all are taken. */
  async function take(): Promise<string | undefined> {
    const { rows } = await sql<{ place: string }>`
      insert into crm_pace as p (connection_id, bucket, taken)
      values (${connectionId}, ${bucket}, array[clock_timestamp() + ${ms(LONGEST_REQUEST_MS + limit.perMs)}])
      on conflict (connection_id, bucket) do update set taken = array(select until from ${held}) || excluded.taken
      where (select count(*) from ${held}) < ${limit.count} and coalesce(p.paused_until <= clock_timestamp(), true)
      returning taken[cardinality(taken)]::text as place`.execute(db)
    return rows[0]?.place
  }

  /** Until the next place is free, ms. */
  async function untilFree(): Promise<number> {
    const { rows } = await sql<{ ms: number | null }>`
      select extract(epoch from greatest(
        p.paused_until, (select min(until) from ${held} having count(*) >= ${limit.count})
      ) - clock_timestamp())::float8 * 1000 as ms from crm_pace p where ${ours}`.execute(db)
    return Math.max(LEAST_WAIT_MS, rows[0]?.ms ?? 0)
  }

  function leave(place: string): void {
    sql`
      update crm_pace set taken[array_position(taken, ${place}::timestamptz)] = clock_timestamp() + ${ms(limit.perMs)}
      where ${ours} and ${place}::timestamptz = any(taken)`
      .execute(db)
      // Then it takes its place for as long as the longest request.
      .catch(() => undefined)
  }

  return {
    async enter() {
      const end = performance.now() + maxWaitMs
      const leaveLocal = await local.enter()
      try {
        for (;;) {
          const place = await take()
          if (place !== undefined) {
            return () => {
              leave(place)
              leaveLocal()
            }
          }
          const waitMs = await untilFree()
          if (performance.now() + waitMs > end) throw limitReached(waitMs)
          await sleep(waitMs)
        }
      } catch (error) {
        leaveLocal()
        throw error
      }
    },
    pause(time) {
      local.pause(time)
      sql`
        insert into crm_pace as p (connection_id, bucket, taken, paused_until) values (${connectionId}, ${bucket}, '{}', clock_timestamp() + ${ms(Math.min(time, LONGEST_SHARED_PAUSE_MS))})
        on conflict (connection_id, bucket) do update set paused_until = greatest(p.paused_until, excluded.paused_until)`
        .execute(db)
        // Then the others are told by the CRM.
        .catch(() => undefined)
    },
  }
}
