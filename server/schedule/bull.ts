/**
 * The scheduler of many processes: wake-ups go to Redis as Bull jobs, and whichever process is free takes them, at most one
 * run for a kind and key over all of them. Redis is a convenience: what it forgets is derived anew from the database, and
 * while it is away every process that runs work does so by itself, which leases make safe.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { networkReason } from '../connections/network-reason.ts'
import type { Log } from '../log.ts'
import { type Outcome, openSession, type Session } from './bull-session.ts'
import { createInProcessScheduler } from './in-process.ts'
import { restAfterError } from './rest.ts'
import type { Run, Scheduler } from './scheduler.ts'
import { within } from './within.ts'

export interface BullOptions {
  /** redis:// or rediss:// URL. */
  url: string
  log: Log
  /** Begins the names of all keys in Redis; processes with the same share the work. */
  prefix?: string
  /** `false`: this process wakes and runs nothing. */
  works?: boolean
  /** Tells within seconds whether runs can do anything now; while they cannot, they are left to other processes. Never rejects. */
  able?: () => Promise<boolean>
  /** Runs of a kind at the same time, where it has no limit of its own. */
  concurrent?: number
}

/** Between two attempts to reach Redis, ms. */
const RETRY_MS = 1_000
/** Wake-ups in one command. */
const BATCH = 500
/** Between two looks at whether this process can work, ms. */
const LOOK_MS = 2_000
/** Runs of a process that cannot work are given this long to end, before others take them over, ms. */
const LET_GO_MS = 2_000
/** When Redis is back, runs that were begun without it are given this long to end. */
const HAND_OVER_MS = 10_000
/** What is left to be told or written when the process stops is given this long. */
const LAST_MS = 2_000
/** As soon as may be. */
const NOW = 0

interface Kind {
  run: Run
  concurrent: number
  /** Keys that run again and again, and how long after the end of a run. */
  every: Map<string, number>
  /** Wake-ups that Redis has not been told of, with their instants: never more than there are keys. */
  untold: Map<string, number>
}

/**
 * The scheduler of this process. Wake-ups reach Redis together, as fast as it takes them; they neither fail nor wait. Runs come in the
 * order of their wake-ups within a kind, and each kind has places of its own.
 */
