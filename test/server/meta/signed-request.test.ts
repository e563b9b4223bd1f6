import { createHmac } from 'node:crypto'
import t from 'tap'
import { readSignedRequest } from '../../../server/meta/signed-request.ts'

const SECRET = 'app-secret'
const sign = (body: string, secret = SECRET) => `${createHmac('sha256', secret).update(body).digest('base64url')}.${body}`
const encode = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const payload = { algorithm: 'HMAC-SHA256', issued_at: 1_790_000_000, user_id: '8877665544332211' }

t.test('a request of Meta is read', async (t) => {
  t.same(readSignedRequest(sign(encode(payload)), SECRET), { ok: true, userId: '8877665544332211' })
  const asNumber = '{"algorithm":"HMAC-SHA256","issued_at":1,"user_id":90071992547409931}'
  t.same(readSignedRequest(sign(encode(asNumber)), SECRET), { ok: true, userId: '90071992547409931' }, 'no digit is lost')
})

t.test('whatever was not signed with this secret, over exactly this payload, is refused', async (t) => {
  const good = sign(encode(payload))
  const [signature = '', body = ''] = good.split('.')
  const wrong = [
    sign(body, 'another'),
    `${signature}.${encode({ ...payload, user_id: '1' })}`,
    `${signature.slice(0, -4)}.${body}`,
    `AAAA.${body}`,
    // Over the text of the payload, not over what it says.
    `${createHmac('sha256', SECRET).update(JSON.stringify(payload)).digest('base64url')}.${body}`,
    `${createHmac('sha1', SECRET).update(body).digest('base64url')}.${body}`,
  ]
  for (const text of wrong) t.same(readSignedRequest(text, SECRET), { ok: false, code: 'wrong_signature' }, text)
})

t.test('what has not the form, or does not say whose data, is refused', async (t) => {
  for (const text of ['', '.', 'x', 'a.', '.b', `${sign(encode(payload))}.more`])
    t.same(readSignedRequest(text, SECRET), { ok: false, code: 'unreadable' }, text)
  const { user_id: _, ...nobody } = payload
  for (const said of [nobody, { ...payload, algorithm: 'none' }, { ...payload, user_id: '1 or 1=1' }, [], 'text', 'null', '\u0000'])
    t.same(readSignedRequest(sign(encode(said)), SECRET), { ok: false, code: 'not_understood' }, JSON.stringify(said))
})
