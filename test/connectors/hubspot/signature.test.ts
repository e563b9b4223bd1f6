import t from 'tap'
import type { RawRequest } from '../../../connectors/connector.ts'
import { verifySignature } from '../../../connectors/hubspot/signature.ts'
import { secret, signedAt, signedWebhook } from './request.ts'

const eventBody =
  '[{"eventId":100001,"subscriptionId":2002,"portalId":3003003,"appId":4004,"occurredAt":1790000000000,"subscriptionType":"object.propertyChange","attemptNumber":0,"objectId":5005,"objectTypeId":"0-1","propertyName":"lifecyclestage","propertyValue":"marketingqualifiedlead","changeSource":"CRM_UI","sourceId":"userId:606"}]'
const publishedBody =
  '[{"eventId":531833541,"subscriptionId":3923621,"portalId":48807704,"appId":16111050,"occurredAt":1752613920733,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":138017612137,"changeFlag":"CREATED","changeSource":"CRM_UI","sourceId":"userId:76023669"}]'
const settingsTarget = '/api/settings?userId=606&portalId=3003003&userEmail=ana%40example.com&appId=4004'
const mappingTarget = '/api/mapping?q=a%2Bb%20c%26d%2Fe%3Af%3D1&userId=606&portalId=3003003&userEmail=ana%2Bcrm%40example.com&appId=4004'

interface Vector {
  title: string
  method: string
  url: string
  body: string
  timestamp: number
  secret: string
  signature: string
  ok: boolean
}
const own = { url: 'https://capi.example.com/webhooks/hubspot', timestamp: signedAt, secret }
const hook = { ...own, method: 'POST', body: eventBody }
const get = { ...own, method: 'GET', url: `https://capi.example.com${settingsTarget}`, body: '' }
const put = { ...own, method: 'PUT', url: `https://capi.example.com${mappingTarget}`, body: '{"enabled":true}' }
const vectors: Vector[] = [
  { title: 'a webhook', ...hook, signature: '4OABqavvwCcxZPx5yumfDiTo2Y+rgqp90Vfb6SeEIl0=', ok: true },
  {
    title: 'a body beyond ASCII',
    ...hook,
    body: '[{"propertyValue":"Größe"}]',
    signature: 'L3fVrVFYg9T1RsjntIh64R6rdE4fhy6bviZpHjtprn0=',
    ok: true,
  },
  {
    title: 'a page request with the documented escapes decoded',
    ...get,
    signature: 'tJeEzn0uCophUPpz9wkmPcDpMwDaxrqr8NfxyGTwiSY=',
    ok: true,
  },
  { title: 'a page request with the URL as received', ...get, signature: 'm6HJz60UpDVi0C500szTLVmVppPVaFb1Gtq5YVoiho8=', ok: true },
  {
    title: 'a URL of which only the documented escapes are decoded',
    ...put,
    signature: '2CvbBkvn+hEHdXqHaKkZXBoTxzPI1N7NXSfscKn/bU4=',
    ok: true,
  },
  { title: 'a URL with all escapes as received', ...put, signature: 'sMGp0pb3cEVIY/bMeyn+FHIwHjZzL41M0NRpcHwNplM=', ok: true },
  { title: 'a fully decoded URL', ...put, signature: 'RtMpiDf5yz105YFZ40K6CM+3kfA9jZnGNKQhYmBOZcM=', ok: false },
  {
    title: 'the example that HubSpot publishes',
    method: 'POST',
    url: 'https://webhook.site/335453f5-94b3-49d9-b684-a55354d4b8df',
    body: publishedBody,
    timestamp: 1_752_613_922_216,
    secret: 'cfc68c0b-4b4e-4ef8-b764-95350e4ea479',
    signature: 'gbj1XPRvUt0noT7i7fXfTzOD4sLzQmf0VT28ZYq0EYg=',
    ok: true,
  },
  {
    title: "the example in HubSpot's development server",
    method: 'GET',
    url: 'https://hubspot.com/?appId=1&portalId=2&userId=3',
    body: '',
    timestamp: 1_111_111_111,
    secret: '12345678-aaaa-bbbb-cccc-ddddeeeeffff',
    signature: 'zTfXjo07jfzGouo4wvyAj3qEMUTVJ0PPYPACrluQtQI=',
    ok: true,
  },
  // Older signature versions, even where the header of the new one holds them.
  {
    title: 'a version 2 signature of the webhook',
    ...hook,
    signature: hexInBase64('4bf1bd920dca05566f2c434f1a5516a80f31bb4b25da9ca641f8e62575a58f7d'),
    ok: false,
  },
  {
    title: 'a version 1 signature of the webhook',
    ...hook,
    signature: hexInBase64('7cae544e8e2af4b93fbf9c84b2c1c95c9df75bf7b207542bc21723dc123bff71'),
    ok: false,
  },
  {
    title: 'a version 2 signature of the page request',
    ...get,
    signature: hexInBase64('22777124271c1b408e44637ca9aeb030a12a1be395b5228bc2db266c59696bc7'),
    ok: false,
  },
  { title: 'the signature of the webhook on a page request', ...get, signature: '4OABqavvwCcxZPx5yumfDiTo2Y+rgqp90Vfb6SeEIl0=', ok: false },
]

function hexInBase64(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64')
}

