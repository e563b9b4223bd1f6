/**
 * Signed bodies of 100 events over 32 connections, durable before the 2xx: the real server, beside one Bull job per body on
 * a Redis of the same durability, and beside verification and parsing alone. Taken in turns, so that what else the machine
 * does falls on all of them alike.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { sql } from 'kysely'
import { type SignedBody, signedBody } from './bodies.ts'
import type { Part } from './main.ts'
import { type Posted, postAll } from './post-all.ts'
import { family, processorTime, sum } from './processor-time.ts'
import { startDurableRedis } from './redis.ts'
import { portals, startStand } from './stand.ts'
import { median, quantile, rounded } from './statistics.ts'

const CONNECTIONS = 32
const EVENTS = 100
const BODIES = 400
const ROUND_MS = 3_000
const ROUNDS = 7
const stages = ['marketingqualifiedlead', 'salesqualifiedlead', 'opportunity', 'customer']

export const intake: Part = async (say) => {
  const stand = await startStand({ routes: false })
  const redis = await startDurableRedis()
  const bull = await startPeer('bull', redis.port, stand.server.url)
  const nothing = await startPeer('nothing', redis.port, stand.server.url)
  const sides = {
    ours: {
      url: stand.webhooks,
      empty: async () => void (await sql`truncate packet`.execute(stand.db)),
      server: stand.server.pid,
      store: () => family(stand.postmaster),
    },
    bull: {
      url: bull.url,
      empty: async () => void (await redis.command('flushall')),
      server: bull.pid,
      store: async () => [String(redis.pid)],
    },
    nothing: { url: nothing.url, empty: async () => undefined, server: nothing.pid, store: async () => [] },
  }
  const spent = async ({ server, store }: (typeof sides)[keyof typeof sides]) => ({
    sender: process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6,
    server: await processorTime(String(server)),
    store: await sum(await store(), processorTime),
  })
  const costs = { ours: zero(), bull: zero(), nothing: zero() }
  const names = ['ours', 'bull', 'nothing'] as const
  const rounds = { ours: [] as Posted[], bull: [] as Posted[], nothing: [] as Posted[] }
  try {
    for (let round = -1; round < ROUNDS; round++) {
      const bodies = makeBodies(stand.webhooks)
      for (const name of names) {
        const before = await spent(sides[name])
        const posted = await postFor(ROUND_MS, sides[name].url, bodies)
        const after = await spent(sides[name])
        if (name === 'ours') await insistOnStored(stand.db, posted)
        await sides[name].empty()
        if (round < 0) continue
        rounds[name].push(posted)
        const cost = costs[name]
        cost.bodies += posted.bodies
        for (const who of ['sender', 'server', 'store'] as const) cost[who] += after[who] - before[who]
      }
    }
  } finally {
    bull.stop()
    nothing.stop()
    await redis.stop()
    await stand.stop()
  }
  const rates = Object.fromEntries(names.map((name) => [name, median(rounds[name].map(eventsPerSecond))])) as Record<
    (typeof names)[number],
    number
  >
  for (const name of names) {
    const p99 = median(rounds[name].map(({ latencies }) => quantile(latencies, 0.99)))
    const each = (who: 'sender' | 'server' | 'store') => `${who} ${rounded((costs[name][who] / costs[name].bodies) * 1e6)} µs`
    say(
      `${name.padEnd(8)} ${Math.round(rates[name]).toLocaleString('en').padStart(9)} events/s  p99 ${p99.toFixed(1)} ms, processor time a body: ${each('server')}, ${each('store')}, ${each('sender')}`,
    )
  }
  const against = (name: 'bull' | 'nothing') =>
    rounded(
      median(rounds.ours.map((posted, index) => eventsPerSecond(posted) / eventsPerSecond((rounds[name] as Posted[])[index] as Posted))),
      2,
    )
  return {
    eventsPerSecond: Math.round(rates.ours),
    vsBullPerBody: against('bull'),
    vsCeiling: against('nothing'),
    p99Ms: rounded(median(rounds.ours.map(({ latencies }) => quantile(latencies, 0.99))), 1),
  }
}

/** Bodies taken and processor time spent on them, in seconds. */
const zero = () => ({ bodies: 0, sender: 0, server: 0, store: 0 })

const eventsPerSecond = ({ events, seconds }: Posted) => events / seconds

function makeBodies(url: string): SignedBody[] {
  const now = Date.now()
  return Array.from({ length: BODIES }, (_, number) =>
    signedBody(
      url,
      Array.from({ length: EVENTS }, (_, index) => ({
        portalId: portals[number % portals.length] as number,
        contactId: 70_000_000_001 + number * EVENTS + index,
        stageId: stages[index % stages.length] as string,
        at: now - index,
      })),
    ),
  )
}

function postFor(ms: number, url: string, bodies: readonly SignedBody[]): Promise<Posted> {
  const end = performance.now() + ms
  let sent = 0
  return postAll(url, CONNECTIONS, () => (performance.now() < end ? bodies[sent++ % bodies.length] : undefined))
}

/** What was answered with a 2xx is in the inbox. */
async function insistOnStored(db: Parameters<ReturnType<typeof sql>['execute']>[0], { events }: Posted): Promise<void> {
  const { rows } = await sql<{ stored: string | null }>`select sum(changes) as stored from packet`.execute(db)
  if (Number(rows[0]?.stored) !== events) throw new Error(`${rows[0]?.stored} of ${events} changes are in the inbox`)
}

async function startPeer(
  kind: 'bull' | 'nothing',
  redisPort: number,
  publicUrl: string,
): Promise<{ url: string; pid: number; stop(): void }> {
  const file = new URL('./peer.ts', import.meta.url).pathname
  const child: ChildProcess = spawn(process.execPath, [file, kind, String(redisPort), publicUrl], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production' },
  })
  const first = await createInterface({ input: child.stdout as NodeJS.ReadableStream })
    [Symbol.asyncIterator]()
    .next()
  if (first.done) throw new Error(`the ${kind} peer did not start`)
  return {
    url: `http://127.0.0.1:${(JSON.parse(first.value) as { port: number }).port}/webhooks/hubspot`,
    pid: child.pid as number,
    stop: () => child.kill('SIGTERM'),
  }
}
