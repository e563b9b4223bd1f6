/**
 * Keeping what streams bring: the batches of many streams that come while a commit is under way share the next one. It puts
 * their changes into the inbox and moves each position under the lease of its stream, so that neither a kill nor a second
 * runner loses or doubles anything. Commits follow one another: the positions of a stream move in order.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { StreamBatch } from '../../connectors/connector.ts'
import { CodedError } from '../../connectors/errors.ts'
import type { Sealer } from '../connections/vault.ts'
import type { Database } from '../database/pool.ts'
import { rows } from '../database/rows.ts'
import { type Trx, transaction } from '../database/transaction.ts'
import { insertPackets } from './inbox.ts'
import { packInParts } from './pack-in-parts.ts'
import type { Packet } from './packet.ts'

/** One stream that is being followed, from where it was opened until it ends. */
export interface StreamRun {
  connectionId: number
  /** Of its lease. */
  fence: bigint
  /** Why a batch could not be kept: nothing after it is kept either, or it would be skipped. */
  failed?: unknown
}

export interface KeepOptions {
  db: Database
  /** For packets. */
  sealer: Sealer
  /** Who holds the leases `stream:<connection>`. */
  owner: string
  /** Told, after the commit, of connections that have changes to work on now. */
  wake: (connectionId: number) => void
}

interface Given {
  run: StreamRun
  batch: StreamBatch
  settle: { resolve: () => void; reject: (error: unknown) => void }
}

/** What one commit keeps of one stream. */
interface Part {
  run: StreamRun
  given: Given[]
  changes: unknown[]
  position?: string | undefined
  missed: boolean
}

/** Changes in one commit, after which the next one begins. */
const MOST_CHANGES = 5_000
/** Batches that bring nothing but a position wait so long for others, ms. */
const IDLE_MS = 500
/** A commit follows the one before no sooner, ms, unless there are changes enough: many small ones cost more than the wait. */
const PACE_MS = 20
const ENOUGH_CHANGES = 200

/** @returns keeps one batch: resolves when it is durable, rejects with `CodedError` `lease_lost` or the error of the database */
export function createKeeping({ db, sealer, owner, wake }: KeepOptions): (run: StreamRun, batch: StreamBatch) => Promise<void> {
  let waiting: Given[] = []
  /** Changes in them. */
  let count = 0
  let busy = false
  let timer: NodeJS.Timeout | undefined

  async function drain(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    busy = true
    while (waiting.length > 0) {
      const started = performance.now()
      await keepTogether(nextParts())
      const early = PACE_MS - (performance.now() - started)
      if (early > 0 && count < ENOUGH_CHANGES) await sleep(early)
    }
    busy = false
  }

  /** In one commit; or each alone, where something is wrong with one of them. */
  async function keepTogether(parts: readonly Part[]): Promise<void> {
    if (parts.length === 0) return
    try {
      const packets = new Map(parts.map((part) => [part, packInParts(sealer, part.run.connectionId, part.changes, Date.now())]))
      const held = await transaction(db, (trx) => write(trx, owner, packets))
      for (const part of parts) {
        const { connectionId } = part.run
        if (held.get(connectionId) && part.changes.length > 0) wake(connectionId)
        settle(part, held.has(connectionId) ? undefined : leaseLost(connectionId))
      }
    } catch (error) {
      // A database that cannot be reached is nobody's fault; what else fails is mostly one stream's.
      if (parts.length === 1 || error instanceof CodedError) for (const part of parts) settle(part, error)
      else for (const part of parts) await keepTogether([part])
    }
  }

  /** Those that have waited longest, by their streams. */
  function nextParts(): Part[] {
    const parts = new Map<StreamRun, Part>()
    let taken = 0
    let changes = 0
    for (const given of waiting) {
      if (changes >= MOST_CHANGES) break
      taken += 1
      changes += given.batch.changes.length
      if (given.run.failed !== undefined) {
        given.settle.reject(given.run.failed)
        continue
      }
      const part = parts.get(given.run) ?? { run: given.run, given: [], changes: [], missed: false }
      parts.set(given.run, part)
      part.given.push(given)
      for (const change of given.batch.changes) part.changes.push(change)
      part.position = given.batch.position ?? part.position
      part.missed ||= given.batch.missed === true
    }
    waiting = waiting.slice(taken)
    count -= changes
    return [...parts.values()]
  }

  function settle({ run, given }: Part, error: unknown): void {
    if (error !== undefined) run.failed = error
    for (const { settle } of given) {
      if (error === undefined) settle.resolve()
      else settle.reject(error)
    }
  }

  return (run, batch) =>
    new Promise((resolve, reject) => {
      waiting.push({ run, batch, settle: { resolve, reject } })
      count += batch.changes.length
      if (busy) return
      if (batch.changes.length > 0 || batch.missed) void drain()
      else timer ??= setTimeout(drain, IDLE_MS)
    })
}

/** @returns the connections whose leases hold, and whether they work on their changes now; of the others nothing is written */
async function write(trx: Trx, owner: string, packets: ReadonlyMap<Part, Packet[]>): Promise<Map<number, boolean>> {
  const items = [...packets.keys()].map(({ run, changes, position, missed }) => ({
    connection_id: run.connectionId,
    fence: run.fence,
    position,
    changed: changes.length > 0,
    missed,
  }))
  const moved = await sql<{ connection_id: number; works: boolean }>`
    with held as (
      select v.*, c.created_at, c.state from ${rows('v', { connection_id: 'int', fence: 'bigint', position: 'text', changed: 'boolean', missed: 'boolean' }, items)}
      join lease l on l.key = 'stream:' || v.connection_id and l.owner = ${owner} and l.fence = v.fence and l.until > clock_timestamp()
      join connection c on c.id = v.connection_id and c.state <> 'removed'
      order by v.connection_id for share of l, c
    ), behind as (
      insert into cursor (connection_id, channel, covered_until, due_at, wanted_until)
      select connection_id, 'history', created_at, '-infinity', now() from held where missed
      on conflict (connection_id, channel) do update set due_at = excluded.due_at, wanted_until = excluded.wanted_until
    )
    insert into cursor as u (connection_id, channel, position, changed_at)
    select connection_id, 'stream', position, case when changed then now() end from held
    on conflict (connection_id, channel)
      do update set position = coalesce(excluded.position, u.position), changed_at = coalesce(excluded.changed_at, u.changed_at)
    returning connection_id, (select state in ('active', 'attention') from held h where h.connection_id = u.connection_id) as works`.execute(
    trx,
  )
  const held = new Map(moved.rows.map(({ connection_id, works }) => [connection_id, works]))
  await insertPackets(
    trx,
    [...packets].flatMap(([{ run }, ofStream]) => (held.has(run.connectionId) ? ofStream : [])),
  )
  return held
}

function leaseLost(connectionId: number): CodedError {
  return new CodedError({
    code: 'lease_lost',
    retry: 'later',
    scope: 'connection',
    userText: 'Another process has taken over this work.',
    message: `lease_lost: stream:${connectionId}`,
  })
}
