/**
 * Event streams of a thousand Salesforce orgs, followed by the real server, with the orgs in another process: what idle streams
 * cost, how fast changes become durable near and far, what a mass disconnect does, and how often the CRM has to be asked.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Part } from './main.ts'
import { busOf, follow, kept, type Orgs, standFor, startOrgs, statusChange, total } from './orgs.ts'
import { startOutside } from './outside.ts'
import { processorTime } from './processor-time.ts'
import { residentMb, type Stand } from './stand.ts'
import { median, rounded } from './statistics.ts'

const ORGS = 1_000
const DISCONNECTS = 10
const BURST = 10_000
/** For memory to settle, ms. */
const SETTLE_MS = 15_000
const PATIENCE_MS = 120_000

/** What is to be reached: `most` for what should be small, `least` for what should be large. */
const limits: Record<string, { most: number } | { least: number }> = {
  openSeconds: { most: 10 },
  freshMb: { most: 80 },
  idleCorePercent: { most: 2 },
  backSeconds: { most: 12 },
  disconnectedMb: { most: 150 },
  crowdSeconds: { most: 2 },
  schemasMb: { most: 150 },
  burstPerSecond: { least: 10_000 },
  burst30msPerSecond: { least: 2_700 },
  burst100ms3kbPerSecond: { least: 800 },
  callsPerLeadEvent: { most: 0.02 },
  callsPerMappedEvent: { most: 0.02 },
  callsPerPackagedUpdate: { most: 0 },
  callsPerFirstSight: { most: 0.02 },
}
type Tell = (name: string, value: number, digits?: number) => void

export const streams: Part = async (say) => {
  const figures: Record<string, number> = {}
  const tell: Tell = (name, value, digits = 0) => {
    figures[name] = rounded(value, digits)
    const limit = limits[name] as { most: number } | { least: number }
    const [reached, text] =
      'most' in limit ? [value <= limit.most, `at most ${limit.most}`] : [value >= limit.least, `at least ${limit.least}`]
    say(`${name.padEnd(24)}${figures[name].toLocaleString('en').padStart(9)}  ${text}${reached ? '' : '  NOT REACHED'}`)
  }
  const orgs = await startOrgs(ORGS)
  try {
    await crowd(orgs, tell)
    await ownSchemas(orgs, tell, figures.freshMb as number)
    await bursts(orgs, tell)
  } finally {
    await orgs.close()
  }
  await calls(tell)
  return figures
}

/** A thousand streams: idle, cut again and again, and all with something to say at once. */
async function crowd(orgs: Orgs, tell: Tell): Promise<void> {
  const stand = await standFor(orgs)
  try {
    const base = await settledMb(stand)
    tell('openSeconds', await open(orgs, stand), 1)

    let each = 1
    await logEach(orgs, each)
    await until('the first change of each org is kept', async () => total(await kept(stand)) === ORGS)
    tell('freshMb', (await settledMb(stand)) - base)
    const [from, started] = [await processorTime(String(stand.server.pid)), performance.now()]
    await sleep(SETTLE_MS)
    tell('idleCorePercent', (((await processorTime(String(stand.server.pid))) - from) / (performance.now() - started)) * 100_000, 1)

    const back: number[] = []
    for (let number = 0; number < DISCONNECTS; number++) {
      const cut = performance.now()
      await orgs.child.control('pubsub.cut')
      each += 1
      await logEach(orgs, each)
      await until('all streams are back', async () => (await busOf(orgs)).open === ORGS)
      back.push((performance.now() - cut) / 1000)
      await until('what changed meanwhile is kept', async () => total(await kept(stand)) >= each * ORGS)
    }
    tell('backSeconds', Math.max(...back), 1)
    tell('disconnectedMb', (await settledMb(stand)) - base)

    await orgs.child.control('pubsub.silence', { on: true })
    for (let number = 0; number < 10; number++) await logEach(orgs, ++each)
    const seconds = await timed(async () => {
      await orgs.child.control('pubsub.silence', { on: false })
      await until('ten changes of each org are kept', async () => total(await kept(stand)) >= each * ORGS)
    })
    tell('crowdSeconds', seconds, 2)
    const counts = await kept(stand)
    if (counts.length !== ORGS || counts.some((count) => count !== each)) throw new Error('changes were lost or doubled')
  } finally {
    await stand.stop()
  }
}

