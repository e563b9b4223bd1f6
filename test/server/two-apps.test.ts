/** Two processes on one database share the work: every event once, and when one dies the other takes over. */
import t from 'tap'
import { DATASET, testApp, until } from '../support/app.ts'
import { createDoor } from '../support/door.ts'
import { count, ledger } from '../support/look.ts'
import { post, stageEvent } from '../support/post-webhook.ts'
import { startProxy } from '../support/proxy.ts'
import { outcomes } from './delivery/sharing.ts'
import { silence } from './resolve/sharing.ts'

const STAGES = ['lead', 'marketingqualifiedlead', 'opportunity', 'customer']
const MINUTE = 60_000

t.test('under load every event goes once; then one dies, and the rest is delivered', async (t) => {
  const it = await testApp(t, { env: { BATCH_LIMIT: '20' } })
  silence(it)
  let proxy: Awaited<ReturnType<typeof startProxy>> | undefined
  const other = await it.another(async (databaseUrl) => {
    const url = new URL(databaseUrl)
    proxy = await startProxy(t, { host: url.hostname, port: Number(url.port) })
    url.host = `127.0.0.1:${proxy.port}`
    return url.href
  })
  const at = Date.now() - 60 * MINUTE
  let leads = 0
  const walk = (howMany: number) =>
    Array.from({ length: howMany }, () => {
      leads += 1
      const { id } = it.hubspot.create({
        type: 'contact',
        at: at + leads,
        properties: { meta_lead_id: String(100_000_000_000_000 + leads) },
      })
      return STAGES.map((stage, index) => stageEvent(id, stage, { occurredAt: at + leads + index * MINUTE }))
    })
  /** Bodies that cut across leads, every one sent to both, in no particular order. */
  const bodies = (events: Record<string, unknown>[][]) => STAGES.map((_, index) => events.map((ofLead) => ofLead[index]))

  const first = Array.from({ length: 10 }, () => bodies(walk(10))).flat()
  const replies = await Promise.all([
    ...first.map((body) => post(it.url, body)),
    ...first.toReversed().map((body) => post(other.url, body)),
  ])
  t.ok(replies.every(({ status }) => status === 202))
  await it.settled()
  t.match(it.meta.summary().datasets[DATASET], { received: 400, distinct: 400, doubled: 0 })
  t.strictSame(await outcomes(it, it), { sent: 400, suppressed: 100 }, 'the stage of the raw lead’s name had been reached')
  const keys = (await ledger(it.db)).map(({ eventId }) => eventId)
  t.equal(new Set(keys).size, keys.length)

  // What the dead one has claimed comes free by itself; here it dies while it waits for the CRM.
  const door = createDoor()
  it.hubspot.misbehave({ how: 'slow', held: door.pass, path: '/contacts/batch/read' })
  const second = Array.from({ length: 4 }, () => bodies(walk(10))).flat()
  const [theirs, ours] = [second.slice(0, 8), second.slice(8)]
  await Promise.all(theirs.map((body) => post(other.url, body)))
  await door.came
  await proxy?.cut()
  const packets = () => it.db.selectFrom('packet').select('id')
  const held = (await packets().where('claimed_by', 'is not', null).execute()).map(({ id }) => id)
  t.ok(held.length > 0, 'it died with something in its hands')
  await Promise.all(ours.map((body) => post(it.url, body)))
  await until(async () => (await packets().where('id', 'not in', held).executeTakeFirst()) === undefined)
  door.open()
  const died = Date.now()
  await until(async () => (await count(it.db, 'packet')) + (await count(it.db, 'outbox')) === 0)
  t.comment(`back to normal after ${Date.now() - died} ms`)
  t.strictSame(await outcomes(it, it), { sent: 560, suppressed: 140 })
  const summary = it.meta.summary().datasets[DATASET]
  t.match(summary, { distinct: 560, distinctEventIds: 560 })
  t.ok((summary?.doubled ?? 0) <= 20, 'at most the batch whose answer met a dead process')
})
