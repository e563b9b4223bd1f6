/** How long good requests take while hostile ones come: big, slow, cut off, deep, packed, forged. None of the good ones fails. */
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { request } from 'undici'
import { garbage } from '../conformance/hostile.ts'
import { testApp } from '../support/app.ts'
import { counted } from '../support/counted.ts'
import { post, signedHeaders, stageEvent } from '../support/post-webhook.ts'
import { serverProcess } from '../support/server-process.ts'

const REQUESTS = process.env.FULL ? 3_000 : 150

t.test('good traffic beside hostile traffic', async (t) => {
  const it = await testApp(t, { launch: false })
  it.hubspot.webhooks({ subscriptions: {} })
  const server = await serverProcess(t, it, () => ({ LOG_LEVEL: 'silent' }))
  await server.start()
  const contact = it.hubspot.create({ type: 'contact', properties: { meta_lead_id: '123456789012345' } }).id
  let failed = 0
  /** Times of good requests in ms, shortest first. */
  const measure = async () => {
    const times: number[] = []
    for (let n = 0; n < REQUESTS; n++) {
      const from = performance.now()
      const { status } = await post(server.url, [stageEvent(contact, 'opportunity', { occurredAt: Date.now() - n })])
      times.push(performance.now() - from)
      if (status !== 202) failed += 1
      await sleep(2)
    }
    return times.sort((a, b) => a - b)
  }
  const quiet = await measure()

  const url = `${server.url}/webhooks/hubspot`
  const { hostname, port } = new URL(server.url)
  const send = (body: string | Buffer, headers: Record<string, string> = {}) =>
    request(url, { method: 'POST', body, headers: { ...signedHeaders(String(body)), ...headers } }).then(({ statusCode, body }) =>
      body.dump().then(() => statusCode),
    )
  const raw = (text: string, hold: number) =>
    new Promise<number>((done) => {
      const socket = connect(Number(port), hostname, () => socket.write(text))
      socket.on('error', () => undefined)
      socket.on('close', () => done(400))
      setTimeout(() => socket.destroy(), hold)
    })
  const head = `POST /webhooks/hubspot HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n`
  const attacks: (() => Promise<number>)[] = [
    () => send('x'.repeat(5_000_000)),
    () => send(gzipSync('0'.repeat(20_000_000)), { 'content-encoding': 'gzip' }),
    () => raw(`${head}Content-Length: 1000\r\n\r\n[{`, 300),
    () => raw(`${head}X-Slow: `, 1_000),
    () => raw('GET / HTTP/9.9\r\n\r\n', 100),
    () => send('[]', { 'x-hubspot-signature-v3': 'A'.repeat(43) }),
    ...garbage.map((body) => () => send(body)),
  ]
  let over = false
  let hostile = 0
  let believed = 0
  const flood = Promise.all(
    Array.from({ length: 8 }, async (_, lane) => {
      for (let n = lane; !over; n += 8) {
        const status = await (attacks[n % attacks.length] as () => Promise<number>)().catch(() => 400)
        hostile += 1
        if (status >= 500) believed += 1
      }
    }),
  )
  const beside = await measure()
  over = true
  await flood
  t.equal(failed, 0, 'every good request was acknowledged')
  t.equal(believed, 0, 'no hostile one made the server fail')
  const at = (times: number[], share: number) => (times[Math.floor(times.length * share)] ?? 0).toFixed(1)
  const note = `good requests: p50 ${at(quiet, 0.5)} ms, p99 ${at(quiet, 0.99)} ms alone; p50 ${at(beside, 0.5)} ms, p99 ${at(beside, 0.99)} ms beside ${hostile} hostile ones`
  counted(t, [12], { runs: 2 * REQUESTS, eventsIn: 2 * REQUESTS, note })
})
