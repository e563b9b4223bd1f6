import t from 'tap'
import type { AppCredentials, RawRequest } from '../../../connectors/connector.ts'
import { handshake, parse, verify } from '../../../connectors/meta-lead-ads/webhook.ts'
import { leadgenBody, signLeadgen } from '../../simulators/meta/lead-ads/leadgen-sender.ts'

const SECRET = 'app_secret_example'
const app: AppCredentials = {
  ...{
    appId: '1',
    clientId: '1',
    clientSecrets: [SECRET, 'the one before', ''],
    baseUrl: 'https://graph.example',
    verifyToken: 'a-word-of-ours',
  },
}
/** Meta's own shape, of which the signature is known. */
const known =
  '{"object":"page","entry":[{"id":"1","time":1700000000,"changes":[{"field":"leadgen","value":{"leadgen_id":12345678901234567}}]}]}'
const knownSignature = 'sha256=4f8aebf7100493a03b724b608c7001db9293faf6ded39c8053b068d503a7b6e5'

const requestOf = (body: string, headers: Record<string, string> = {}, method = 'POST'): RawRequest => ({
  ...{ method, target: '/webhooks/meta-lead-ads', publicUrl: 'https://leads.example.com', receivedAt: Date.now() },
  headers: { 'content-type': 'application/json', 'x-hub-signature-256': signLeadgen(SECRET, body), ...headers },
  body: Buffer.from(body),
})

t.test('the signature is that over the raw bytes', async (t) => {
  t.same(verify(requestOf(known, { 'x-hub-signature-256': knownSignature }), app), { ok: true })
  t.match(
    verify(requestOf(known, { 'x-hub-signature-256': knownSignature.replace('4f8aebf', '4F8AEBF') }), app),
    { status: 400 },
    'in one writing only',
  )
  t.match(verify(requestOf(`${known} `, { 'x-hub-signature-256': knownSignature }), app), { status: 401, code: 'signature_wrong' })
  t.same(
    verify(requestOf(known, { 'x-hub-signature-256': signLeadgen('the one before', known) }), app),
    { ok: true },
    'while a rotation runs',
  )
  t.match(
    verify(requestOf(known, { 'x-hub-signature-256': signLeadgen('', known) }), app),
    { status: 401 },
    'nobody signs with an empty secret',
  )
  t.match(verify(requestOf(known, { 'x-hub-signature-256': 'sha1=abc' }), app), { status: 400, code: 'signature_malformed' })
  t.match(verify({ ...requestOf(known), headers: { 'content-type': 'application/json' } }, app), { status: 400, code: 'signature_missing' })
  t.match(verify(requestOf(known, { 'content-type': 'text/plain' }), app), { status: 415 })
  t.match(verify(requestOf(known, {}, 'PUT'), app), { status: 405 })
})

t.test('ids keep all their digits', async (t) => {
  t.same(parse(requestOf(known)), {
    changes: [{ account: '1', body: { id: '12345678901234567', at: 1_700_000_000_000 } }],
    unreadable: 0,
    ignored: 0,
  })
})

t.test('one body tells of many leads of several pages', async (t) => {
  const leads = [1, 2, 3].map((n) => ({
    id: `9007199254740993${n}`,
    page: n < 3 ? '101' : '102',
    form: '201',
    createdTime: 1_700_000_000 + n,
  }))
  const { changes, unreadable, ignored } = parse(requestOf(leadgenBody(leads)))
  t.same([unreadable, ignored], [0, 0])
  t.same(
    changes,
    leads.map(({ id, page, createdTime }) => ({ account: page, body: { id, at: createdTime * 1000 } })),
  )
})

t.test('what is not a lead is passed over, and costs its neighbours nothing', async (t) => {
  const lead = {
    field: 'leadgen',
    value: { leadgen_id: '123456789012345', page_id: '101', created_time: 1_700_000_000, email: 'ana@example.com' },
  }
  const body = {
    object: 'page',
    entry: [
      {
        id: '101',
        time: 1_700_000_000,
        changes: [{ field: 'feed', value: { message: 'hello' } }, lead, { field: 'leadgen', value: {} }, null],
      },
      { id: '101', time: 1_700_000_000, messaging: [] },
    ],
  }
  t.same(parse(requestOf(JSON.stringify(body))), {
    changes: [{ account: '101', body: { id: '123456789012345', at: 1_700_000_000_000 } }],
    unreadable: 3,
    ignored: 1,
  })
  t.same(parse(requestOf(JSON.stringify({ ...body, object: 'instagram' }))), { changes: [], unreadable: 0, ignored: 2 })
})

t.test('a handshake is answered to who knows the word', async (t) => {
  const ask = (query: string, method = 'GET') =>
    handshake({ ...requestOf('', {}, method), target: `/webhooks/meta-lead-ads?${query}` }, app)
  t.equal(ask('hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=a-word-of-ours'), '1158201444')
  for (const refused of [
    'hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=another',
    'hub.mode=subscribe&hub.challenge=1158201444',
    'hub.mode=unsubscribe&hub.challenge=1158201444&hub.verify_token=a-word-of-ours',
    'hub.mode=subscribe&hub.challenge=<script>&hub.verify_token=a-word-of-ours',
    'hub.mode=subscribe&hub.verify_token=a-word-of-ours',
    '',
  ])
    t.equal(ask(refused), undefined, refused)
  t.equal(ask('hub.mode=subscribe&hub.challenge=1&hub.verify_token=a-word-of-ours', 'POST'), undefined)
  const { verifyToken: _, ...without } = app
  t.equal(handshake({ ...requestOf('', {}, 'GET'), target: '/?hub.mode=subscribe&hub.challenge=1&hub.verify_token=' }, without), undefined)
})
