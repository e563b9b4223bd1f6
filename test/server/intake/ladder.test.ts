/** Every rung of the webhook's ladder over the wire, and what lies beyond it. */
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { request } from 'undici'
import { demoApp } from '../../simulators/hubspot/start-hubspot.ts'
import { PORTAL, PUBLIC_URL, testApp } from '../../support/app.ts'
import { count } from '../../support/look.ts'
import { post, signedHeaders, stageEvent } from '../../support/post-webhook.ts'

/** Writes raw bytes to the server and returns all it says until it hangs up. */
async function raw(url: string, bytes: string | Buffer, { end = true } = {}): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    let heard = ''
    const socket = connect({ host: hostname, port: Number(port) }, () => {
      socket.write(bytes)
      if (end) socket.end()
    })
    socket.setEncoding('latin1').on('data', (text) => {
      heard += text
    })
    // Whoever is hung up on may still be writing: what counts is what was heard.
    socket.on('error', () => undefined).on('close', () => resolve(heard))
  })
}

const head = (headers: Record<string, string>, length: number) =>
  `POST /webhooks/hubspot HTTP/1.1\r\nhost: x\r\n${Object.entries({ ...headers, 'content-length': String(length) })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}`

t.test('the ladder', async (t) => {
  const it = await testApp(t, {
    hubspot: { app: { clientSecret: 'new-secret' } },
    env: { HUBSPOT_CLIENT_SECRET: `new-secret, ${demoApp.clientSecret}`, BODY_LIMIT_BYTES: '65536' },
  })
  // No such contact exists: what gets in comes to nothing, and only its packet matters here.
  const body = JSON.stringify([stageEvent(999, 'lead')])
  const now = Date.now()
  const slow = raw(it.url, 'POST /webhooks/hubspot HTTP/1.1\r\nhost: x\r\nx-slow: ', { end: false })
  const refused: [title: string, posting: Parameters<typeof post>[2], status: number, code?: string][] = [
    ['another path', { path: '/webhooks/hub' }, 404, 'not_found'],
    ['a CRM that is none', { path: '/webhooks/__proto__' }, 404, 'not_found'],
    ['another method', { method: 'GET' }, 405, 'method_not_allowed'],
    ['a method with a body', { method: 'PUT' }, 405, 'method_not_allowed'],
    ['another content type', { headers: { 'content-type': 'text/plain' } }, 415, 'not_json'],
    ['no content type', { headers: { 'content-type': null } }, 415, 'not_json'],
    ['a compressed body', { headers: { 'content-encoding': 'gzip' } }, 415, 'compressed'],
    ['no signature', { headers: { 'x-hubspot-signature-v3': null } }, 400, 'signature_missing'],
    ['no timestamp', { headers: { 'x-hubspot-request-timestamp': null } }, 400, 'signature_missing'],
    ['an unreadable timestamp', { timestamp: '1.79e12' }, 400, 'signature_malformed'],
    ['a stale timestamp', { timestamp: now - 301_000 }, 401, 'signature_stale'],
    [
      'a future timestamp',
      {
        get timestamp() {
          return Date.now() + 90_000
        },
      },
      401,
      'signature_from_future',
    ],
    ['another secret', { secret: 'other-secret' }, 401, 'signature_wrong'],
    ['no secret', { secret: '' }, 401, 'signature_wrong'],
    ['another body', { signed: `${body} ` }, 401, 'signature_wrong'],
    ['another address', { publicUrl: `${it.url}/webhooks/hubspot` }, 401, 'signature_wrong'],
    [
      'an address with a query, though it is signed',
      { path: '/webhooks/hubspot?a=1', publicUrl: `${PUBLIC_URL}/webhooks/hubspot?a=1` },
      401,
      'not_a_webhook',
    ],
    [
      'a signature of the first version',
      { headers: { 'x-hubspot-signature-v3': null, 'x-hubspot-signature': 'a'.repeat(64) } },
      400,
      'signature_missing',
    ],
    [
      'a header that comes twice',
      { headers: { 'x-hubspot-signature-v3': ['A'.repeat(43), 'A'.repeat(43)].map((text) => `${text}=`) } },
      400,
      'signature_malformed',
    ],
    [
      'a timestamp that comes twice',
      { headers: { 'x-hubspot-request-timestamp': [String(now), String(now)] } },
      400,
      'signature_malformed',
    ],
  ]
  for (const [title, posting, status, code] of refused)
    await t.test(`${title} is refused with ${status}`, async (t) => {
      const reply = await post(it.url, body, posting)
      t.equal(reply.status, status)
      t.equal(reply.body.error, code)
      t.equal(await count(it.db, 'packet'), 0)
    })

  await t.test('a body over the limit is refused with 413, announced or not', async (t) => {
    const large = JSON.stringify([stageEvent(1, 'x'.repeat(70_000))])
    t.equal((await post(it.url, large)).status, 413)
    const { statusCode, body } = await request(`${it.url}/webhooks/hubspot`, {
      method: 'POST',
      headers: signedHeaders(large),
      body: Readable.from(large.match(/.{1,10000}/gs) ?? []),
    })
    await body.dump()
    t.equal(statusCode, 413)
    t.equal(await count(it.db, 'packet'), 0)
  })

  await t.test('a body that is cut short leaves nothing', async (t) => {
    const answer = await raw(it.url, `${head(signedHeaders(body), body.length)}\r\n${body.slice(0, 100)}`)
    t.notMatch(answer, /^HTTP\/1.1 2/)
    t.equal(await count(it.db, 'packet'), 0)
  })

  await t.test('lengths that contradict each other are refused', async (t) => {
    const answer = await raw(it.url, `${head(signedHeaders(body), body.length)}content-length: 5\r\n\r\n${body}`)
    t.match(answer, /^HTTP\/1.1 400/)
  })

  await t.test('a bomb of compressed zeros costs nothing', async (t) => {
    const bomb = gzipSync(Buffer.alloc(20_000_000))
    const { statusCode, body } = await request(`${it.url}/webhooks/hubspot`, {
      method: 'POST',
      headers: { ...signedHeaders(bomb.toString('latin1')), 'content-encoding': 'gzip' },
      body: bomb,
    })
    await body.dump()
    t.equal(statusCode, 415)
  })

  const harmless: [title: string, body: string, reply: Record<string, number>][] = [
    ['text that is no JSON', '[{"eventId":', { accepted: 0, unreadable: 1 }],
    ['nothing', '', { accepted: 0, unreadable: 1 }],
    ['no list', '{"a":1}', { accepted: 0, unreadable: 1 }],
    ['null', 'null', { accepted: 0, unreadable: 1 }],
    ['an empty list', '[]', { accepted: 0, unreadable: 0 }],
    ['things that are no events', '[1,"a",null,[],{}]', { accepted: 0, unreadable: 5 }],
    ['a deep nest', `${'['.repeat(30_000)}${']'.repeat(30_000)}`, { accepted: 0, unreadable: 1 }],
    ['an unknown type', JSON.stringify([stageEvent(1, 'lead', { subscriptionType: 'object.enchanted' })]), { accepted: 0, ignored: 1 }],
    ['an unknown kind of record', JSON.stringify([stageEvent(1, 'lead', { objectTypeId: '0-9999' })]), { accepted: 0, ignored: 1 }],
    ['a stage that was cleared', JSON.stringify([stageEvent(1, '')]), { accepted: 0, ignored: 1 }],
    ['an account that is not connected', JSON.stringify([stageEvent(1, 'lead', { portalId: 1 })]), { accepted: 0, unconnected: 1 }],
    ['another app', JSON.stringify([stageEvent(1, 'lead', { appId: 1 })]), { accepted: 0, ignored: 1 }],
    ['an id that was rounded', JSON.stringify([stageEvent(1, 'lead', { objectId: 1.5e30 })]), { accepted: 0, unreadable: 1 }],
    [
      'keys that poison prototypes',
      `[{"__proto__":{"portalId":${PORTAL},"polluted":1},"constructor":{"prototype":{"polluted":1}}}]`,
      { accepted: 0, unreadable: 1 },
    ],
  ]
  for (const [title, text, reply] of harmless)
    await t.test(`${title}, validly signed, is taken and comes to nothing`, async (t) => {
      const answer = await post(it.url, text)
      t.equal(answer.status, 202)
      t.match(answer.body, reply)
      t.equal(await count(it.db, 'packet'), 0)
      t.equal(({} as Record<string, unknown>).polluted, undefined)
    })

  await t.test('what is beside them in a body is kept all the same', async (t) => {
    const answer = await post(it.url, `[{"__proto__":1},7,${JSON.stringify(stageEvent(998, 'lead'))}]`)
    t.match(answer, { status: 202, body: { accepted: 1, unreadable: 2 } })
    await it.settled()
    t.equal(await count(it.db, 'ledger'), 1)
  })

  await t.test('while the secret is changed both are accepted', async (t) => {
    for (const secret of ['new-secret', demoApp.clientSecret])
      t.match(await post(it.url, body, { secret }), { status: 202, body: { accepted: 1 } })
    t.equal((await post(it.url, body, { secret: `new-secret, ${demoApp.clientSecret}` })).status, 401)
  })

  await t.test('a clock that is a little off is forgiven', async (t) => {
    for (const skew of [-290_000, 50_000]) t.equal((await post(it.url, body, { timestamp: Date.now() + skew })).status, 202)
  })

  await t.test('headers that never end are hung up on', async (t) => {
    const answer = await Promise.race([slow, sleep(60_000, 'still open', { ref: false })])
    t.match(answer, /^HTTP\/1.1 408/)
  })
})
