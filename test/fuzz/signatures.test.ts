/** A signature is worth something only if it holds for the very bytes that were signed: any bit turned over is refused. */
import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import type { RawRequest } from '../../connectors/connector.ts'
import { verify as verifyHubspot } from '../../connectors/hubspot/webhook.ts'
import { verify as verifyMeta } from '../../connectors/meta-lead-ads/webhook.ts'
import { readSignedRequest as readCanvas } from '../../connectors/salesforce/signed-request.ts'
import { webhookSettings } from '../../connectors/webhook/settings.ts'
import { sign, verify as verifyWebhook } from '../../connectors/webhook/verify.ts'
import { readSignedRequest as readMeta } from '../../server/meta/signed-request.ts'
import { demoApp } from '../simulators/hubspot/start-hubspot.ts'
import { signLeadgen } from '../simulators/meta/lead-ads/leadgen-sender.ts'
import { PUBLIC_URL } from '../support/app.ts'
import { signedHeaders } from '../support/post-webhook.ts'
import { holds } from './holds.ts'

const RUNS = 1_500
const now = 1_795_000_000_000
const body = fc.oneof(
  fc.json(),
  fc.string({ unit: 'binary', maxLength: 300 }).map((text) => text.toWellFormed()),
)
const secrets = fc.array(fc.constantFrom('', 'older', 'oldest'), { maxLength: 2 })

/** One bit of a text or of bytes, turned over; of texts the seven bits that ASCII has. */
const flipped = (bytes: Buffer, place: number, bits: number) => {
  const copy = Buffer.from(bytes)
  const at = Math.floor(place / bits) % copy.length
  copy[at] = (copy[at] as number) ^ (1 << (place % bits))
  return copy
}
const flippedText = (text: string, place: number) => flipped(Buffer.from(text), place, 7).toString()

/** The request with one bit turned over, in the body or in one of these headers. */
function damaged(request: RawRequest, headers: readonly string[], where: number, place: number): RawRequest {
  const name = headers[where % (headers.length + 1)]
  if (name === undefined)
    return request.body.length === 0 ? { ...request, body: Buffer.of(0) } : { ...request, body: flipped(request.body, place, 8) }
  return { ...request, headers: { ...request.headers, [name]: flippedText(request.headers[name] ?? '', place) } }
}

const requestOf = (body: string, target: string, headers: Record<string, string>): RawRequest => ({
  ...{ method: 'POST', target, publicUrl: PUBLIC_URL, receivedAt: now, body: Buffer.from(body) },
  headers: { 'content-type': 'application/json', ...headers },
})

t.test('HubSpot’s webhooks', async (t) => {
  const target = '/webhooks/hubspot'
  await holds(
    t,
    RUNS,
    fc.property(body, secrets, fc.nat(), fc.nat(), (body, more, where, place) => {
      const app = { appId: '', clientId: '', baseUrl: '', clientSecrets: [...more, demoApp.clientSecret] }
      const request = requestOf(body, target, signedHeaders(body, { timestamp: now }))
      const signed = ['x-hubspot-signature-v3', 'x-hubspot-request-timestamp']
      const elsewhere = { ...request, target: flippedText(target, place) }
      const forged = [damaged(request, signed, where, place), elsewhere, { ...request, method: flippedText('POST', place) }]
      return verifyHubspot(request, app).ok && !forged.some((request) => verifyHubspot(request, app).ok)
    }),
  )
})

t.test('Meta’s webhooks', async (t) => {
  await holds(
    t,
    RUNS,
    fc.property(body, secrets, fc.nat(), fc.nat(), (body, more, where, place) => {
      const app = { appId: '', clientId: '', baseUrl: '', clientSecrets: [...more, 'secret'] }
      const request = requestOf(body, '/webhooks/meta-lead-ads', { 'x-hub-signature-256': signLeadgen('secret', body) })
      return verifyMeta(request, app).ok && !verifyMeta(damaged(request, ['x-hub-signature-256'], where, place), app).ok
    }),
  )
})

