/**
 * The whole way of 100,000 changes of eight portals, from the first webhook to Meta's last answer: first of contacts that
 * nobody knows yet (each is looked up, with its history), then four more stages of the same contacts, whose identities are
 * fresh. HubSpot's own limits hold: 50 contacts a request, 100 requests in ten seconds and portal. Memory is looked at all
 * the while.
 */
import { readdir, readFile } from 'node:fs/promises'
import { sql } from 'kysely'
import type { Part } from './main.ts'
import { startOutside } from './outside.ts'
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
  const watch = await watchMemory(stand)
  try {
    const [first, ...later] = stages
    // A few contacts first, so that no code runs for the first time.
    for (const stage of stages) await pass(outside, stand.webhooks, bodiesOf(stand.webhooks, stage, PER_PORTAL, PER_PORTAL + 200))
    const cold = await pass(outside, stand.webhooks, bodiesOf(stand.webhooks, first, 0, PER_PORTAL))
    const coldPerSecond = Math.round(CONTACTS / cold)
    say(`cold  ${coldPerSecond.toLocaleString('en').padStart(7)} events/s (${outside.lookups()} requests to HubSpot)`)
    const bodies = later.flatMap((stage) => bodiesOf(stand.webhooks, stage, 0, PER_PORTAL))
    const warm = await pass(outside, stand.webhooks, bodies)
    const warmPerSecond = Math.round((CONTACTS * later.length) / warm)
    say(`warm  ${warmPerSecond.toLocaleString('en').padStart(7)} events/s`)
    if (outside.doubled() > 0) throw new Error(`${outside.doubled()} events came twice`)
    return { coldPerSecond, warmPerSecond, ...(await watch.most()) }
  } finally {
    await watch.most()
    await stand.stop()
    await outside.close()
  }
}

/** The most memory in use, in megabytes; PostgreSQL's without counting shared pages twice. */
async function watchMemory({ server, db }: Stand): Promise<{ most(): Promise<{ serverMb: number; postgresMb: number }> }> {
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db)
  const postmaster = await parentOf(String(rows[0]?.pid))
  const most = { serverMb: 0, postgresMb: 0 }
  const look = async () => {
    most.serverMb = Math.max(most.serverMb, rounded(await residentMb(server.pid)))
    most.postgresMb = Math.max(most.postgresMb, rounded(await shareMb(postmaster)))
  }
  const timer = setInterval(() => void look(), 500)
  return {
    most: async () => {
      clearInterval(timer)
      return most
    },
  }
}

async function shareMb(postmaster: string | undefined): Promise<number> {
  let kilobytes = 0
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    if (pid !== postmaster && (await parentOf(pid)) !== postmaster) continue
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '')
    kilobytes += Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0)
  }
  return kilobytes / 1024
}

async function parentOf(pid: string): Promise<string | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return /^PPid:\s+(\d+)/m.exec(status)?.[1]
}
