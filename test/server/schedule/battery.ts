/** What every scheduler has to do, whatever it is built on. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { CodedError } from '../../../connectors/errors.ts'
import type { Scheduler } from '../../../server/schedule/scheduler.ts'
import { until } from '../../support/app.ts'

/** Runs that end when they are told to. */
export function gate() {
  const waiting: { key: string; go: () => void }[] = []
  const started: string[] = []
  return {
    started,
    run: async (key: string) => {
      started.push(key)
      await new Promise<void>((go) => waiting.push({ key, go }))
    },
    /** Runs that are going. */
    going: () => waiting.map(({ key }) => key),
    /** Lets the run that began first end, if there is one. */
    open() {
      const first = waiting.shift()
      first?.go()
      return first !== undefined
    },
    untilStarted: (count: number) => until(() => started.length >= count),
  }
}

/** Long enough for whatever should not happen to show itself. */
const aWhile = () => sleep(150)

/** @param create a scheduler of its own for each test, not started */
export function schedulerBattery(t: Test, create: (t: Test) => Scheduler): void {
  const test = (title: string, body: (t: Test, scheduler: Scheduler) => Promise<void>) =>
    t.test(title, async (t) => {
      const scheduler = create(t)
      t.teardown(() => scheduler.stop({ graceMs: 1 }))
      await body(t, scheduler)
    })

  test('nothing runs before the start, and wake-ups of before are not lost', async (t, scheduler) => {
    const { started, run, open, untilStarted } = gate()
    scheduler.register('resolve', run)
    scheduler.wake('resolve', '1')
    scheduler.wake('resolve', '1')
    await aWhile()
    t.same(started, [])
    scheduler.start()
    await untilStarted(1)
    open()
    await aWhile()
    t.same(started, ['1'], 'two wake-ups before a run are one')
  })

  test('wake-ups that arrive while a run is going lead to one more run, never to two at once', async (t, scheduler) => {
    const { started, run, going, open, untilStarted } = gate()
    scheduler.register('resolve', run)
    scheduler.start()
    scheduler.wake('resolve', '1')
    await untilStarted(1)
    for (let n = 0; n < 3; n += 1) scheduler.wake('resolve', '1')
    await aWhile()
    t.same(going(), ['1'])
    open()
    await untilStarted(2)
    t.same(going(), ['1'])
    open()
    await aWhile()
    t.same(started, ['1', '1'])
  })

  test('a wake-up at the very end of a run is not lost', async (t, scheduler) => {
    let wanted = 0
    let seen = 0
    scheduler.register('resolve', async () => {
      seen = wanted
    })
    scheduler.start()
    for (let n = 0; n < 200; n += 1) {
      wanted += 1
      scheduler.wake('resolve', '1')
      // At no particular moment of the run before.
      await sleep(n % 4)
    }
    await until(() => seen === wanted)
    t.equal(seen, 200)
  })

  test('runs of a kind are bounded, and a flood of one kind does not keep out another', async (t, scheduler) => {
    const many = gate()
    const few = gate()
    scheduler.register('many', many.run, { concurrent: 3 })
    scheduler.register('few', few.run, { concurrent: 1 })
    scheduler.start()
    for (let key = 1; key <= 50; key += 1) scheduler.wake('many', String(key))
    for (const key of ['a', 'b']) scheduler.wake('few', key)
    await Promise.all([many.untilStarted(3), few.untilStarted(1)])
    await aWhile()
    t.equal(many.going().length, 3)
    t.same(few.going(), ['a'])
    few.open()
    await few.untilStarted(2)
    t.same(few.going(), ['b'])
    while (many.started.length < 50 || many.going().length > 0) {
      many.open()
      await sleep(1)
    }
    t.equal(new Set(many.started).size, 50)
    few.open()
  })

  test('a run comes again when it asks to, and the earliest of several instants wins', async (t, scheduler) => {
    let runs = 0
    scheduler.register('deliver', async () => {
      runs += 1
      return { again: Date.now() + (runs === 1 ? 5 : 3_600_000) }
    })
    scheduler.start()
    scheduler.wakeAt('deliver', '1', Date.now() + 3_600_000)
    await aWhile()
    t.equal(runs, 0)
    scheduler.wakeAt('deliver', '1', Date.now() + 200)
    scheduler.wakeAt('deliver', '1', Date.now() + 3_600_000)
    await until(() => runs === 2)
    await aWhile()
    t.equal(runs, 2)
  })

  test('who is woken does not wait for a later instant', async (t, scheduler) => {
    let runs = 0
    scheduler.register('deliver', async () => {
      runs += 1
    })
    scheduler.start()
    scheduler.wakeAt('deliver', '1', Date.now() + 3_600_000)
    await aWhile()
    scheduler.wake('deliver', '1')
    await until(() => runs === 1)
    t.equal(runs, 1)
  })

  test('an instant that is set while a run is going is kept', async (t, scheduler) => {
    const { run, open, untilStarted } = gate()
    scheduler.register('deliver', run)
    scheduler.start()
    scheduler.wake('deliver', '1')
    await untilStarted(1)
    scheduler.wakeAt('deliver', '1', Date.now() + 300)
    await aWhile()
    open()
    await untilStarted(2)
    open()
    t.pass()
  })

  test('who asks to rest is not run before, however often it is woken', async (t, scheduler) => {
    const at: number[] = []
    scheduler.register('resolve', async () => {
      at.push(Date.now())
      return at.length === 1 ? { again: Date.now() + 400, rest: true } : {}
    })
    scheduler.start()
    scheduler.wake('resolve', '1')
    await until(() => at.length === 1)
    await aWhile()
    scheduler.wake('resolve', '1')
    await until(() => at.length === 2)
    t.ok((at[1] as number) - (at[0] as number) >= 390, 'the woken run waited')
  })

  test('work to be done regularly runs at the start and again and again', async (t, scheduler) => {
    let runs = 0
    scheduler.register('sweep', async () => {
      runs += 1
      if (runs === 1) throw new CodedError({ code: 'test', retry: { afterMs: 1 }, scope: 'event', userText: 'fails once' })
    })
    scheduler.every('sweep', 'all', 20)
    scheduler.start()
    await until(() => runs >= 4)
    t.ok(runs >= 4)
  })

  test('a run that throws is tried again after a rest, and wake-ups in between wait for it', async (t, scheduler) => {
    const attempts: number[] = []
    scheduler.register('deliver', async () => {
      attempts.push(Date.now())
      if (attempts.length < 2) throw new CodedError({ code: 'throttled', retry: { afterMs: 400 }, scope: 'batch', userText: 'later' })
    })
    scheduler.start()
    scheduler.wake('deliver', '1')
    await until(() => attempts.length === 1)
    await aWhile()
    scheduler.wake('deliver', '1')
    await until(() => attempts.length === 2)
    t.ok((attempts[1] as number) - (attempts[0] as number) >= 390, 'not before the rest is over')
  })

  test('stopping waits for runs that are going and starts no others', async (t, scheduler) => {
    const { started, run, open, untilStarted } = gate()
    scheduler.register('resolve', run, { concurrent: 1 })
    scheduler.start()
    scheduler.wake('resolve', '1')
    await untilStarted(1)
    for (const key of ['1', '2']) scheduler.wake('resolve', key)
    let stopped = false
    const stop = scheduler.stop({ graceMs: 60_000 }).then(() => {
      stopped = true
    })
    await aWhile()
    t.equal(stopped, false)
    open()
    await stop
    t.same(started, ['1'])
  })

  test('runs that outlast the grace are told to end', async (t, scheduler) => {
    let started = false
    let told = false
    scheduler.register('deliver', async (_key, signal) => {
      started = true
      await new Promise<void>((end) => signal.addEventListener('abort', () => end()))
      told = true
      throw new Error('cut short')
    })
    scheduler.start()
    scheduler.wake('deliver', '1')
    await until(() => started)
    await scheduler.stop({ graceMs: 1 })
    t.equal(told, true)
  })

  test('unknown kinds and double registrations are mistakes', async (t, scheduler) => {
    scheduler.register('resolve', async () => undefined)
    t.throws(() => scheduler.register('resolve', async () => undefined), /registered twice/)
    t.throws(() => scheduler.wake('deliver', '1'), /no such kind/)
  })
}