/** Every org has 250 fields more than a new one, and all are named otherwise. */
async function ownSchemas(orgs: Orgs, tell: Tell, freshMb: number): Promise<void> {
  const types = ['string', 'picklist', 'double', 'boolean', 'datetime'] as const
  for (const [number, orgId] of orgs.ids.entries())
    await orgs.child.control('addFields', {
      orgId,
      object: 'Lead',
      fields: Array.from({ length: 250 }, (_, index) => ({ name: `Own_${number}_${index}__c`, type: types[index % types.length] })),
    })
  const stand = await standFor(orgs)
  try {
    const base = await settledMb(stand)
    await open(orgs, stand)
    await logEach(orgs, 1)
    await until('a change of each org is kept', async () => total(await kept(stand)) === ORGS)
    tell('schemasMb', (await settledMb(stand)) - base - freshMb)
  } finally {
    await stand.stop()
  }
}

/** One org has much to say: beside us, at some distance with a slow disk here, and far away in large events. */
async function bursts(orgs: Orgs, tell: Tell): Promise<void> {
  const [orgId = ''] = orgs.ids
  const stand = await standFor(orgs, orgs.accounts.slice(0, 1))
  let logged = 0
  const burst = async (events: number, text?: string) => {
    await orgs.child.control('pubsub.silence', { orgId, on: true })
    const before = logged
    for (; logged < before + events; logged += 1_000)
      await orgs.child.control(
        'pubsub.log',
        Array.from({ length: Math.min(1_000, before + events - logged) }, (_, index) => statusChange(orgId, logged + index, text)),
      )
    const seconds = await timed(async () => {
      await orgs.child.control('pubsub.silence', { orgId, on: false })
      await until('the burst is kept', async () => total(await kept(stand)) >= logged)
    })
    const count = total(await kept(stand))
    if (count !== logged) throw new Error(`${count} of ${logged} changes are kept`)
    return events / seconds
  }
  const rounds = async (events: number, text?: string) => {
    const rates: number[] = []
    for (let round = 0; round < 3; round++) rates.push(await burst(events, text))
    return median(rates)
  }
  try {
    await open(orgs, stand, 1)
    await burst(2_000)
    tell('burstPerSecond', await rounds(BURST))

    orgs.proxy.roundTrip(30)
    await slowCommits(stand, 10)
    tell('burst30msPerSecond', await rounds(BURST))

    orgs.proxy.roundTrip(100)
    await slowCommits(stand, 0)
    tell('burst100ms3kbPerSecond', await rounds(5_000, 'x'.repeat(2_800)))
  } finally {
    orgs.proxy.roundTrip(0)
    await stand.stop()
  }
}

/**
 * How often the CRM is asked while 200 lead events a second pass the whole way to Meta: for leads that the event shows, for updates
 * that carry the packaged lead id (of leads known and unknown), and for updates of unknown leads with the id in a field of the
 * customer's own, which have to be looked up.
 */
