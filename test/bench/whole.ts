/**
 * The whole way of 100,000 changes of eight portals, from the first webhook to Meta's last answer: first of contacts that
 * nobody knows yet (each is looked up, with its history), then four more stages of the same contacts, whose identities are
 * fresh. HubSpot's own limits hold: 50 contacts a request, 100 requests in ten seconds and portal. Memory is looked at all
 * the while.
 */
import { readFile } from 'node:fs/promises'
import type { Part } from './main.ts'
import { startOutside } from './outside.ts'
import { family, processorTime, sum } from './processor-time.ts'
import { residentMb, type Stand, startStand } from './stand.ts'
import { rounded } from './statistics.ts'
import { bodiesOf, pass, stages } from './walk.ts'

const CONTACTS = 20_000
const PER_PORTAL = CONTACTS / 8

interface Figures {
  coldPerSecond: number
  warmPerSecond: number
  serverMb: number
  postgresMb: number
}
let measured: Promise<Figures> | undefined

export const whole: Part = async (say) => {
  measured ??= measure(say)
  const { coldPerSecond, warmPerSecond } = await measured
  return { coldPerSecond, warmPerSecond }
}

export const memory: Part = async (say) => {
  measured ??= measure(say)
  const { serverMb, postgresMb } = await measured
  say(`server ${serverMb} MB, PostgreSQL ${postgresMb} MB at most while 100,000 events passed`)
  return { serverMb, postgresMb }
}

async function measure(say: (line: string) => void): Promise<Figures> {
  const outside = await startOutside()
  const stand = await startStand({ hubspotUrl: outside.hubspotUrl, metaUrl: outside.metaUrl })
  const watch = await startWatch(stand)
  try {
    const [first, ...later] = stages
    // A few contacts first, so that no code runs for the first time.
    for (const stage of stages) await pass(outside, stand.webhooks, bodiesOf(stand.webhooks, stage, PER_PORTAL, PER_PORTAL + 200))
    let before = await watch.cpu()
    const cold = await pass(outside, stand.webhooks, bodiesOf(stand.webhooks, first, 0, PER_PORTAL))
    const coldPerSecond = Math.round(CONTACTS / cold)
    say(
      `cold  ${coldPerSecond.toLocaleString('en').padStart(7)} events/s (${outside.lookups()} requests to HubSpot), ${spent(before, await watch.cpu(), CONTACTS)}`,
    )
    const bodies = later.flatMap((stage) => bodiesOf(stand.webhooks, stage, 0, PER_PORTAL))
    before = await watch.cpu()
    const warm = await pass(outside, stand.webhooks, bodies)
    const warmPerSecond = Math.round((CONTACTS * later.length) / warm)
    say(`warm  ${warmPerSecond.toLocaleString('en').padStart(7)} events/s, ${spent(before, await watch.cpu(), CONTACTS * later.length)}`)
    if (outside.doubled() > 0) throw new Error(`${outside.doubled()} events came twice`)
    return { coldPerSecond, warmPerSecond, ...watch.most() }
  } finally {
    watch.end()
    await stand.stop()
    await outside.close()
  }
}

interface Cpu {
  server: number
  postgres: number
  /** This process: what sends and what stands in. */
  outside: number
}
/** Processor time does not depend on what else the machine does at the time. */
const spent = (from: Cpu, to: Cpu, events: number) =>
  `processor time an event: server ${rounded(((to.server - from.server) / events) * 1e6)} µs, PostgreSQL ${rounded(((to.postgres - from.postgres) / events) * 1e6)} µs, load and stand-ins ${rounded(((to.outside - from.outside) / events) * 1e6)} µs`

/** The most memory in use, in megabytes (PostgreSQL's without counting shared pages twice), and processor time, in seconds. */
async function startWatch({
  server,
  postmaster,
}: Stand): Promise<{ most(): { serverMb: number; postgresMb: number }; cpu(): Promise<Cpu>; end(): void }> {
  const most = { serverMb: 0, postgresMb: 0 }
  const look = async () => {
    most.serverMb = Math.max(most.serverMb, rounded(await residentMb(server.pid)))
    most.postgresMb = Math.max(most.postgresMb, rounded(await sum(await family(postmaster), shareMb)))
  }
  const timer = setInterval(() => void look(), 500)
  return {
    most: () => most,
    cpu: async () => ({
      server: await processorTime(String(server.pid)),
      postgres: await sum(await family(postmaster), processorTime),
      outside: await processorTime(String(process.pid)),
    }),
    end: () => clearInterval(timer),
  }
}

async function shareMb(pid: string): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '')
  return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) / 1024
}
