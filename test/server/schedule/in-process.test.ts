import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { CodedError } from '../../../connectors/errors.ts'
import { createLog } from '../../../server/log.ts'
import { createInProcessScheduler, restAfter } from '../../../server/schedule/in-process.ts'

const log = createLog({ level: 'silent' })

/** A run that ends when it is told to. */
function gate() {
  const waiting: (() => void)[] = []
  const started: string[] = []
  let arrived = Promise.withResolvers<void>()
  return {
    started,
    run: async (key: string) => {
      started.push(key)
      arrived.resolve()
      await new Promise<void>((go) => waiting.push(go))
    },
    /** Lets the run that began first end, and waits until others had the chance to begin. */
    async open() {
      waiting.shift()?.()
      await sleep(1)
    },
    async untilStarted(count: number) {
      while (started.length < count) {
        await arrived.promise
        arrived = Promise.withResolvers<void>()
      }
    },
  }
}

t.test('nothing runs before the start, and wake-ups of before are not lost', async (t) => {
  const scheduler = createInProcessScheduler({ log })
  const { started, run, open } = gate()
  scheduler.register('resolve', run)
  scheduler.wake('resolve', '1')
  scheduler.wake('resolve', '1')
  await sleep(1)
  t.same(started, [])
  scheduler.start()
  t.same(started, ['1'])
  await open()
  t.same(started, ['1'], 'two wake-ups before a run are one')
  await scheduler.stop({ graceMs: 1_000 })
})

t.test('wake-ups that arrive while a run is going lead to one more run, never to two at once', async (t) => {
  const scheduler = createInProcessScheduler({ log })
  const { started, run, open } = gate()
  scheduler.register('resolve', run)
  scheduler.start()
  scheduler.wake('resolve', '1')
  scheduler.wake('resolve', '1')
  scheduler.wake('resolve', '1')
  await sleep(1)
  t.same(started, ['1'])
  await open()
  t.same(started, ['1', '1'])
  await open()
  t.same(started, ['1', '1'])
  await scheduler.stop({ graceMs: 1_000 })
})

t.test('runs are bounded in all and for a kind, and kinds take turns', async (t) => {
  const scheduler = createInProcessScheduler({ log, concurrent: 3 })
  const many = gate()
  const few = gate()
  scheduler.register('many', many.run)
  scheduler.register('few', few.run, { concurrent: 1 })
  for (const key of ['1', '2', '3', '4', '5']) scheduler.wake('many', key)
  for (const key of ['a', 'b']) scheduler.wake('few', key)
  scheduler.start()
  t.same([many.started, few.started], [['1', '2'], ['a']])
  await many.open()
  t.same([many.started, few.started], [['1', '2', '3'], ['a']], 'the second of few waits for the first')
  await few.open()
  t.same(
    [many.started, few.started],
    [
      ['1', '2', '3'],
      ['a', 'b'],
    ],
    'it is the turn of few',
  )
  await many.open()
  t.same(
    [many.started, few.started],
    [
      ['1', '2', '3', '4'],
      ['a', 'b'],
    ],
  )
  const stopped = scheduler.stop({ graceMs: 1_000 })
  for (let n = 0; n < 3; n += 1) await Promise.all([many.open(), few.open()])
  await stopped
})

t.test('a run comes again when it asks to, and the earliest of several instants wins', async (t) => {
  const scheduler = createInProcessScheduler({ log })
  const runs: string[] = []
  const twice = Promise.withResolvers<void>()
  scheduler.register('deliver', async (key) => {
    runs.push(key)
    if (runs.length === 1) return { again: Date.now() + 5 }
    twice.resolve()
    return { again: Date.now() + 3_600_000 }
  })
  scheduler.start()
  scheduler.wakeAt('deliver', '1', Date.now() + 3_600_000)
  scheduler.wakeAt('deliver', '1', Date.now() + 5)
  scheduler.wakeAt('deliver', '1', Date.now() + 3_600_000)
  await twice.promise
  t.same(runs, ['1', '1'])
  await scheduler.stop({ graceMs: 1_000 })
})

t.test('work to be done regularly runs at the start and again and again', async (t) => {
  const scheduler = createInProcessScheduler({ log })
  let runs = 0
  const thrice = Promise.withResolvers<void>()
  scheduler.register('sweep', async () => {
    runs += 1
    if (runs === 3) thrice.resolve()
    if (runs === 1) throw new CodedError({ code: 'test', retry: { afterMs: 1 }, scope: 'event', userText: 'fails once' })
  })
  scheduler.every('sweep', 'all', 1)
  scheduler.start()
  await thrice.promise
  await scheduler.stop({ graceMs: 1_000 })
  t.ok(runs >= 3)
})

t.test('a run that throws is tried again after a rest, and wake-ups in between wait for it', async (t) => {
  const scheduler = createInProcessScheduler({ log })
  const attempts: number[] = []
  const done = Promise.withResolvers<void>()
  scheduler.register('deliver', async () => {
    attempts.push(Date.now())
    if (attempts.length === 2) done.resolve()
    else throw new CodedError({ code: 'throttled', retry: { afterMs: 50 }, scope: 'batch', userText: 'later' })
  })
  scheduler.start()
  scheduler.wake('deliver', '1')
  await sleep(1)
  scheduler.wake('deliver', '1')
  t.equal(attempts.length, 1, 'no hammering')
  await done.promise
  t.ok((attempts[1] as number) - (attempts[0] as number) >= 50, 'not before the rest is over')
  await scheduler.stop({ graceMs: 1_000 })
})

t.test('the rest doubles from one second to a minute', async (t) => {
  t.same([1, 2, 3, 6, 7, 50, 5_000].map(restAfter), [1_000, 2_000, 4_000, 32_000, 60_000, 60_000, 60_000])
})

t.test('stopping waits for runs that are going and starts no others', async (t) => {
  const scheduler = createInProcessScheduler({ log, concurrent: 1 })
  const { started, run, open } = gate()
  scheduler.register('resolve', run)
  scheduler.start()
  for (const key of ['1', '1', '2']) scheduler.wake('resolve', key)
  let stopped = false
  const stop = scheduler.stop({ graceMs: 60_000 }).then(() => {
    stopped = true
  })
  scheduler.wake('resolve', '3')
  await sleep(5)
  t.equal(stopped, false)
  await open()
  await stop
  t.same(started, ['1'])
})

t.test('runs that outlast the grace are told to end', async (t) => {
  const scheduler = createInProcessScheduler({ log })
  let told = false
  scheduler.register('deliver', async (_key, signal) => {
    await new Promise<void>((end) => signal.addEventListener('abort', () => end()))
    told = true
    throw new Error('cut short')
  })
  scheduler.start()
  scheduler.wake('deliver', '1')
  await scheduler.stop({ graceMs: 1 })
  t.equal(told, true)
})

t.test('unknown kinds and double registrations are mistakes', async (t) => {
  const scheduler = createInProcessScheduler({ log })
  scheduler.register('resolve', async () => undefined)
  t.throws(() => scheduler.register('resolve', async () => undefined), /registered twice/)
  t.throws(() => scheduler.wake('deliver', '1'), /no such kind/)
})
