import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createLog } from '../../../server/log.ts'
import { createInProcessScheduler } from '../../../server/schedule/in-process.ts'
import { restAfter } from '../../../server/schedule/rest.ts'
import { gate, schedulerBattery } from './battery.ts'

const log = createLog({ level: 'silent' })

schedulerBattery(t, () => createInProcessScheduler({ log }))

t.test('runs are bounded in all and for a kind, and kinds take turns', async (t) => {
  const scheduler = createInProcessScheduler({ log, concurrent: 3 })
  const many = gate()
  const few = gate()
  const next = async ({ open }: ReturnType<typeof gate>) => {
    open()
    await sleep(1)
  }
  scheduler.register('many', many.run)
  scheduler.register('few', few.run, { concurrent: 1 })
  for (const key of ['1', '2', '3', '4', '5']) scheduler.wake('many', key)
  for (const key of ['a', 'b']) scheduler.wake('few', key)
  t.match(await scheduler.depths(), [
    { kind: 'many', waiting: 5 },
    { kind: 'few', waiting: 2 },
  ])
  scheduler.start()
  t.same([many.started, few.started], [['1', '2'], ['a']])
  await next(many)
  t.same([many.started, few.started], [['1', '2', '3'], ['a']], 'the second of few waits for the first')
  await next(few)
  t.same(few.started, ['a', 'b'], 'it is the turn of few')
  await next(many)
  t.same(many.started, ['1', '2', '3', '4'])
  const stopped = scheduler.stop({ graceMs: 1_000 })
  for (let n = 0; n < 3; n += 1) await Promise.all([next(many), next(few)])
  await stopped
})

t.test('the rest after failures doubles from one second to a minute', async (t) => {
  t.same([1, 2, 3, 6, 7, 50, 5_000].map(restAfter), [1_000, 2_000, 4_000, 32_000, 60_000, 60_000, 60_000])
})
