/**
 * Following the streams of connections. Every process keeps its share of those that it finds without a runner: it takes their leases,
 * opens them at their positions and puts into the inbox what they bring. A stream is not a run of the scheduler, because it
 * never ends. It lets go of those whose connection was paused or removed, of those whose lease was lost, and of what is more than its share.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type RawBuilder, sql } from 'kysely'
import type { AppCredentials, Connector, StreamHub, StreamSink } from '../../connectors/connector.ts'
import { CodedError } from '../../connectors/errors.ts'
import type { Connections } from '../connections/connections.ts'
import type { Vault } from '../connections/vault.ts'
import type { Database } from '../database/pool.ts'
import { rows } from '../database/rows.ts'
import type { Log } from '../log.ts'
import { createLeaseSet } from '../schedule/lease.ts'
import { createKeeping, type StreamRun } from './keep-batches.ts'
import { createStandings } from './standing.ts'
import { streamShare } from './stream-share.ts'
import { createWireSchemas } from './wire-schemas.ts'

export interface StreamsOptions {
  db: Database
  vault: Vault
  connections: Connections
  connectors: Readonly<Record<string, Connector>>
  /** Our credentials by connector id; streams of other CRMs are not followed. */
  apps: Readonly<Record<string, AppCredentials | undefined>>
  log: Log
  /** Tells the scheduler that a connection has changes. May be lost. */
  wakeResolve: (connectionId: number) => void
}

export interface Streams {
  start(): void
  /** Looks at once for what is to be followed, as it does every two seconds. Never rejects. */
  look(): Promise<void>
  /** Ends all streams when what they brought is kept, and lets go of their leases. */
  stop(options: { graceMs: number }): Promise<void>
}

/** Between two looks for what is to be followed, ms. */
const LOOK_MS = 2_000
/** Leases taken at once: few enough for processes that start together to share. */
const SET = 250
/** A stream that cannot be followed for now is tried again after 1 s, doubled each time, ms at most. */
const LATER_MS = 60_000
const NEVER_MS = 300_000

/** A stream that this process has the lease of. */
interface Held {
  id: number
  crm: string
  fence: bigint
  /** Changes when the stream has to be opened anew. */
  version: string
  over: boolean
  /** Failed turns since it was last open. */
  failures: number
  /** Ends what is going on now: following, or waiting to follow again. */
  turn: AbortController
  ended: Promise<void>
}

