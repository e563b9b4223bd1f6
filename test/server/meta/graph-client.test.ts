import { createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { appSecretProof } from '../../../connectors/graph/app-secret-proof.ts'
import { GRAPH_API } from '../../../connectors/graph/version.ts'
import { createGraphClient, type GraphClientOptions } from '../../../server/meta/graph-client.ts'
import { type Meta, startMeta } from '../../simulators/meta/start-meta.ts'

const TOKEN = 'EAAcanaryTokenThatMustNeverShow'
const DATASET = '1234567890123456'

t.test('events arrive with their lead ids whole, the token in the header and the partner agent beside them', async (t) => {
  const { meta, client } = await setUp(t, { partnerAgent: 'pleadstage' })
  const result = await client.sendEvents(DATASET, TOKEN, [event(1), event(2)], { testEventCode: 'TEST1' })
  t.match(result, { kind: 'accepted', sent: 2, received: 2, messages: [], usage: { percent: 0 } })
  t.match(meta.events(), [
    { eventId: 'event-1', leadId: '12345678901234001', leadIdForm: 'integer' },
    { eventId: 'event-2', leadId: '12345678901234002', leadIdForm: 'integer' },
  ])
  t.match(meta.requests(), [
    { version: GRAPH_API.version, dataset: DATASET, tokenVia: 'header', partnerAgent: 'pleadstage', testEventCode: 'TEST1' },
  ])
})

t.test('without options the body holds nothing but the events', async (t) => {
  const { url, heard } = await rawServer(t, () => 'HTTP/1.1 200 OK\r\ncontent-length: 21\r\n\r\n{"events_received":1}')
  const client = graphClient(t, { baseUrl: url })
  t.match(await client.sendEvents(DATASET, TOKEN, ['{"a":1}']), { kind: 'accepted' })
  const [head = '', body] = heard().split('\r\n\r\n')
  t.equal(body, '{"data":[{"a":1}]}')
  t.match(head, `POST /${GRAPH_API.version}/${DATASET}/events HTTP/1.1`)
  t.notMatch(head.split('\r\n')[0], TOKEN, 'the URL holds no token')
})

t.test('the proof of the app secret is sent where a secret is known', async (t) => {
  t.equal(appSecretProof('app_secret_example', 'EAAexampletoken'), '522e1b8d67a703df15a215d9a328f997dade124c0ee3a40d0decbbd5b96e42f9')
  const { url, heard } = await rawServer(t, () => 'HTTP/1.1 200 OK\r\ncontent-length: 21\r\n\r\n{"events_received":1}')
  const client = graphClient(t, { baseUrl: url })
  await client.sendEvents(DATASET, 'EAAexampletoken', ['{}'], { appSecret: 'app_secret_example' })
  t.match(heard(), `/events?appsecret_proof=522e1b8d67a703df15a215d9a328f997dade124c0ee3a40d0decbbd5b96e42f9 HTTP/1.1`)
})

t.test('a success that counts fewer events, or none at all, is short', async (t) => {
  const { meta, client } = await setUp(t)
  meta.misbehave({ how: 'short', lose: 1 })
  t.match(await client.sendEvents(DATASET, TOKEN, [event(1), event(2)]), { kind: 'short', sent: 2, received: 1 })
  for (const text of ['', '{}', '{"events_received":"2"}', '{"events_recei']) {
    meta.misbehave({ how: 'answer', status: 200, text })
    const result = await client.sendEvents(DATASET, TOKEN, [event(1), event(2)])
    t.match(result, { kind: 'short', sent: 2, received: undefined }, text)
  }
})

t.test('refusals come back classified, with what the headers say', async (t) => {
  const { meta, client } = await setUp(t)
  meta.fail({ code: 80004, subcode: 2446079, minutes: 5 })
  t.match(await client.sendEvents(DATASET, TOKEN, [event(1)]), {
    kind: 'refused',
    error: { class: 'throttle', waitMs: 300_000 },
    usage: { percent: 100, regainMs: 300_000 },
  })
  meta.breakToken({ token: TOKEN, subcode: 460 })
  t.match(await client.sendEvents(DATASET, TOKEN, [event(1)]), { kind: 'refused', error: { class: 'reconnect', code: 190, subcode: 460 } })
  meta.behave()
  meta.poison({ eventId: 'event-2' })
  t.match(await client.sendEvents(DATASET, TOKEN, [event(1), event(2)]), {
    kind: 'refused',
    error: { class: 'payload', fields: ['data.1'] },
  })
  t.match(await client.sendEvents('999', TOKEN, [event(1)]), { kind: 'refused', error: { class: 'configuration', subcode: 33 } })
  t.match(await client.sendEvents(DATASET, TOKEN, [event(1, { event_time: 1 })]), {
    kind: 'refused',
    error: { class: 'payload', subcode: 2804003 },
  })
  meta.fail({ code: 2 })
  t.match(await client.sendEvents(DATASET, TOKEN, [event(1)]), { kind: 'refused', error: { class: 'retry' } })
})

t.test('a page of HTML is never a success', async (t) => {
  const { meta, client } = await setUp(t)
  for (const status of [200, 400, 502]) {
    meta.misbehave({ how: 'answer', status, headers: { 'content-type': 'text/html' }, text: '<html>Sorry</html>' })
    t.match(await client.sendEvents(DATASET, TOKEN, [event(1)]), { kind: 'refused', error: { class: 'retry' } }, String(status))
  }
})

t.test('an error inside a success is a refusal', async (t) => {
  const { meta, client } = await setUp(t)
  meta.misbehave({ how: 'answer', status: 200, json: { error: { code: 4, message: 'limit' } } })
  t.match(await client.sendEvents(DATASET, TOKEN, [event(1)]), { kind: 'refused', error: { class: 'throttle' } })
})

t.test('silence after the body was sent may mean a double, and is said', async (t) => {
  const { meta, client } = await setUp(t)
  const hasty = graphClient(t, { baseUrl: meta.url, timeoutMs: 1_500 })
  meta.misbehave({ how: 'silence' })
  t.match(await hasty.sendEvents(DATASET, TOKEN, [event(1)]), { kind: 'silent', bodySent: true })
  meta.misbehave({ how: 'drop' })
  t.match(await client.sendEvents(DATASET, TOKEN, [event(1)]), { kind: 'silent', bodySent: true, reason: 'UND_ERR_SOCKET' })
  t.match(await client.sendEvents(DATASET, TOKEN, [event(1)]), { kind: 'accepted' }, 'the next request finds a fresh connection')
})

t.test('where no connection was made, the body was not sent', async (t) => {
  const { url, close } = await rawServer(t, () => '')
  await close()
  const client = graphClient(t, { baseUrl: url })
  t.match(await client.sendEvents(DATASET, TOKEN, [event(1)]), { kind: 'silent', bodySent: false, reason: 'ECONNREFUSED' })
})

t.test('an answer that trickles, stops half way or never ends is cut off', async (t) => {
  const head = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n'
  const halves = await rawServer(t, () => `${head}content-length: 500\r\n\r\n{"events_received":`)
  const client = graphClient(t, { baseUrl: halves.url, timeoutMs: 1_500 })
  t.match(await client.sendEvents(DATASET, TOKEN, [event(1)]), { kind: 'silent', bodySent: true })

  const endless = await rawServer(t, (socket) => {
    const filler = setInterval(() => socket.write('x'), 20)
    socket.on('close', () => clearInterval(filler))
    return `${head}content-length: 999999\r\n\r\n`
  })
  const patient = graphClient(t, { baseUrl: endless.url, timeoutMs: 1_500 })
  t.match(await patient.sendEvents(DATASET, TOKEN, [event(1)]), { kind: 'silent', bodySent: true })

  const huge = await rawServer(t, () => `${head}content-length: 3000000\r\n\r\n${'x'.repeat(3_000_000)}`)
  const bounded = graphClient(t, { baseUrl: huge.url, timeoutMs: 5000 })
  t.match(await bounded.sendEvents(DATASET, TOKEN, [event(1)]), { kind: 'silent', reason: 'UND_ERR_RES_EXCEEDED_MAX_SIZE' })
})

t.test('a token that Meta repeats is cut out, and nothing that is logged or returned holds it', async (t) => {
  const lines: unknown[] = []
  const { meta, client } = await setUp(t, { log: { warn: (...line: unknown[]) => lines.push(line) } })
  const results: unknown[] = []
  meta.misbehave({
    how: 'answer',
    status: 400,
    headers: { 'x-ad-api-version-warning': 'The call has been auto-upgraded' },
    json: { error: { code: 190, message: `Malformed access token ${TOKEN}`, error_user_msg: `Bad: EAAanotherOne0123456789` } },
  })
  results.push(await client.sendEvents(DATASET, TOKEN, [event(1)]))
  t.match(results[0], { error: { message: 'Bad: [token]' } })
  meta.misbehave({ how: 'drop' })
  results.push(await client.sendEvents(DATASET, TOKEN, [event(1)]))
  t.notMatch(JSON.stringify([results, lines]), /canaryToken|anotherOne/)
})

t.test('a warning about the API version is logged once', async (t) => {
  const lines: unknown[] = []
  const { meta, client } = await setUp(t, { log: { warn: (...line: unknown[]) => lines.push(line) } })
  const headers = { 'x-ad-api-version-warning': 'The call has been auto-upgraded to v27.0' }
  meta.misbehave({ how: 'answer', status: 200, headers, json: { events_received: 1 }, times: 2 })
  await client.sendEvents(DATASET, TOKEN, [event(1)])
  await client.sendEvents(DATASET, TOKEN, [event(1)])
  t.match(lines, [[{ warning: 'The call has been auto-upgraded to v27.0' }]])
  t.equal(lines.length, 1)
})

t.test('a dataset can be looked at without sending anything', async (t) => {
  const { meta, client } = await setUp(t)
  t.match(await client.probeDataset(DATASET, TOKEN), { kind: 'found', id: DATASET, name: 'My leads' })
  t.match(await client.probeDataset('999', TOKEN), { kind: 'refused', error: { class: 'configuration' } })
  t.match(await client.probeDataset(DATASET, 'EAAwrong'), { kind: 'refused', error: { class: 'reconnect' } })
  meta.misbehave({ how: 'drop' })
  t.match(await client.probeDataset(DATASET, TOKEN), { kind: 'silent' })
  t.same(meta.requests(), [])
})

function event(number: number, fields: Record<string, unknown> = {}): string {
  const body = {
    event_name: 'Raw Lead',
    event_time: Math.floor(Date.now() / 1000) - 60,
    event_id: `event-${number}`,
    action_source: 'system_generated',
    user_data: { lead_id: '#' },
    custom_data: { event_source: 'crm', lead_event_source: 'HubSpot' },
    ...fields,
  }
  return JSON.stringify(body).replace('"#"', `12345678901234${String(number).padStart(3, '0')}`)
}

async function setUp(t: Test, options: Partial<GraphClientOptions> = {}) {
  const meta: Meta = await startMeta({ datasets: [{ id: DATASET, name: 'My leads', tokens: [TOKEN] }] })
  t.teardown(() => meta.close())
  return { meta, client: graphClient(t, { baseUrl: meta.url, ...options }) }
}

function graphClient(t: Test, options: Partial<GraphClientOptions> & { baseUrl: string }) {
  const client = createGraphClient({ version: GRAPH_API.version, timeoutMs: 5000, log: { warn: () => undefined }, ...options })
  t.teardown(() => client.close())
  return client
}

/** A TCP peer that answers the first bytes of each request with whatever it is told to. */
async function rawServer(t: Test, answer: (socket: Socket) => string) {
  const sockets = new Set<Socket>()
  let heard = ''
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      heard += chunk
      const [head = '', body = ''] = heard.split('\r\n\r\n')
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1])
      if (Buffer.byteLength(body) >= length) socket.write(answer(socket))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    })
  t.teardown(() => server.listening && close())
  const address = server.address() as { port: number }
  return { url: `http://127.0.0.1:${address.port}`, heard: () => heard, close }
}
