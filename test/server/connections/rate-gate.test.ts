import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createRateGate } from '../../../server/connections/rate-gate.ts'

t.test('no span holds more requests than the limit, and no more run at a time than it allows', async (t) => {
  const limit = { count: 6, perMs: 60, concurrent: 3 }
  const gate = createRateGate(limit, 10_000)
  const requests: { start: number; end: number }[] = []
  let running = 0
  let most = 0
  await Promise.all(
    Array.from({ length: 25 }, async () => {
      const leave = await gate.enter()
      most = Math.max(most, ++running)
      const start = performance.now()
      await sleep(Math.random() * 10)
      running--
      requests.push({ start, end: performance.now() })
      leave()
    }),
  )
  t.equal(requests.length, 25)
  t.equal(most, 3)
  for (const first of requests) {
    const together = requests.filter(({ start }) => start >= first.end && start < first.end + limit.perMs - 1)
    t.ok(together.length < limit.count, 'a request counts until its span after its end is over')
  }
})

t.test('who comes first goes first', async (t) => {
  const gate = createRateGate({ count: 100, perMs: 1, concurrent: 1 }, 10_000)
  const order: number[] = []
  await Promise.all(
    [1, 2, 3, 4, 5].map(async (number) => {
      const leave = await gate.enter()
      order.push(number)
      leave()
    }),
  )
  t.same(order, [1, 2, 3, 4, 5])
})

t.test('who would have to wait too long is told how long', async (t) => {
  const gate = createRateGate({ count: 1, perMs: 60_000, concurrent: 1 }, 50)
  ;(await gate.enter())()
  const error = await gate.enter().then(
    () => t.fail('it has no place'),
    (error) => error,
  )
  t.match(error, { code: 'crm_limit_reached', scope: 'connection' })
  t.ok(error.retry.afterMs > 50_000 && error.retry.afterMs <= 60_000)
})

t.test('requests that never end make the others give up', async (t) => {
  const gate = createRateGate({ count: 10, perMs: 1, concurrent: 1 }, 20)
  await gate.enter()
  await t.rejects(gate.enter(), { code: 'crm_limit_reached' })
})

t.test('a pause holds everybody up, those who cannot wait for its end are refused at once', async (t) => {
  const patient = createRateGate({ count: 10, perMs: 1, concurrent: 5 }, 10_000)
  patient.pause(30)
  const entering = patient.enter().then(() => 'inside')
  t.equal(await Promise.race([entering, sleep(0, 'outside')]), 'outside')
  t.equal(await entering, 'inside')

  const hasty = createRateGate({ count: 10, perMs: 1, concurrent: 1 }, 10_000)
  const leave = await hasty.enter()
  const waiting = hasty.enter()
  hasty.pause(3_600_000)
  leave()
  await t.rejects(waiting, { code: 'crm_limit_reached' })
  await t.rejects(hasty.enter(), { code: 'crm_limit_reached' })
})

t.test('leaving twice frees one place only', async (t) => {
  const gate = createRateGate({ count: 10, perMs: 60_000, concurrent: 1 }, 20)
  const leave = await gate.enter()
  leave()
  leave()
  await gate.enter()
  await t.rejects(gate.enter(), { code: 'crm_limit_reached' })
})