export function createStreams(options: StreamsOptions): Streams {
  const { db, vault, connections, connectors, apps, log, wakeResolve } = options
  const held = new Map<number, Held>()
  const leases = createLeaseSet(db, (key) => end(held.get(Number(key.slice('stream:'.length)))))
  const keep = createKeeping({ db, sealer: vault.for('packet'), owner: leases.owner, wake: wakeResolve })
  const standings = createStandings(db, leases.owner)
  const crms = Object.keys(connectors).filter((crm) => connectors[crm]?.stream !== undefined && Object.hasOwn(apps, crm))
  const hubs = new Map<string, StreamHub>()
  let stopping = false
  let looking: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined

  function hubOf(crm: string): StreamHub {
    const known = hubs.get(crm)
    if (known !== undefined) return known
    const hub = connectors[crm]?.stream?.open(apps[crm] as AppCredentials) as StreamHub
    hubs.set(crm, hub)
    return hub
  }

  function look(): Promise<void> {
    looking ??= lookNow()
      .catch((error: unknown) => log.warn({ err: error }, 'streams could not be looked for'))
      .finally(() => {
        looking = undefined
      })
    return looking
  }

  async function lookNow(): Promise<void> {
    await standings.write()
    const wanted = isWanted(crms)
    const share = await streamShare(db, leases, wanted)
    for (const one of following().slice(share)) end(one)
    for (let full = true; full && !stopping; ) {
      const room = Math.min(SET, Math.max(0, share - following().length))
      const found = await findStreams(db, wanted, [...held.values()], room)
      for (const { id, version, wanted } of found.changed) {
        const one = held.get(id)
        if (one === undefined || one.over) continue
        if (wanted) reopen(one, version)
        else end(one)
      }
      const fences = found.free.length === 0 ? new Map<string, bigint>() : await leases.take(found.free.map(({ id }) => keyOf(id)))
      const taken = found.free.flatMap((one) => ({ ...one, fence: fences.get(keyOf(one.id)) ?? 0n })).filter(({ fence }) => fence > 0n)
      await openCursors(db, taken)
      if (taken.length > 0) log.info({ streams: taken.length }, 'streams were taken up')
      for (const one of taken) hold(one)
      full = room > 0 && found.free.length === room
    }
  }

  const following = () => [...held.values()].filter(({ over }) => !over)

  function hold(found: Pick<Held, 'id' | 'crm' | 'version' | 'fence'>): void {
    const one: Held = { ...found, over: stopping, failures: 0, turn: new AbortController(), ended: Promise.resolve() }
    held.set(one.id, one)
    one.ended = followOn(one).finally(async () => {
      if (!stopping) await leases.release([keyOf(one.id)]).catch(() => undefined)
      held.delete(one.id)
    })
  }

  function end(one: Held | undefined): void {
    if (one === undefined) return
    one.over = true
    one.turn.abort()
  }

  function reopen(one: Held, version: string): void {
    one.version = version
    one.failures = 0
    one.turn.abort()
  }

  /** Follows a stream, and again after whatever ended it, while this process is its runner. */
  async function followOn(one: Held): Promise<void> {
    while (!one.over) {
      one.turn = new AbortController()
      const error = await followOnce(one, one.turn)
      if (error === undefined) continue
      if (error instanceof CodedError && error.code === 'lease_lost') return end(one)
      one.failures += 1
      const delay = delayAfter(error, one.failures)
      log.warn({ connection: one.id, err: error, delay }, 'a stream ended and will be followed again')
      standings.note(one.id, error instanceof CodedError ? error : fault(error))
      if (one.over) return
      one.turn = new AbortController()
      await sleep(delay, undefined, { signal: one.turn.signal }).catch(() => undefined)
    }
  }

  /** @returns why it has to be followed again; undefined where it was ended from here */
  async function followOnce(one: Held, turn: AbortController): Promise<unknown> {
    const run: StreamRun = { connectionId: one.id, fence: one.fence }
    const sink: StreamSink = {
      keep(batch) {
        const kept = keep(run, batch)
        // Also where nobody waits for it: nothing can be kept behind what could not be.
        kept.catch(() => turn.abort())
        return kept
      },
      standing(state) {
        if (state === 'open') one.failures = 0
        standings.note(one.id, state)
      },
    }
    try {
      // What its version was read of has to show.
      connections.forget(one.id)
      const { context, access } = await connections.get(one.id)
      const position = await readPosition(db, one.id)
      await hubOf(one.crm).follow({ ...context, access, schemas: createWireSchemas(db, one.crm) }, position, sink, turn.signal)
      return run.failed ?? (turn.signal.aborted ? undefined : unexplained())
    } catch (error) {
      return run.failed ?? (turn.signal.aborted ? undefined : error)
    } finally {
      // Whatever still comes under its name would be kept behind what follows.
      run.failed ??= unexplained()
    }
  }

  async function lookAndGoOn(): Promise<void> {
    await look()
    if (!stopping) timer = setTimeout(lookAndGoOn, LOOK_MS)
  }

  return {
    start() {
      if (crms.length > 0) void lookAndGoOn()
    },
    look,
    async stop({ graceMs }) {
      stopping = true
      clearTimeout(timer)
      await looking
      for (const one of [...held.values()]) end(one)
      const patience = new AbortController()
      await Promise.race([
        Promise.all([...held.values()].map(({ ended }) => ended)),
        sleep(graceMs, undefined, { signal: patience.signal }).catch(() => undefined),
      ])
      patience.abort()
      await leases.close().catch(() => undefined)
      await Promise.all([...hubs.values()].map((hub) => hub.close()))
    },
  }
}

