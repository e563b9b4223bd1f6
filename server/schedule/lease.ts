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
  const ttl = seconds(ttlMs)
  const asked = performance.now()
  const [taken] = await take(db, owner, [key], ttlMs)
  if (taken === undefined) return { ran: false, until: await heldUntil(db, key) }
  const { fence } = taken

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

/** Many leases of one runner, renewed together. */
export interface LeaseSet {
  /** Names the runner in the table. */
  readonly owner: string
  /** Takes those that nobody holds. Returns their fences by key. */
  take(keys: readonly string[]): Promise<Map<string, bigint>>
  /** Lets go of leases; others may take them at once. */
  release(keys: readonly string[]): Promise<void>
  /** Lets go of all. */
  close(): Promise<void>
}

/**
 * A set of leases that is renewed with one statement, however many they are. A write that one of them guards locks its row
 * as `Lease.guard` does: by `key`, `owner` and `fence`, `until` still to come, for share.
 *
 * @param onLost told of every lease that was lost, not of those let go of
 */
export function createLeaseSet(
  db: Database,
  onLost: (key: string) => void,
  { ttlMs = 12_000, renewMs = 4_000 }: LeaseOptions = {},
): LeaseSet {
  const owner = randomUUID()
  /** Until when each lasts at least, by our own steady clock. */
  const held = new Map<string, number>()

  function lose(key: string): void {
    if (held.delete(key)) onLost(key)
  }

  async function renew(): Promise<void> {
    const from = performance.now()
    const before = [...held.keys()]
    const { rows } = await sql<{ key: string }>`
      update lease set until = clock_timestamp() + ${seconds(ttlMs)}
      where key = any(${before}::text[]) and owner = ${owner} and until > clock_timestamp() returning key`.execute(db)
    const renewed = new Set(rows.map(({ key }) => key))
    for (const key of before) {
      if (!renewed.has(key)) lose(key)
      else if (held.has(key)) held.set(key, from + ttlMs)
    }
  }

  const timer = setInterval(() => {
    const now = performance.now()
    for (const [key, lasts] of held) if (now > lasts) lose(key)
    // A renewal that fails or hangs is tried again next time.
    if (held.size > 0) renew().catch(() => undefined)
  }, renewMs)

  async function release(keys: readonly string[]): Promise<void> {
    for (const key of keys) held.delete(key)
    await sql`update lease set until = '-infinity' where key = any(${keys}::text[]) and owner = ${owner}`.execute(db)
  }

  return {
    owner,
    async take(keys) {
      const asked = performance.now()
      const taken = await take(db, owner, keys, ttlMs)
      for (const { key } of taken) held.set(key, asked + ttlMs)
      return new Map(taken.map(({ key, fence }) => [key, BigInt(fence)]))
    },
    release,
    async close() {
      clearInterval(timer)
      if (held.size > 0) await release([...held.keys()])
    },
  }
}

const seconds = (ms: number) => sql`make_interval(secs => ${ms / 1000})`

/** Takes those leases that have run out or were never held, in the order of their keys. */
async function take(db: Database, owner: string, keys: readonly string[], ttlMs: number): Promise<{ key: string; fence: string }[]> {
  const taken = await sql<{ key: string; fence: string }>`
    insert into lease as held (key, owner, fence, until)
    select key, ${owner}, 1, clock_timestamp() + ${seconds(ttlMs)} from unnest(${keys}::text[]) as wanted(key) order by key
    on conflict (key) do update set owner = excluded.owner, fence = held.fence + 1, until = excluded.until
    where held.until <= clock_timestamp()
    returning key, fence`.execute(db)
  return taken.rows
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
