/** The server is killed while it reads a CRM's history: what catch-up and a backfill bring is there once, whatever page it died in. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { confirmBackfill, planBackfill, showBackfill } from '../../server/settings/backfills.ts'
import { DATASET, testApp, until } from '../support/app.ts'
import { counted } from '../support/counted.ts'
import { createFleet, type Fleet } from '../support/fleet.ts'
import { count, ledger, tallied } from '../support/look.ts'
import { seeded } from '../support/numbers.ts'

const CONTACTS = 1_500
const KILLS = 3
/** Answered before it is held; to read all takes 40. */
const MOST_READS = 6
const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

/** Contacts that reached two stages a day ago, of which the CRM told nobody. */
async function silentImport(t: Parameters<typeof testApp>[0]) {
  const it = await testApp(t, { launch: false })
  it.hubspot.webhooks({ lossRate: 1 })
  const at = Date.now() - DAY
  for (let n = 0; n < CONTACTS; n++)
    it.hubspot.create({
      type: 'contact',
      at: at + n * 10,
      properties: { lifecyclestage: 'customer', meta_lead_id: String(100_000_000_000_000 + n) },
    })
  await it.db
    .updateTable('connection')
    .set({ created_at: new Date(at - DAY) })
    .execute()
  return it
}
type It = Awaited<ReturnType<typeof silentImport>>

/** From some read on the CRM shows nothing more until `release`: `begun` when that has happened. */
function hold({ hubspot }: It, random: () => number) {
  const begun = Promise.withResolvers<void>()
  const over = Promise.withResolvers<void>()
  const held = () => {
    begun.resolve()
    return over.promise
  }
  hubspot.misbehave({ how: 'slow', path: '/(search|batch/read)$', after: Math.floor(random() * MOST_READS), times: 0, held })
  return { begun: begun.promise, release: over.resolve }
}

/** Kills the server while it reads, several times, then lets it finish. Nothing is read to its end before the last time. */
async function killWhileReading(it: It, server: Fleet, random: () => number): Promise<void> {
  let holding = hold(it, random)
  for (let kills = 1; kills <= KILLS; kills++) {
    const { begun, release } = holding
    await begun
    await sleep(random() * 400)
    await server.kill()
    it.hubspot.behave()
    // Of two processes one may live on.
    if (kills < KILLS) holding = hold(it, random)
    release()
    await server.start()
  }
}

async function onceEach(t: Parameters<typeof testApp>[0], it: It, kills: number): Promise<void> {
  await until(async () => (await count(it.db, 'packet')) + (await count(it.db, 'outbox')) === 0, 300_000)
  const lines = await ledger(it.db)
  t.equal(lines.length, 2 * CONTACTS, 'the raw lead and the stage of each')
  t.equal(new Set(lines.map(({ eventId }) => eventId)).size, lines.length)
  t.strictSame([...new Set(lines.map(({ outcome }) => outcome))], ['sent'])
  const summary = it.meta.summary().datasets[DATASET]
  t.match(summary, { distinct: 2 * CONTACTS, leads: CONTACTS })
  // What Meta had taken when the process died goes again with the same id: one batch for each death at most.
  t.ok((summary?.doubled ?? 0) <= kills * 100 + (await tallied(it.db, 'possible_doubles.timeout')))
  t.equal(summary?.doubled, summary?.doubledById)
  const [eventsIn, eventsOut] = [2 * CONTACTS, summary?.distinct ?? 0]
  counted(t, [1, 17], { kills, restarts: kills, eventsIn, eventsOut, lost: eventsIn - eventsOut, doubled: summary?.doubled ?? 0 })
}

t.test('killed while it catches up', async (t) => {
  const { seed, random } = seeded()
  t.comment(`seed ${seed} (SEED=${seed} repeats it)`)
  const it = await silentImport(t)
  await it.db
    .insertInto('cursor')
    .values({ connection_id: it.connectionId, channel: 'history', covered_until: new Date(Date.now() - 2 * DAY), position: null })
    .execute()
  const server = await createFleet(t, it, random)
  await server.start()
  await killWhileReading(it, server, random)
  await until(() => it.meta.summary().datasets[DATASET]?.distinct === 2 * CONTACTS, 300_000)
  await onceEach(t, it, KILLS)
  t.strictSame(server.complaints(), [])
})

t.test('killed during a dry run and during the backfill itself', async (t) => {
  const { seed, random } = seeded()
  t.comment(`seed ${seed} (SEED=${seed} repeats it)`)
  const it = await silentImport(t)
  const caller = { db: it.db, actor: 'test' }
  const server = await createFleet(t, it, random)
  await server.start()
  const { id } = await planBackfill(caller, { connectionId: it.connectionId, days: 3 })
  await killWhileReading(it, server, random)
  await until(async () => (await showBackfill(caller, id)).state === 'ready', 300_000)
  t.match((await showBackfill(caller, id)).forecast, { records: CONTACTS })
  await confirmBackfill(caller, id)
  await killWhileReading(it, server, random)
  await until(async () => (await showBackfill(caller, id)).state === 'done', 300_000)
  await onceEach(t, it, 2 * KILLS)
  t.strictSame(server.complaints(), [])
})