const keyOf = (connectionId: number): string => `stream:${connectionId}`

interface Found {
  id: number
  crm: string
  version: string
}

/** The streams of connection `c` that are to be followed. */
const isWanted = (crms: readonly string[]): RawBuilder<unknown> => sql`(c.arrival = 'stream' and c.crm = any(${crms}::text[])
  and (c.state in ('setup', 'active') or c.state = 'attention' and c.state_reason is distinct from 'reconnect'))`

/** Streams without a runner, `room` of them at most; and of those that are held, what is not as it was: settings, rules, the grant. */
async function findStreams(
  db: Database,
  wanted: RawBuilder<unknown>,
  held: readonly Pick<Held, 'id' | 'version'>[],
  room: number,
): Promise<{ free: Found[]; changed: (Found & { wanted: boolean })[] }> {
  const { rows: found } = await sql<Found & { held: boolean; wanted: boolean }>`
    with seen as (
      select c.id, c.crm, ${wanted} as wanted,
        md5(c.settings::text || c.rules::text || coalesce(u.due_at, '-infinity')::text) as version, m.version as held_version
      from connection c left join cursor u on u.connection_id = c.id and u.channel = 'stream'
      left join ${rows('m', { id: 'int', version: 'text' }, held)} on m.id = c.id
    )
    select id, crm, version, true as held, wanted from seen where held_version is not null and (not wanted or version <> held_version)
    union all
    (select id, crm, version, false, true from seen where held_version is null and wanted
      and not exists (select from lease l where l.key = 'stream:' || seen.id and l.until > clock_timestamp())
      order by random() limit ${room})`.execute(db)
  return { free: found.filter((one) => !one.held), changed: found.filter((one) => one.held) }
}

/** Gives every stream a cursor. Where that has no position, nobody knows what was missed, so the history is read. */
async function openCursors(db: Database, taken: readonly { id: number }[]): Promise<void> {
  if (taken.length === 0) return
  const ids = taken.map(({ id }) => id)
  await sql`
    with known as (
      insert into cursor (connection_id, channel) select id, 'stream' from unnest(${ids}::int[]) as taken(id) on conflict do nothing
    )
    update cursor set due_at = now() where channel = 'history' and connection_id = any(${ids}::int[])
      and not exists (select from cursor u where u.connection_id = cursor.connection_id and u.channel = 'stream' and u.position is not null)`.execute(
    db,
  )
}

async function readPosition(db: Database, connectionId: number): Promise<string | undefined> {
  const row = await db
    .selectFrom('cursor')
    .select('position')
    .where('connection_id', '=', connectionId)
    .where('channel', '=', 'stream')
    .executeTakeFirst()
  return row?.position ?? undefined
}

/** Half of our own delay is random, so that what ended together does not come back together. */
function delayAfter(error: unknown, failures: number): number {
  const retry = error instanceof CodedError ? error.retry : 'later'
  if (retry === 'never') return NEVER_MS
  if (retry !== 'later') return retry.afterMs
  return Math.min(LATER_MS, 1_000 * 2 ** (failures - 1)) * (0.5 + Math.random() / 2)
}

function unexplained(): CodedError {
  return new CodedError({
    code: 'stream_ended',
    retry: 'later',
    scope: 'connection',
    userText: 'The stream of changes ended. It is opened again.',
  })
}

function fault(cause: unknown): CodedError {
  return new CodedError({
    code: 'connector_fault',
    retry: 'later',
    scope: 'connection',
    userText: 'Something went wrong while changes were read. It is tried again; if that does not help, report it to support.',
    cause,
  })
}