function request(vector: Vector): RawRequest {
  const { origin } = new URL(vector.url)
  return {
    method: vector.method,
    publicUrl: origin,
    target: vector.url.slice(origin.length),
    headers: { 'x-hubspot-signature-v3': vector.signature, 'x-hubspot-request-timestamp': String(vector.timestamp) },
    body: Buffer.from(vector.body),
    receivedAt: vector.timestamp,
  }
}

for (const vector of vectors)
  t.test(`${vector.title} is ${vector.ok ? 'accepted' : 'refused'}`, async (t) => {
    const verdict = verifySignature(request(vector), [vector.secret])
    t.equal(verdict.ok, vector.ok)
    if (!verdict.ok) t.match(verdict, { status: 401, code: 'signature_wrong' })
  })

t.test('hex digits of escapes may be lower case', async (t) => {
  const vector = vectors[4] as Vector
  const lower = vector.url.replace('%2F', '%2f').replace('%3A', '%3a')
  t.not(lower, vector.url)
  t.ok(verifySignature(request({ ...vector, url: lower }), [secret]).ok)
})

t.test('a public URL with a slash at its end is the same URL', async (t) => {
  t.ok(verifySignature(signedWebhook(eventBody, { publicUrl: 'https://capi.example.com/' }), [secret]).ok)
})

t.test('whatever was changed after signing is found', async (t) => {
  const flipped = Buffer.from(eventBody)
  flipped[40] = (flipped[40] as number) ^ 1
  const changes: Record<string, Partial<RawRequest>> = {
    'a bit of the body': { body: flipped },
    'the body written anew': { body: Buffer.from(JSON.stringify(JSON.parse(eventBody), null, 1)) },
    'a newline at the end': { body: Buffer.from(`${eventBody}\n`) },
    'no body': { body: Buffer.alloc(0) },
    path: { target: '/webhooks/salesforce' },
    'a query': { target: '/webhooks/hubspot?portalId=1' },
    host: { publicUrl: 'https://other.example.com' },
    scheme: { publicUrl: 'http://capi.example.com' },
    method: { method: 'PUT' },
    timestamp: {
      headers: { ...signedWebhook(eventBody).headers, 'x-hubspot-request-timestamp': String(signedAt + 1) },
    },
  }
  for (const [what, change] of Object.entries(changes))
    t.match(verifySignature(signedWebhook(eventBody, change), [secret]), { ok: false, status: 401, code: 'signature_wrong' }, what)
})

t.test('every accepted secret may sign, any other may not', async (t) => {
  const signed = signedWebhook(eventBody)
  t.ok(verifySignature(signed, ['the new one', secret]).ok, 'an earlier secret')
  t.ok(verifySignature(signed, [secret, 'an earlier one']).ok, 'the current secret')
  t.notOk(verifySignature(signed, ['the new one']).ok, 'a retired secret')
  t.notOk(verifySignature(signed, []).ok, 'no secret at all')
})

t.test('an empty secret signs nothing', async (t) => {
  const { createHmac } = await import('node:crypto')
  const signed = signedWebhook(eventBody)
  const forged = createHmac('sha256', '').update(`POST${signed.publicUrl}${signed.target}${eventBody}${signedAt}`).digest('base64')
  t.notOk(verifySignature({ ...signed, headers: { ...signed.headers, 'x-hubspot-signature-v3': forged } }, ['']).ok)
})

t.test('the clock window has two sides', async (t) => {
  const at = (receivedAt: number) => verifySignature(signedWebhook(eventBody, { receivedAt }), [secret])
  t.ok(at(signedAt + 300_000).ok, 'exactly five minutes old')
  t.match(at(signedAt + 300_001), { ok: false, status: 401, code: 'signature_stale' })
  t.ok(at(signedAt - 60_000).ok, 'exactly a minute ahead')
  t.match(at(signedAt - 60_001), { ok: false, status: 401, code: 'signature_from_future' })
})

t.test('headers that are missing, repeated or of another form are told apart from wrong ones', async (t) => {
  const { headers } = signedWebhook(eventBody)
  const signature = headers['x-hubspot-signature-v3'] as string
  const judge = (change: Record<string, string | undefined>) =>
    verifySignature(signedWebhook(eventBody, { headers: { ...headers, ...change } }), [secret])

  const missing = { ok: false, status: 400, code: 'signature_missing' }
  t.match(judge({ 'x-hubspot-signature-v3': undefined }), missing)
  t.match(judge({ 'x-hubspot-request-timestamp': undefined }), missing)
  t.match(judge({ 'x-hubspot-signature-v3': undefined, 'x-hubspot-signature': signature, 'x-hubspot-signature-version': 'v2' }), missing)

  for (const value of ['', 'abc', `${signature},${signature}`, `${signature}, ${signature}`, ` ${signature}`, signature.slice(1)])
    t.match(judge({ 'x-hubspot-signature-v3': value }), { ok: false, status: 400, code: 'signature_malformed' }, `signature "${value}"`)
  for (const value of [
    '',
    'now',
    '1790000000500.0',
    '1.79e12',
    '-1790000000500',
    '0x1',
    ' 1790000000500',
    '1790000000500,1790000000500',
    '9'.repeat(400),
  ])
    t.match(
      judge({ 'x-hubspot-request-timestamp': value }),
      { ok: false, status: 400, code: 'signature_malformed' },
      `timestamp "${value}"`,
    )
})
