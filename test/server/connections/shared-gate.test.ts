import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import type { RateGate } from '../../../server/connections/rate-gate.ts'
import { createSharedGate } from '../../../server/connections/shared-gate.ts'
import { until } from '../../support/app.ts'
import { testDatabase } from '../../support/database.ts'

async function connection(t: Test) {
  const db = await testDatabase(t)
  const { id: workspace_id } = await db.insertInto('workspace').values({ name: 'Test' }).returning('id').executeTakeFirstOrThrow()
  const { id } = await db
    .insertInto('connection')
    .values({ workspace_id, crm: 'hubspot', account_key: '1', state: 'active' })
    .returning('id')
    .executeTakeFirstOrThrow()
  return { db, id }
}

t.test('no span holds more requests than the limit, however many processes make them', async (t) => {
  const { db, id } = await connection(t)
  const limit = { count: 6, perMs: 200, concurrent: 4 }
  const gates = [1, 2, 3].map(() => createSharedGate(db, id, 'default', limit, 60_000))
  const requests: { start: number; end: number }[] = []
  await Promise.all(
    Array.from({ length: 24 }, async (_, number) => {
      const leave = await gates[number % 3]?.enter()
      const start = performance.now()
      await sleep(Math.random() * 10)
      requests.push({ start, end: performance.now() })
      leave?.()
    }),
  )
  t.equal(requests.length, 24)
  for (const first of requests) {
    const together = requests.filter(({ start }) => start >= first.end && start < first.end + limit.perMs - 5)
    t.ok(together.length < limit.count, 'a request counts until its span after its end is over')
  }
})

t.test('limits are counted for each account and bucket', async (t) => {
  const { db, id } = await connection(t)
  const limit = { count: 1, perMs: 60_000, concurrent: 1 }
  const gate = (bucket: string) => createSharedGate(db, id, bucket, limit, 100)
  ;(await gate('search').enter())()
  ;(await gate('default').enter())()
  const error = await gate('search')
    .enter()
    .catch((error) => error)
  t.match(error, { code: 'crm_limit_reached', scope: 'connection' })
  t.ok(error.retry.afterMs > 50_000 && error.retry.afterMs <= 75_000, 'with the time until there is a place')
})

t.test('a pause that one process is told of holds for all, a long one for its first ten seconds', async (t) => {
  const { db, id } = await connection(t)
  const limit = { count: 5, perMs: 100, concurrent: 5 }
  const [told, other] = [1, 2].map(() => createSharedGate(db, id, 'default', limit, 10_000)) as [RateGate, RateGate]
  ;(await other.enter())()
  told.pause(1_000)
  await until(async () => (await db.selectFrom('crm_pace').select('paused_until').executeTakeFirst())?.paused_until != null)
  ;(await other.enter())()
  const over = await sql<{ over: boolean }>`select paused_until <= clock_timestamp() as over from crm_pace`.execute(db)
  t.strictSame(over.rows, [{ over: true }])
  told.pause(60_000)
  told.pause(1)
  const impatient = createSharedGate(db, id, 'default', limit, 100)
  await until(async () => {
    const error = await impatient.enter().then(
      (leave) => leave(),
      (error) => error,
    )
    return error?.code === 'crm_limit_reached' && error.retry.afterMs > 5_000 && error.retry.afterMs <= 10_000
  })
})
