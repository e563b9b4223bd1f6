import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createLog } from '../../../server/log.ts'
import { type BullOptions, createBullScheduler } from '../../../server/schedule/bull.ts'
import { until } from '../../support/app.ts'
import { startProxy } from '../../support/proxy.ts'
import { noRedis, type RedisServer, startRedis } from '../../support/redis.ts'
import { gate, schedulerBattery } from './battery.ts'

const log = createLog({ level: 'silent' })

t.test('Bull on Redis', { skip: noRedis }, async (t) => {
  const redis: RedisServer = await startRedis(['--appendonly', 'yes'])
  t.teardown(() => redis.stop())
  const create = (t: Test, options: Partial<BullOptions> = {}) => {
    const scheduler = createBullScheduler({ url: redis.url, log, prefix: randomUUID(), ...options })
    t.teardown(() => scheduler.stop({ graceMs: 100 }))
    return scheduler
  }
  const proxied = async (t: Test) => {
    const proxy = await startProxy(t, { host: '127.0.0.1', port: redis.port })
    return { proxy, url: `redis://127.0.0.1:${proxy.port}` }
  }
  schedulerBattery(t, create)

  t.test('several processes share the work: a key never runs twice at once, and no wake-up is lost', async (t) => {
    const prefix = randomUUID()
    const running = new Map<string, number>()
    const wanted = new Map<string, number>()
    const seen = new Map<string, number>()
    const by: number[] = []
    let most = 0
    const all = [0, 1, 2].map((number) => {
      const scheduler = create(t, { prefix })
      scheduler.register('resolve', async (key) => {
        running.set(key, (running.get(key) ?? 0) + 1)
        most = Math.max(most, running.get(key) ?? 0)
        by[number] = (by[number] ?? 0) + 1
        const version = wanted.get(key) ?? 0
        await sleep(Number(key) % 3)
        seen.set(key, version)
        running.set(key, (running.get(key) ?? 0) - 1)
      })
      scheduler.start()
      return scheduler
    })
    for (let n = 0; n < 2_000; n += 1) {
      const key = String(n % 37)
      wanted.set(key, n)
      all[n % 3]?.wake('resolve', key)
      if (n % 20 === 0) await sleep(1)
    }
    await until(() => [...wanted].every(([key, version]) => seen.get(key) === version))
    // One may have come when all was done.
    await until(() => {
      for (let key = 0; key < 37; key += 1) all[0]?.wake('resolve', String(key))
      return by.filter((runs) => runs > 0).length === 3
    })
    t.equal(most, 1)
  })

  t.test('what runs regularly does so once for all processes', async (t) => {
    const prefix = randomUUID()
    let runs = 0
    for (let n = 0; n < 3; n += 1) {
      const scheduler = create(t, { prefix })
      scheduler.register('sweep', async () => {
        runs += 1
      })
      scheduler.every('sweep', 'all', 1_000)
      scheduler.start()
    }
    const started = performance.now()
    await until(() => runs >= 7)
    const seconds = (performance.now() - started) / 1_000
    t.ok(runs <= seconds + 4, `${runs} runs in ${seconds} s: one a second, and one for each process that starts`)
  })

  t.test('who only wakes runs nothing', async (t) => {
    const prefix = randomUUID()
    const web = create(t, { prefix, works: false })
    const worker = create(t, { prefix })
    const by: string[] = []
    web.register('resolve', async () => void by.push('web'))
    web.every('resolve', 'all', 10)
    worker.register('resolve', async () => void by.push('worker'))
    web.start()
    web.wake('resolve', '1')
    await until(async () => (await web.depths())?.[0]?.waiting === 1)
    worker.start()
    await until(() => by.length === 1)
    t.same(by, ['worker'])
  })

  t.test('the run of a process that has died is run by another, however often it happens', async (t) => {
    const prefix = randomUUID()
    for (let death = 0; death < 2; death += 1) {
      const { proxy, url } = await proxied(t)
      const dying = create(t, { prefix, url })
      let begun = false
      dying.register('deliver', async () => {
        begun = true
        await new Promise(() => undefined)
      })
      dying.start()
      dying.wake('deliver', '1')
      await until(() => begun)
      await proxy.cut()
    }
    const other = create(t, { prefix })
    let run = false
    other.register('deliver', async () => {
      run = true
    })
    other.start()
    await until(() => run)
    t.ok(run)
  })

  t.test('a process that cannot work leaves all to the others, keeps nobody waiting, and takes part again when it can', async (t) => {
    const prefix = randomUUID()
    let broken = false
    const by: string[] = []
    const failing = create(t, { prefix, able: async () => !broken })
    const other = create(t, { prefix })
    failing.register('deliver', async () => {
      if (broken) throw new Error('no database')
      by.push('failing')
    })
    other.register('deliver', async () => void by.push('other'))
    const wakeAll = () => {
      for (let key = 0; key < 50; key += 1) failing.wake('deliver', String(key))
    }
    failing.start()
    wakeAll()
    await until(() => by.length === 50)
    broken = true
    wakeAll()
    other.start()
    await until(() => by.length === 100)
    t.same(new Set(by.slice(50)), new Set(['other']))
    // It holds on to nothing.
    await until(async () => (await failing.depths()) === undefined)
    await until(async () => (await other.depths())?.[0]?.running === 0)
    await other.stop({ graceMs: 1_000 })
    wakeAll()
    broken = false
    await until(() => by.length === 150)
    t.same(new Set(by.slice(100)), new Set(['failing']))
  })

  t.test('while Redis is away every process works by itself, and together again when it is back', async (t) => {
    const { proxy, url } = await proxied(t)
    const scheduler = create(t, { url })
    const { started, run, open, untilStarted } = gate()
    let sweeps = 0
    scheduler.register('resolve', run)
    scheduler.register('sweep', async () => {
      sweeps += 1
    })
    scheduler.every('sweep', 'all', 50)
    scheduler.start()
    await until(() => sweeps > 2)
    await proxy.cut()
    const before = sweeps
    await until(() => sweeps > before + 2)
    scheduler.wake('resolve', '1')
    await untilStarted(1)
    open()
    t.equal(await scheduler.depths(), undefined)
    for (let n = 0; n < 10_000; n += 1) scheduler.wake('resolve', '2')
    await untilStarted(2)
    open()
    const runs = started.length
    await proxy.mend()
    // Of both keys Redis has not been told.
    await untilStarted(runs + 2)
    t.ok(await scheduler.depths())
    const after = sweeps
    await until(() => sweeps > after + 2)
    while (open()) await sleep(1)
  })

  t.test('a Redis that has gone silent is as good as away', async (t) => {
    const { proxy, url } = await proxied(t)
    const scheduler = create(t, { url })
    let runs = 0
    scheduler.register('resolve', async () => {
      runs += 1
    })
    scheduler.start()
    scheduler.wake('resolve', '1')
    await until(() => runs === 1)
    proxy.freeze(true)
    await until(() => {
      scheduler.wake('resolve', '1')
      return runs > 1
    })
    proxy.freeze(false)
    await until(async () => (await scheduler.depths()) !== undefined)
    const before = runs
    scheduler.wake('resolve', '1')
    await until(() => runs > before)
    t.pass()
  })

  t.test('killed and started again, emptied: work resumes within seconds', async (t) => {
    const scheduler = create(t)
    let runs = 0
    let sweeps = 0
    scheduler.register('resolve', async () => {
      runs += 1
    })
    scheduler.register('sweep', async () => {
      sweeps += 1
    })
    scheduler.every('sweep', 'all', 100)
    scheduler.start()
    for (const harm of [() => redis.command('flushall'), () => redis.kill().then(() => redis.start())]) {
      await until(() => sweeps > 2)
      await harm()
      ;[runs, sweeps] = [0, 0]
      await until(() => sweeps > 2)
      scheduler.wake('resolve', '1')
      await until(() => runs > 0)
      await until(async () => (await scheduler.depths()) !== undefined)
    }
    t.pass()
  })

  t.test('Redis holds no more than its keys have work, however often they are woken', async (t) => {
    const prefix = randomUUID()
    await redis.command('flushall')
    const scheduler = create(t, { prefix })
    let runs = 0
    scheduler.register('resolve', async () => {
      runs += 1
      return { again: Date.now() + 3_600_000 }
    })
    scheduler.start()
    scheduler.wake('resolve', '0')
    await until(() => runs === 1)
    const used = async () => Number(/used_memory:(\d+)/.exec(String(await redis.command('info', 'memory')))?.[1])
    const before = await used()
    let most = 0
    for (let n = 0; n < 100_000; n += 1) {
      scheduler.wake('resolve', String(n % 1_000))
      if (n % 1_000 === 0) await sleep(1)
      if (n % 10_000 === 0) most = Math.max(most, Number(await redis.command('dbsize')))
    }
    await until(async () => {
      const [depth] = (await scheduler.depths()) ?? []
      return depth?.waiting === 0 && depth.running === 0 && depth.later === 1_000
    }, 60_000)
    const keys = Number(await redis.command('dbsize'))
    const bytes = (await used()) - before
    t.comment(`${keys} keys, at most ${most}, ${Math.round(bytes / 1_000)} bytes for each key of work, after ${runs} runs`)
    t.ok(keys < 1_020, `${keys} keys for 1,000 keys of work`)
    t.ok(bytes < 2_000_000, `${bytes} bytes`)
  })
})
