/**
 * Bull's queues over one set of connections, one queue for each kind of work, for as long as all of them hold. The id of a
 * job is the key of its work, and a job carries nothing else.
 */
import Bull from 'bull'
import type { Redis } from 'ioredis'
import { createMarks } from './marks.ts'
import { connect, readStanding, redisConnection } from './redis.ts'
import type { Depth } from './scheduler.ts'

/** How a run ended. `rest`: it is not to run before `again`. `failures`: failed runs in a row. */
export interface Outcome {
  again?: number | undefined
  rest: boolean
  failures: number
}

export interface SessionOptions {
  url: string
  /** Begins the names of all keys. */
  prefix: string
  kinds: readonly { name: string; concurrent: number }[]
  /** Runs a key that has failed `failures` times in a row; never rejects. Absent: this process runs nothing. */
  execute?: (kind: string, key: string, failures: number) => Promise<Outcome>
  /** Told of what goes wrong and mends itself. */
  onError: (error: Error) => void
}

export interface Session {
  /** What is wrong with this Redis; work goes on all the same. */
  problem?: string | undefined
  /** Resolves when a connection has broken. */
  lost: Promise<void>
  /** Has keys run at instants, ms since the epoch. */
  want(kind: string, wanted: readonly (readonly [key: string, at: number | 'marked'])[]): Promise<void>
  depths(): Promise<Depth[]>
  /** Takes no more work; resolves when what is running has ended and is written down. */
  drain(): Promise<void>
  /** Lets go of everything at once. What is running goes on, and is run again by others after some seconds. */
  close(): void
}

/** Bull waits so long for a job before it asks anew; a line that has gone dead is noticed this much later. */
const BLOCK_MS = 2_000
/**
 * A job whose process has died is free after the lock and two looks: 12 s, as long as a lease. It may stall as often as it
 * likes; what stalls is only a hint.
 */
const settings: Bull.AdvancedSettings = {
  lockDuration: 6_000,
  lockRenewTime: 2_000,
  stalledInterval: 3_000,
  maxStalledCount: Number.MAX_SAFE_INTEGER,
  guardInterval: 1_000,
  retryProcessDelay: 500,
  drainDelay: BLOCK_MS / 1_000,
}
/** Nothing stays behind of a job that has ended. */
const once: Bull.JobOptions = { attempts: 1, removeOnComplete: true, removeOnFail: true }
/** So often a connection has something to answer. */
const PING_MS = 1_000

/** Rejects where Redis does not answer. */
export async function openSession({ url, prefix, kinds, execute, onError }: SessionOptions): Promise<Session> {
  const connections: Redis[] = []
  const lost = Promise.withResolvers<void>()
  const queues = new Map<string, Bull.Queue>()
  /** What is still to be written down of runs that have ended. */
  const followUps = new Set<Promise<void>>()
  let draining = false
  let pings: NodeJS.Timeout | undefined

  function connection(blockedMs?: number): Redis {
    const made = redisConnection(url, blockedMs)
    connections.push(made)
    made.on('end', () => {
      // Bull cuts what blocks in order to drain.
      if (!draining) lost.resolve()
    })
    return made
  }

  const shared = connection()
  const subscriber = connection(BLOCK_MS)
  const marks = createMarks(shared, (kind, name) => `${prefix}:${kind}:${name}`)

  async function want(kind: string, wanted: readonly (readonly [key: string, at: number | 'marked'])[]): Promise<void> {
    const now = Date.now()
    const missing = await marks.want(kind, wanted, now)
    if (missing.length === 0) return
    await queues.get(kind)?.addBulk(missing.map(([key, at]) => ({ data: {}, opts: { ...once, jobId: key, delay: Math.max(0, at - now) } })))
  }

  async function handle(kind: string, key: string, run: NonNullable<SessionOptions['execute']>): Promise<void> {
    const failures = await marks.begin(kind, key, Date.now())
    // Fetched while others were told to take it: they still may.
    const outcome = draining ? { again: Date.now(), rest: false, failures } : await run(kind, key, failures)
    if (outcome.again !== undefined || failures > 0) await marks.settle(kind, key, outcome)
  }

  /** Nobody but us knows that the id of the job is free again. */
  function followUp(kind: string, key: string): void {
    const done = want(kind, [[key, 'marked']])
      .catch(onError)
      .finally(() => followUps.delete(done))
    followUps.add(done)
  }

  /** For waiting, which every queue does on a connection of its own. */
  function waiting(): Redis {
    const made = connection(BLOCK_MS)
    connect(made).catch(onError)
    return made
  }

  function createQueue(name: string): Bull.Queue {
    const queue = new Bull(name, {
      prefix,
      settings,
      createClient: (type) => (type === 'client' ? shared : type === 'subscriber' ? subscriber : waiting()),
    })
    // Bull gives connections a name and listens for no failure of that, which would end the process. Ours have one.
    Object.assign(queue, { setWorkerName: async () => undefined })
    queue.on('error', onError)
    queue.on('completed', ({ id }) => followUp(name, String(id)))
    queue.on('failed', ({ id }) => followUp(name, String(id)))
    return queue
  }

  function disconnect(): void {
    for (const one of connections) one.disconnect()
  }

  function close(): void {
    draining = true
    clearInterval(pings)
    // Bull connects anew what blocks, even in order to close.
    void Promise.allSettled([...queues.values()].map((queue) => queue.close(true))).then(disconnect)
    disconnect()
  }

  try {
    await Promise.all([connect(shared), connect(subscriber)])
    const { problem } = await readStanding(shared)
    pings = setInterval(() => shared.ping().catch(() => undefined), PING_MS)
    for (const { name, concurrent } of kinds) {
      const queue = createQueue(name)
      queues.set(name, queue)
      if (execute !== undefined) queue.process(concurrent, ({ id }) => handle(name, String(id), execute)).catch(onError)
    }
    return {
      problem,
      lost: lost.promise,
      want,
      depths: () =>
        Promise.all(
          [...queues].map(async ([kind, queue]) => {
            const { waiting, active, delayed } = await queue.getJobCounts()
            return { kind, waiting, running: active, later: delayed }
          }),
        ),
      async drain() {
        draining = true
        await Promise.all([...queues.values()].map((queue) => queue.pause(true)))
        await Promise.all(followUps)
      },
      close,
    }
  } catch (error) {
    close()
    throw error
  }
}
