import t, { type Test } from 'tap'
import { createHttp, type HttpOptions } from '../../../server/connections/http.ts'
import { type Exchange, listen } from '../../simulators/listen.ts'
import type { Misbehaviour } from '../../simulators/misbehaviour.ts'

t.test('bodies go as JSON or as a form, answers come back whatever their status', async (t) => {
  const { http, url, seen } = await setUp(t)
  const reply = await http({ method: 'POST', url: `${url}/a`, query: { q: 'ä b' }, headers: { 'x-test': '1' }, json: { name: 'ü' } })
  t.match(reply, { status: 418, headers: { 'x-answer': 'yes' }, text: 'short and stout' })
  await http({ method: 'POST', url: `${url}/b`, form: { grant_type: 'refresh token', x: '&' } })
  await http({ method: 'GET', url: `${url}/c` })
  t.match(seen, [
    { path: '/a', headers: { 'content-type': 'application/json', 'x-test': '1' }, body: '{"name":"ü"}' },
    { path: '/b', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'grant_type=refresh+token&x=%26' },
    { path: '/c', headers: { 'content-type': undefined }, body: '' },
  ])
  t.equal(seen[0]?.query.get('q'), 'ä b')
})

t.test('no whole answer is a network error, which says neither where to nor what', async (t) => {
  const { http, url, misbehave } = await setUp(t, { timeoutMs: 150, maxAnswerBytes: 1000 })
  const secret = 'canary-4711'
  const request = () =>
    http({ method: 'POST', url: `${url}/x`, query: { secret }, headers: { authorization: secret }, form: { secret } }).then(
      () => t.fail('it has no answer'),
      (error) => error,
    )
  const rules: Misbehaviour[] = [{ how: 'silence' }, { how: 'drop' }, { how: 'answer', status: 200, text: 'x'.repeat(2000) }]
  for (const rule of rules) {
    misbehave(rule)
    const error = await request()
    t.match(error, { code: 'network', retry: 'later', scope: 'connection' }, rule.how)
    t.notMatch(JSON.stringify([error, error.message, error.stack, error.cause]), secret)
  }
})

t.test('where nobody listens, that is the reason given', async (t) => {
  const { http, url, close } = await setUp(t)
  await close()
  await t.rejects(http({ method: 'GET', url }), { code: 'network', message: 'network: ECONNREFUSED' })
})

async function setUp(t: Test, options: HttpOptions = {}) {
  const seen: (Omit<Exchange, 'body'> & { body: string })[] = []
  const server = await listen({
    commands: {},
    unhandled: () => undefined,
    handle: (exchange) => {
      seen.push({ ...exchange, body: exchange.body.toString() })
      return { status: 418, headers: { 'x-answer': 'yes' }, text: 'short and stout' }
    },
  })
  const client = createHttp(options)
  t.teardown(async () => {
    await client.close()
    await server.close()
  })
  return {
    http: client.http,
    url: server.url,
    seen,
    close: server.close,
    misbehave: (rule: Misbehaviour) => server.misbehaviours.add(rule),
  }
}
