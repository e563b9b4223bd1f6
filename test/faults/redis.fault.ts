/** Redis is killed and started again empty, emptied, and silent, under load: nothing is lost or doubled, and work goes on. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { testApp } from '../support/app.ts'
import { counted } from '../support/counted.ts'
import { seeded } from '../support/numbers.ts'
import { startProxy } from '../support/proxy.ts'
import { noRedis, startRedis } from '../support/redis.ts'
import { serverProcess } from '../support/server-process.ts'
import { startTraffic, untilDelivered } from './traffic.ts'

const ROUNDS = process.env.FULL ? 20 : 2

t.test('Redis is expendable', { skip: noRedis }, async (t) => {
  const { seed, random } = seeded()
  t.comment(`seed ${seed} (SEED=${seed} repeats it)`)
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const proxy = await startProxy(t, { host: '127.0.0.1', port: redis.port })
  const it = await testApp(t, { launch: false })
  const env = { REDIS_URL: `redis://127.0.0.1:${proxy.port}`, REDIS_PREFIX: 'faults', LOG_LEVEL: 'silent' }
  const web = await serverProcess(t, it, () => ({ ...env, ROLE: 'web' }))
  const workers = await Promise.all([1, 2].map(() => serverProcess(t, it, () => ({ ...env, ROLE: 'worker' }))))
  await Promise.all([web, ...workers].map((one) => one.start()))
  const traffic = startTraffic(t, it, web.url, random)
  await untilDelivered(it)
  const faults: (() => Promise<unknown>)[] = [
    async () => {
      await redis.kill()
      await sleep(random() * 3_000)
      await redis.start()
    },
    () => redis.command('FLUSHALL'),
    async () => {
      proxy.freeze(true)
      const back = untilDelivered(it).finally(() => proxy.freeze(false))
      await back
    },
  ]
  const recoveryMs: number[] = []
  for (let round = 0; round < ROUNDS; round++)
    for (const fault of faults) {
      await sleep(random() * 1_000)
      const from = performance.now()
      await fault()
      await untilDelivered(it)
      recoveryMs.push(performance.now() - from)
    }
  const { repeated: _, ...counts } = await traffic.end()
  counted(t, [3], { runs: recoveryMs.length, kills: ROUNDS, restarts: ROUNDS, ...counts, recoveryMs })
})
