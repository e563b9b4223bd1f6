/**
 * Leases: what must have one runner is done under a row of the table `lease`, which lasts seconds and is renewed while the
 * runner lives; a dead runner is replaced when it has run out. All comparisons use the database's clock. The fence grows
 * with every change of hands, and every write that the lease guards checks it, so a runner that was only slow writes nothing.
 */
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { CodedError } from '../../connectors/errors.ts'
import type { Database } from '../database/pool.ts'
import type { Trx } from '../database/transaction.ts'

export interface Lease {
  key: string
  /** Grows with every change of hands. */
  fence: bigint
  /** Aborted when the lease is lost. */
  signal: AbortSignal
  /** True when the lease certainly lasts `ms` longer, were it never renewed again. */
  outlasts(ms: number): boolean
  /** Renews the lease if need be, so that it lasts `ms` longer. Throws `CodedError` `lease_lost`. */
  outlast(ms: number): Promise<void>
  /** First statement of a guarded transaction: nobody can take the lease over before it ends. Throws `CodedError` `lease_lost`. */
  guard(trx: Trx): Promise<void>
}

export interface LeaseOptions {
  /** How long the lease lasts without renewal. */
  ttlMs?: number
  renewMs?: number
}

/** `until`: when the holder's lease runs out if it is not renewed. */
export type LeaseResult<Value> = { ran: true; value: Value } | { ran: false; until: Date }

/**
 * Runs `work` while holding the lease `key`, and lets go of it afterwards. When somebody else holds it, nothing runs.
 */
export async function withLease<Value>(
  db: Database,
  key: string,
  work: (lease: Lease) => Promise<Value>,
  { ttlMs = 12_000, renewMs = 4_000 }: LeaseOptions = {},
): Promise<LeaseResult<Value>> {
  const owner = randomUUID()
  const ttl = sql`make_interval(secs => ${ttlMs / 1000})`
  const asked = performance.now()
  const taken = await sql<{ fence: string }>`
    insert into lease as held (key, owner, fence, until) values (${key}, ${owner}, 1, clock_timestamp() + ${ttl})
    on conflict (key) do update set owner = excluded.owner, fence = held.fence + 1, until = excluded.until
    where held.until <= clock_timestamp()
    returning fence`.execute(db)
  const fence = taken.rows[0]?.fence
  if (fence === undefined) return { ran: false, until: await heldUntil(db, key) }

  // Measured by our own steady clock from before the request, so it ends here before it ends in the database.
  let lasts = asked + ttlMs
  const lost = new AbortController()
  const ours = sql`key = ${key} and owner = ${owner} and fence = ${fence}`

  async function renew(): Promise<void> {
    const from = performance.now()
    const renewed = await sql`update lease set until = clock_timestamp() + ${ttl} where ${ours}`.execute(db)
    if (renewed.numAffectedRows === 1n) lasts = Math.max(lasts, from + ttlMs)
    else lost.abort(leaseLost(key))
  }

  const timer = setInterval(() => {
    // A renewal that fails or hangs is tried again next time; what was not renewed in time is lost.
    if (performance.now() > lasts) lost.abort(leaseLost(key))
    else renew().catch(() => undefined)
  }, renewMs)
  const lease: Lease = {
    key,
    fence: BigInt(fence),
    signal: lost.signal,
    outlasts: (ms) => !lost.signal.aborted && lasts - performance.now() > ms,
    async outlast(ms) {
      if (lease.outlasts(ms)) return
      if (!lost.signal.aborted) await renew()
      if (!lease.outlasts(ms)) throw leaseLost(key)
    },
    async guard(trx) {
      const held = await sql`select from lease where ${ours} and until > clock_timestamp() for share`.execute(trx)
      if (held.rows.length === 0) throw leaseLost(key)
    },
  }
  try {
    return { ran: true, value: await work(lease) }
  } finally {
    clearInterval(timer)
    // The row stays, and with it the fence. If this fails, the lease runs out by itself.
    await sql`update lease set until = '-infinity' where ${ours}`.execute(db).catch(() => undefined)
  }
}

async function heldUntil(db: Database, key: string): Promise<Date> {
  const row = await db
    .selectFrom('lease')
    .select('until')
    .where('key', '=', key)
    .where('until', '>', sql<Date>`clock_timestamp()`)
    .executeTakeFirst()
  return row?.until ?? new Date()
}

function leaseLost(key: string): CodedError {
  return new CodedError({
    code: 'lease_lost',
    retry: 'later',
    scope: 'connection',
    userText: 'Another process has taken over this work.',
    message: `lease_lost: ${key}`,
  })
}