async function calls(tell: Tell): Promise<void> {
  const LEADS = 1_000
  const outside = await startOutside()
  const orgs = await startOrgs(2)
  const [packaged = '', mapped = ''] = orgs.ids
  await orgs.child.control('addField', { orgId: mapped, object: 'Lead', field: { name: 'Facebook_Lead_ID__c', length: 18 } })
  const accounts = orgs.accounts.map((account, index) => ({
    ...account,
    dataset: `70000000000000${index}`,
    ...(account.key === mapped && { settings: { leadIdField: 'Facebook_Lead_ID__c' } }),
  }))
  let made = 0
  const lead = (field: string) => {
    made += 1
    return {
      FirstName: 'Ada',
      LastName: `Almond ${made}`,
      Company: 'Example',
      Email: `person.${made}@example.com`,
      Status: 'Open - Not Contacted',
      [field]: `2345${String(made).padStart(12, '0')}`,
    }
  }
  const insert = async (orgId: string, field: string, leads: number) =>
    (
      await orgs.child.control<{ ids: string[] }>('insert', {
        orgId,
        object: 'Lead',
        records: Array.from({ length: leads }, () => lead(field)),
      })
    ).ids
  const change = (orgId: string, ids: readonly string[]) =>
    orgs.child.control('update', {
      orgId,
      object: 'Lead',
      records: ids.map((Id) => ({ Id, Status: 'Working - Contacted', Description: String(performance.now()) })),
    })

  const [oldPackaged, oldMapped] = [await insert(packaged, 'Meta_Lead_ID__c', LEADS), await insert(mapped, 'Facebook_Lead_ID__c', LEADS)]
  const stand = await standFor(orgs, accounts, outside.metaUrl)
  try {
    await open(orgs, stand, 2)
    const asked = async () => total(Object.values(await orgs.child.control<Record<string, number>>('counts')))
    let before = -1
    // What a new connection asks for once is not part of the load.
    for (let now = await asked(); now !== before; now = await asked()) {
      before = now
      await sleep(3_000)
    }
    /** 200 events a second in steps of 20, until all are handled. Returns requests an event. */
    const load = async (step: (from: number, to: number) => Promise<unknown>) => {
      const start = await asked()
      const began = performance.now()
      for (let from = 0; from < LEADS; from += 20) {
        await sleep(Math.max(0, began + from * 5 - performance.now()))
        await step(from, from + 20)
      }
      await until('all events are handled', () => handled(stand))
      return ((await asked()) - start) / LEADS
    }
    const fresh: string[] = []
    tell('callsPerLeadEvent', await load(async () => fresh.push(...(await insert(packaged, 'Meta_Lead_ID__c', 20)))), 4)
    const ofKnown = await load((from, to) => change(packaged, fresh.slice(from, to)))
    const ofUnknown = await load((from, to) => change(packaged, oldPackaged.slice(from, to)))
    tell('callsPerPackagedUpdate', ofKnown, 4)
    tell('callsPerFirstSight', ofUnknown, 4)
    tell('callsPerMappedEvent', await load((from, to) => change(mapped, oldMapped.slice(from, to))), 4)
  } finally {
    await stand.stop()
    await orgs.close()
    await outside.close()
  }
}

/** Has the server follow its orgs. Returns seconds until all streams are open, under a lease and with a cursor each. */
async function open(orgs: Orgs, stand: Stand, count = ORGS): Promise<number> {
  return timed(async () => {
    await follow(stand)
    await until('all streams are open', async () => {
      if ((await busOf(orgs)).open !== count) return false
      const { rows } = await sql<{ held: number }>`
        select count(*)::int as held from cursor u join lease l on l.key = 'stream:' || u.connection_id and l.until > clock_timestamp()
        where u.channel = 'stream'`.execute(stand.db)
      return rows[0]?.held === count
    })
  })
}

/** Logs one change more of each org. */
const logEach = ({ child, ids }: Orgs, number: number) =>
  child.control(
    'pubsub.log',
    ids.map((orgId) => statusChange(orgId, number)),
  )

async function handled({ db }: Stand): Promise<boolean> {
  const { rows } = await sql<{
    left: number
  }>`select (select count(*) from packet)::int + (select count(*) from outbox)::int as left`.execute(db)
  return rows[0]?.left === 0
}

/** Every commit that moves a cursor takes so much longer, as on a slow disk. */
async function slowCommits({ db }: Stand, ms: number): Promise<void> {
  await sql`drop trigger if exists bench_slow_commit on cursor`.execute(db)
  if (ms === 0) return
  await sql`create or replace function bench_slow_commit() returns trigger language plpgsql as
    ${sql.lit(`begin perform pg_sleep(${ms / 1000}); return null; end`)}`.execute(db)
  await sql`create constraint trigger bench_slow_commit after insert or update on cursor deferrable initially deferred
    for each row execute function bench_slow_commit()`.execute(db)
}

/** Resident memory of the server when it has been left alone for a while. */
async function settledMb({ server }: Stand): Promise<number> {
  await sleep(SETTLE_MS)
  return residentMb(server.pid)
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return (performance.now() - started) / 1000
}

async function until(what: string, happened: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!(await happened())) {
    if (performance.now() > end) throw new Error(`not within ${PATIENCE_MS / 1000} s: ${what}`)
    await sleep(20)
  }
}
