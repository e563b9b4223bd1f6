import { createHash, createHmac } from 'node:crypto'
import t from 'tap'
import type { AppCredentials } from '../../../connectors/connector.ts'
import { page } from '../../../connectors/salesforce/page.ts'
import { readSignedRequest } from '../../../connectors/salesforce/signed-request.ts'

const SECRET = 'canvas-test-secret'
/** A worked example, computed by hand for this secret. */
const signature = 'IF60+zXJaQdqNVZlIeA/WN6kLDAuY88XbIcHbuwehoM='
const encoded =
  'eyJhbGdvcml0aG0iOiJITUFDU0hBMjU2IiwiaXNzdWVkQXQiOm51bGwsInVzZXJJZCI6IjAwNTAwMDAwMDAwMDAwMUFBQSIsImNsaWVudCI6eyJvYXV0aFRva2VuIjoiMDBEIVRFU1QiLCJpbnN0YW5jZVVybCI6Imh0dHBzOi8vYWNtZS5teS5zYWxlc2ZvcmNlLmNvbSJ9LCJjb250ZXh0Ijp7Im9yZ2FuaXphdGlvbiI6eyJvcmdhbml6YXRpb25JZCI6IjAwRDAwMDAwMDAwMDAwMUVBQSJ9LCJ1c2VyIjp7InVzZXJJZCI6IjAwNTAwMDAwMDAwMDAwMUFBQSJ9fX0='
const example = `${signature}.${encoded}`
const overJson = 'h7FMN5wQyx8cMwR/A01Y9Ut35iXJmAvi+0B6s5+2qa8='
const visitor = { ok: true, visitor: { account: '00D000000000001EAA', userId: '005000000000001AAA' } }

const sign = (body: string, secret = SECRET, hash = 'sha256') => `${createHmac(hash, secret).update(body).digest('base64')}.${body}`
const encode = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64')
const said = JSON.parse(Buffer.from(encoded, 'base64').toString())
const read = (text: string, secrets = [SECRET]) => readSignedRequest(text, secrets)

const app: AppCredentials = { appId: '1', clientId: 'key', clientSecrets: [SECRET], baseUrl: 'https://login.salesforce.com' }
const post = (body: string) => page.opening?.verify(Buffer.from(body), app)

t.test('a request of Salesforce says of which org and user it is, and by what it is known when it comes again', async (t) => {
  t.match(read(example), visitor)
  const hash = createHash('sha256').update(encoded).digest('hex')
  const access = { token: '00D!TEST', apiUrl: 'https://acme.my.salesforce.com' }
  t.strictSame(
    read(example),
    { ok: true, visitor: { ...visitor.visitor, access }, hash },
    'and the visitor’s own access, to ask for rights',
  )
  t.strictSame(read(example), read(example), 'a replay has the hash of what it repeats')
  const other = read(sign(encode({ ...said, issuedAt: 1 })))
  t.ok(other.ok && other.hash !== hash, 'and another request has another')
  const short = { ...said, context: { organization: { organizationId: '00D1t000000rXxR' }, user: { userId: '005Ak000001Test' } } }
  t.match(
    read(sign(encode(short))),
    { ok: true, visitor: { account: '00D1t000000rXxREAU', userId: /^005Ak000001Test\w{3}$/ } },
    'ids get 18 characters',
  )
})

t.test('while the secret is changed both are accepted; an empty one signs nothing', async (t) => {
  t.match(read(example, ['next', SECRET]), visitor)
  t.match(read(example, ['next']), { ok: false, status: 401, code: 'signature_wrong' })
  t.match(read(example, []), { ok: false, code: 'signature_wrong' })
  t.match(read(sign(encoded, ''), ['']), { ok: false, code: 'signature_wrong' })
})

t.test('whatever was not signed with this secret, over exactly this payload, is refused', async (t) => {
  const tampered = encode({ ...said, context: { ...said.context, organization: { organizationId: '00D000000000002EAA' } } })
  const wrong = {
    'another secret': sign(encoded, 'another'),
    'a payload that was tampered with': `${signature}.${tampered}`,
    'a payload with its padding cut off': example.slice(0, -1),
    'a payload with something behind it': `${example}.${encode({})}`,
    'a signature over the JSON': `${overJson}.${encoded}`,
    'a signature of another payload': `${sign(tampered).split('.')[0]}.${encoded}`,
  }
  for (const [what, text] of Object.entries(wrong)) t.match(read(text), { ok: false, status: 401, code: 'signature_wrong' }, what)
  t.match(read(sign(`${encoded}.${encode({})}`)), { ok: false, code: 'signed_request_not_understood' }, 'it is split at the first dot')
})

t.test('what has not the form of a signed request is refused unread', async (t) => {
  const forms = {
    nothing: '',
    'a dot': '.',
    'no dot': example.replace('.', ''),
    'no signature': `.${encoded}`,
    'no payload': `${signature}.`,
    'a signature with a space for its plus': example.replace('+', ' '),
    'base64 for addresses': `${signature.replace('+', '-').replace('/', '_')}.${encoded}`,
    'a shorter hash': sign(encoded, SECRET, 'sha1'),
    'a longer hash': sign(encoded, SECRET, 'sha512'),
    'a megabyte': 'a'.repeat(1_000_000),
  }
  for (const [what, text] of Object.entries(forms))
    t.match(read(text), { ok: false, status: 400, code: 'signed_request_unreadable', text: String }, what)
})

t.test('what is signed and yet says of nobody, or of another algorithm, is refused', async (t) => {
  const { context } = said
  const nobody: unknown[] = [
    ...['none', 'HMACSHA1', 'HMAC-SHA256', '', null, undefined, ['HMACSHA256']].map((algorithm) => ({ ...said, algorithm })),
    ...['', 'text', 'null', '[]', '{', '"\u0000"', `${'['.repeat(50_000)}`, '{"__proto__":{"context":1}}'],
    ...[7, [], {}, { ...said, context: undefined }, { ...said, context: { user: context.user } }],
    ...['00D1', '005000000000001AAA', '00D00000000000 1EAA', 17, null, ''].map((organizationId) => ({
      ...said,
      context: { ...context, organization: { organizationId } },
    })),
    { ...said, context: { ...context, user: { userId: '00D000000000001EAA' } } },
  ]
  for (const one of nobody) {
    // Nothing comes with a signature of nothing.
    const code = one === '' ? 'signed_request_unreadable' : 'signed_request_not_understood'
    t.match(read(sign(encode(one))), { ok: false, status: 400, code }, JSON.stringify(one)?.slice(0, 80))
  }
  t.match(read(sign('no base64 at all!')), { ok: false, code: 'signed_request_not_understood' })
})

t.test('the page is opened by a form, whose plus signs survive only if they were written as such', async (t) => {
  const form = new URLSearchParams({ other: 'field', signed_request: example }).toString()
  t.match(post(form), visitor)
  t.match(post(form.replaceAll('%2B', '+')), { ok: false, code: 'signed_request_unreadable' }, 'a wrong encoder made a space of it')
  const plus = sign(encode({ ...said, issuedAt: '>>>' }))
  t.ok(plus.split('.')[1]?.includes('+'))
  t.match(post(`signed_request=${encodeURIComponent(plus)}`), visitor)
  t.match(post(`signed_request=${encodeURIComponent(plus.replaceAll('+', ' '))}`), { ok: false })
  for (const body of ['', 'signed_request', 'signed_request=', JSON.stringify({ signed_request: example }), '%', '\ufffd'])
    t.match(post(body), { ok: false, status: 400, code: 'signed_request_unreadable' }, body)
})
