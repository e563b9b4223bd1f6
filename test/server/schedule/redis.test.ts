import t from 'tap'
import { checkRedis } from '../../../server/command-line/check-redis.ts'
import { insistOnRedis, inspectRedis } from '../../../server/schedule/redis.ts'
import { noRedis, startRedis } from '../../support/redis.ts'

t.test('a Redis that drops keys when it is full, or refuses us, is told of plainly', { skip: noRedis }, async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const check = async (url = redis.url) => (await checkRedis({ redis: { url, prefix: 'test' } }))[0]
  t.match(await inspectRedis(redis.url), { answers: true, problem: undefined })
  await insistOnRedis(redis.url)
  t.match(await check(), { status: 'ok', text: /^version \d/ })

  await redis.command('config', 'set', 'maxmemory-policy', 'allkeys-lru')
  await t.rejects(insistOnRedis(redis.url), { code: 'redis_unfit', userText: /maxmemory-policy is allkeys-lru.*noeviction/ })
  t.match(await check(), { status: 'problem', text: /noeviction/ })
  await redis.command('config', 'set', 'maxmemory-policy', 'noeviction')

  await redis.command('acl', 'setuser', 'someone', 'on', '>right', '~*', '+@all')
  const as = (password: string) => redis.url.replace('//', `//someone:${password}@`)
  await insistOnRedis(as('right'))
  await t.rejects(insistOnRedis(as('wrong')), { code: 'redis_unfit', userText: /refuses the user or password/ })
  t.match(await check(as('wrong')), { status: 'problem' })
})

t.test('a Redis that does not answer may come yet', async (t) => {
  t.same(await inspectRedis('redis://127.0.0.1:1'), { answers: false })
  await insistOnRedis('redis://127.0.0.1:1')
  t.match(await checkRedis({ redis: { url: 'redis://127.0.0.1:1', prefix: 'test' } }), [{ status: 'problem' }])
})

t.test('without one there is nothing to check', async (t) => {
  t.same(await checkRedis({}), [])
})
