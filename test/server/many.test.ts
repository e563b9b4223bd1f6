/** Two processes of each role share the work by Redis, each is replaced in its turn under load, and nobody notices. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { DATASET, testApp, until } from '../support/app.ts'
import { startBalancer } from '../support/balancer.ts'
import { count } from '../support/look.ts'
import { post, stageEvent } from '../support/post-webhook.ts'
import { noRedis, startRedis } from '../support/redis.ts'
import { serverProcess } from '../support/server-process.ts'
import { outcomes } from './delivery/sharing.ts'
import { silence } from './resolve/sharing.ts'

const STAGES = ['marketingqualifiedlead', 'opportunity', 'customer']

t.test('a deploy under load is invisible: nothing is lost, doubled or refused', { skip: noRedis }, async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const it = await testApp(t, { launch: false })
  silence(it)
  const prefix = randomUUID()
  const start = async (role: string) => {
    // The balancer is to notice, also on a busy machine.
    const stopDelay: Record<string, string> = role === 'web' ? { STOP_DELAY_MS: '8000' } : {}
    const one = await serverProcess(t, it, () => ({ ROLE: role, REDIS_URL: redis.url, REDIS_PREFIX: prefix, ...stopDelay }))
    await one.start()
    return one
  }
  const [webs, workers] = await Promise.all([Promise.all([start('web'), start('web')]), Promise.all([start('worker'), start('worker')])])
  const balancer = await startBalancer(webs.map(({ url }) => Number(new URL(url).port)))
  t.teardown(() => balancer.close())

  let leads = 0
  let changes = 0
  let over = false
  const refused: string[] = []
  const walking = (async () => {
    while (!over) {
      leads += 1
      const at = Date.now() - 60_000
      const { id } = it.hubspot.create({ type: 'contact', at, properties: { meta_lead_id: String(100_000_000_000_000 + leads) } })
      for (const [index, stage] of STAGES.entries()) {
        const body = [stageEvent(id, stage, { occurredAt: at + 1_000 * (index + 1) })]
        // Connections of their own, as from many senders; one that is refused or cut off is sent again, as CRMs do.
        const send = async () => {
          const reply = await post(balancer.url, body, { headers: { connection: 'close' } }).catch((error: Error) => error)
          if (!(reply instanceof Error) && reply.status === 202) return true
          refused.push(reply instanceof Error ? `${reply.name}: ${reply.message}` : JSON.stringify(reply))
          return false
        }
        while (!(await send()));
        changes += 1
      }
      await sleep(5)
    }
  })()
  for (const one of [...webs, ...workers]) {
    await sleep(500)
    await one.stop()
    await sleep(200)
    await one.start()
  }
  over = true
  await walking
  await until(async () => (await count(it.db, 'packet')) + (await count(it.db, 'outbox')) === 0, 120_000)

  t.strictSame(refused, [], 'no request was refused or cut off')
  t.strictSame(await outcomes(it, it), { sent: changes + leads }, 'every change, and the raw lead of each')
  t.match(it.meta.summary().datasets[DATASET], { received: changes + leads, distinct: changes + leads, doubled: 0 })
  t.same(
    [...webs, ...workers].flatMap((one) => one.complaints()),
    [],
  )
  t.comment(`${changes} changes of ${leads} leads while each of four processes was replaced`)
})