export function createBullScheduler(options: BullOptions): Scheduler {
  const { url, log, prefix = 'leadstage', works = true, able = async () => true, concurrent = 16 } = options
  const kinds = new Map<string, Kind>()
  const runs = new Set<Promise<Outcome>>()
  const ending = new AbortController()
  const stopping = new AbortController()
  const stopped = new Promise<void>((resolve) => stopping.signal.addEventListener('abort', () => resolve()))
  const intervals: NodeJS.Timeout[] = []
  let session: Session | undefined
  /** Keeps a session while Redis is there. */
  let keeper: Promise<void> | undefined
  let away = false
  /** Works while Redis is away. */
  let standIn: Scheduler | undefined
  let telling: Promise<void> | undefined
  let looking: Promise<boolean> | undefined
  /** Resolves when this process turns out to be unable to work. */
  let unable = Promise.withResolvers<void>()

  function kindOf(name: string): Kind {
    const kind = kinds.get(name)
    if (kind === undefined) throw new Error(`no such kind of work: ${name}`)
    return kind
  }

  function wakeAt(name: string, key: string, at: number): void {
    note(kindOf(name), key, at)
    standIn?.wakeAt(name, key, at)
    void tell()
  }

  /** Tells Redis what it has not been told; what comes up meanwhile goes together. Never rejects. */
  function tell(): Promise<void> {
    telling ??= tellAll().finally(() => {
      telling = undefined
    })
    return telling
  }

  async function tellAll(): Promise<void> {
    for (let more = true; more && session !== undefined; ) {
      more = false
      for (const [name, kind] of kinds) {
        const told = [...kind.untold].slice(0, BATCH)
        if (told.length === 0) continue
        more = true
        for (const [key] of told) kind.untold.delete(key)
        try {
          await session.want(name, told)
        } catch {
          // The next session is told.
          for (const [key, at] of told) note(kind, key, at)
          return
        }
      }
    }
  }

  function execute(name: string, key: string, failures: number): Promise<Outcome> {
    const run = runOnce(name, key, failures).finally(() => runs.delete(run))
    runs.add(run)
    return run
  }

  async function runOnce(name: string, key: string, failures: number): Promise<Outcome> {
    const { run, every } = kindOf(name)
    const everyMs = every.get(key)
    try {
      const { again, rest = false } = (await run(key, ending.signal)) ?? {}
      const next = everyMs === undefined ? again : Math.min(again ?? Number.POSITIVE_INFINITY, Date.now() + everyMs)
      return { again: next, rest, failures: 0 }
    } catch (error) {
      // Where this process is at fault, others may have the key at once.
      if (ending.signal.aborted || !(await look())) return { again: Date.now(), rest: false, failures }
      log.error({ kind: name, key, failures: failures + 1, err: error }, 'a run failed and will be tried again')
      return { again: Date.now() + restAfterError(error, failures + 1), rest: true, failures: failures + 1 }
    }
  }

  /** Whether this process can work; however many ask, the answer is theirs together. */
  function look(): Promise<boolean> {
    looking ??= able()
      .then((is) => {
        if (!is) unable.resolve()
        return is
      })
      .finally(() => {
        looking = undefined
      })
    return looking
  }

  /** Resolves when this process can work, or stops. */
  async function untilAble(): Promise<void> {
    if (await look()) return
    log.warn('this process cannot work and leaves the work to others')
    do await sleep(RETRY_MS, undefined, { signal: stopping.signal }).catch(() => undefined)
    while (!stopping.signal.aborted && !(await look()))
    if (!stopping.signal.aborted) log.info('this process works again')
  }

  async function keep(): Promise<void> {
    const described = [...kinds].map(([name, kind]) => ({ name, concurrent: kind.concurrent }))
    const onError = (error: Error) => {
      if (session !== undefined && !stopping.signal.aborted) log.warn({ err: error }, 'a queue has failed and goes on')
    }
    while (!stopping.signal.aborted) {
      if (works) await untilAble()
      if (stopping.signal.aborted) return
      unable = Promise.withResolvers()
      try {
        session = await openSession({ url, prefix, kinds: described, onError, ...(works && { execute }) })
        begin(session)
        const end = await endOf(session)
        // Whoever stops has still to drain it.
        if (end === 'stopped') return
        if (end === 'unable') await within(session.drain(), LET_GO_MS)
        session.close()
        session = undefined
        if (end === 'lost') throw new Error('the connection was lost')
      } catch (error) {
        standInFor(error)
        await sleep(RETRY_MS, undefined, { signal: stopping.signal }).catch(() => undefined)
      }
    }
  }

  /** Why a session is not used any longer, when that comes. */
  async function endOf({ lost }: Session): Promise<'lost' | 'unable' | 'stopped'> {
    const looks = works ? setInterval(look, LOOK_MS) : undefined
    const ends = [lost.then(() => 'lost' as const), unable.promise.then(() => 'unable' as const), stopped.then(() => 'stopped' as const)]
    return Promise.race(ends).finally(() => clearInterval(looks))
  }

  function begin({ problem }: Session): void {
    if (problem !== undefined) log.error({ problem }, 'wake-ups may be lost in this Redis')
    if (away) log.info('Redis answers again')
    away = false
    standIn?.stop({ graceMs: HAND_OVER_MS }).catch(() => undefined)
    standIn = undefined
    if (works) for (const [name, { every }] of kinds) for (const key of every.keys()) wakeAt(name, key, NOW)
    void tell()
  }

  function standInFor(error: unknown): void {
    if (away || stopping.signal.aborted) return
    away = true
    log.warn({ code: networkReason(error) }, works ? 'Redis is away; this process works by itself' : 'Redis is away')
    if (!works) return
    standIn = createInProcessScheduler({ log, concurrent })
    for (const [name, { run, concurrent }] of kinds) standIn.register(name, run, { concurrent })
    for (const [name, { every }] of kinds) for (const [key, ms] of every) standIn.every(name, key, ms)
    standIn.start()
  }

  return {
    register(name, run, options) {
      if (kinds.has(name)) throw new Error(`registered twice: ${name}`)
      kinds.set(name, { run, concurrent: options?.concurrent ?? concurrent, every: new Map(), untold: new Map() })
    },
    wake: (name, key) => wakeAt(name, key, NOW),
    wakeAt,
    every: (name, key, ms) => void kindOf(name).every.set(key, ms),
    start() {
      if (keeper !== undefined || stopping.signal.aborted) return
      keeper = keep()
      if (!works) return
      // Each run leads to the next; this is for when Redis has forgotten.
      for (const [name, { every }] of kinds)
        for (const [key, ms] of every) intervals.push(setInterval(() => wakeAt(name, key, Date.now() + ms), ms))
    },
    async stop({ graceMs }) {
      stopping.abort()
      for (const interval of intervals) clearInterval(interval)
      await Promise.all([standIn?.stop({ graceMs }), keeper])
      if (session === undefined) return
      await within(tell(), LAST_MS)
      const drained = Promise.all([session.drain().catch(() => undefined), ...runs])
      if (!(await within(drained, graceMs))) {
        ending.abort()
        if (!(await within(drained, LAST_MS))) log.warn({ runs: runs.size }, 'runs were still going when the scheduler stopped')
      }
      session.close()
      session = undefined
    },
    async depths() {
      return session?.depths().catch(() => undefined)
    },
  }
}

function note({ untold }: Kind, key: string, at: number): void {
  untold.set(key, Math.min(at, untold.get(key) ?? Number.POSITIVE_INFINITY))
}
