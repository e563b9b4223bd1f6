/**
 * The whole way with one, two and four processes on one PostgreSQL, each working by itself and sharing the work by Redis: events a
 * second, and the processor time that each side spends on one. At last, where the time goes, from a run of its own with a profile.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SignedBody } from './bodies.ts'
import { type Crowd, type CrowdOptions, startCrowd, webhooksUrl } from './crowd.ts'
import type { Part } from './main.ts'
import { type Outside, startOutside } from './outside.ts'
import { postAll } from './post-all.ts'
import { profileShares } from './profile.ts'
import { portalAccount, portals } from './stand.ts'
import { rounded } from './statistics.ts'
import { bodiesOf, stages } from './walk.ts'

const CONTACTS = 8_000
const PER_PORTAL = CONTACTS / portals.length
const WARM_STAGES = stages.length - 1

export const scaling: Part = async (say) => {
  say(`${availableParallelism()} processors hold the load, the stand-ins, all processes, PostgreSQL and Redis`)
  const figures: Record<string, number> = {}
  for (const shared of [false, true]) {
    for (const processes of [1, 2, 4]) {
      const { cold, warm } = await measure(say, { processes, shared })
      const name = `${shared ? 'shared' : 'alone'}${processes}`
      figures[`${name}Cold`] = cold
      figures[`${name}Warm`] = warm
    }
  }
  const profiles = await mkdtemp(join(tmpdir(), 'leadstage-profile-'))
  try {
    await measure(say, { processes: 2, shared: true, profiles })
    for (const [name, percent] of await profileShares(profiles, 12)) say(`  ${percent} % of the servers: ${name}`)
  } finally {
    await rm(profiles, { recursive: true, force: true })
  }
  return figures
}

type Mode = Pick<CrowdOptions, 'processes' | 'shared' | 'profiles'>

async function measure(say: (line: string) => void, mode: Mode): Promise<{ cold: number; warm: number }> {
  const outside = await startOutside()
  const accounts = portals.map((portal) => portalAccount(portal))
  const crowd = await startCrowd({ hubspotUrl: outside.hubspotUrl, metaUrl: outside.metaUrl, accounts, ...mode })
  try {
    const [first, ...later] = stages
    for (const stage of stages) await pass(outside, crowd, bodiesOf(webhooksUrl, stage, PER_PORTAL, PER_PORTAL + 100))
    const cold = CONTACTS / (await pass(outside, crowd, bodiesOf(webhooksUrl, first, 0, PER_PORTAL)))
    const before = await crowd.cpu()
    await crowd.statements(1)
    const bodies = later.flatMap((stage) => bodiesOf(webhooksUrl, stage, 0, PER_PORTAL))
    const seconds = await pass(outside, crowd, bodies)
    const warm = (CONTACTS * WARM_STAGES) / seconds
    const after = await crowd.cpu()
    const spent = (side: keyof typeof after) => after[side] - before[side]
    const each = (side: keyof typeof after) => rounded((spent(side) / (CONTACTS * WARM_STAGES)) * 1e6)
    const busy = (spent('servers') + spent('postgres') + spent('redis') + spent('outside')) / (seconds * availableParallelism())
    const name = `${mode.processes} ${mode.shared ? 'sharing by Redis' : 'each by itself'}${mode.profiles === undefined ? '' : ', profiled'}`
    say(
      `${name}: cold ${rounded(cold)}, warm ${rounded(warm)} events/s; processor time a warm event: servers ${each('servers')}, PostgreSQL ${each('postgres')}, Redis ${each('redis')}, load and stand-ins ${each('outside')} µs; ${rounded(100 * busy)} % of the processors busy with it`,
    )
    if (mode.profiles !== undefined) {
      for (const { share, text } of await crowd.statements(6)) say(`  ${share} % of PostgreSQL: ${text}`)
      // Profiles are written when a process ends.
      await crowd.end()
    }
    if (outside.doubled() > 0) throw new Error(`${outside.doubled()} events came twice`)
    return { cold: rounded(cold), warm: rounded(warm) }
  } finally {
    await crowd.stop()
    await outside.close()
  }
}

/** Posts bodies over 32 connections, to the processes in turn, and waits until Meta has taken all their events. Returns seconds. */
async function pass(outside: Outside, { urls }: Crowd, bodies: readonly SignedBody[]): Promise<number> {
  outside.reset()
  const events = bodies.reduce((sum, body) => sum + body.events, 0)
  const started = performance.now()
  let sent = 0
  const posts = urls.map((url) => postAll(`${url}/webhooks/hubspot`, 32 / urls.length, () => bodies[sent++]))
  await Promise.all([...posts, outside.took(events)])
  return (performance.now() - started) / 1_000
}