t.test('webhooks with a signature, a secret, or Basic', async (t) => {
  const secret = 'a-secret-of-the-test'
  const headers = (body: string) => ({
    hmac: ['x-signature', `t=${now / 1000},v1=${sign(secret, now / 1000, body)}`],
    secret: ['x-secret', secret],
    basic: ['authorization', `Basic ${Buffer.from(`leadstage:${secret}`).toString('base64')}`],
  })
  const ways = fc.constantFrom('hmac', 'secret', 'basic')
  await holds(
    t,
    RUNS,
    fc.property(body, ways, fc.nat(), fc.nat(), (body, auth, where, place) => {
      const settings = webhookSettings.parse({ auth, secretHeader: 'x-secret' })
      const verify = (request: RawRequest) => verifyWebhook(request, { webhook_secret: secret }, settings).ok
      const [name, value] = headers(body)[auth] as [string, string]
      const request = requestOf(body, '/webhooks/webhook/key', { [name]: value })
      // Only a signature says anything of the body; in hexadecimal, capitals mean the same.
      const forged = damaged(request, [name], auth === 'hmac' ? where : 0, place)
      const same = forged.body.equals(request.body) && forged.headers[name]?.toLowerCase() === value.toLowerCase()
      return verify(request) && (verify(forged) === false || (auth === 'hmac' && same))
    }),
  )
})

/** A bit in the dot between signature and payload, or in either of them. */
const signedRequest = (payload: unknown, encoding: 'base64' | 'base64url') => {
  const text = Buffer.from(JSON.stringify(payload)).toString(encoding)
  return `${createHmac('sha256', 'secret').update(text).digest(encoding)}.${text}`
}

t.test('the signed requests of Salesforce and Meta', async (t) => {
  const organization = { organizationId: '00D000000000001AAA' }
  await holds(
    t,
    RUNS,
    fc.property(fc.dictionary(fc.string(), fc.string()), secrets, fc.nat(), (more, others, place) => {
      const context = { ...more, organization, user: { userId: '005000000000001AAA' } }
      const canvas = signedRequest({ algorithm: 'HMACSHA256', context }, 'base64')
      const deletion = signedRequest({ ...more, algorithm: 'HMAC-SHA256', user_id: '1234567890' }, 'base64url')
      const page = (text: string) => readCanvas(text, [...others, 'secret']).ok
      const request = (text: string) => readMeta(text, 'secret').ok
      return page(canvas) && !page(flippedText(canvas, place)) && request(deletion) && !request(flippedText(deletion, place))
    }),
  )
})

t.test('a signature made for one purpose is worth nothing for another', async (t) => {
  await holds(
    t,
    300,
    fc.property(body, (body) => {
      const secret = demoApp.clientSecret
      const hex = sign(secret, now / 1000, body)
      const base64 = Buffer.from(hex, 'hex').toString('base64')
      const app = { appId: '', clientId: '', baseUrl: '', clientSecrets: [secret] }
      const asHubspot = requestOf(body, '/webhooks/hubspot', {
        ...{ 'x-hubspot-signature-v3': base64, 'x-hubspot-request-timestamp': String(now) },
      })
      const { 'x-hubspot-signature-v3': theirs = '' } = signedHeaders(body, { timestamp: now })
      const asWebhook = requestOf(body, '/webhooks/webhook/key', {
        'x-signature': `t=${now / 1000},v1=${Buffer.from(theirs, 'base64').toString('hex')}`,
      })
      const encoded = Buffer.from(body).toString('base64')
      return (
        !verifyHubspot(asHubspot, app).ok &&
        !verifyWebhook(asWebhook, { webhook_secret: secret }, webhookSettings.parse({})).ok &&
        !readCanvas(`${theirs}.${encoded}`, [secret]).ok &&
        !readMeta(`${theirs}.${encoded}`, secret).ok
      )
    }),
  )
})
