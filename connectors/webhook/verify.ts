/** Is this request from the CRM of the connection? Four ways, chosen for each connection; none says what was wrong. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { RawRequest, Verdict } from '../connector.ts'
import type { WebhookSettings } from './settings.ts'

/** The user name of Basic. */
export const BASIC_USER = 'leadstage'
/** Signatures older or further ahead than this are refused, milliseconds. */
const WINDOW_MS = 300_000

/** Judges method, content type and authenticity. The secret is that of the purpose `webhook_secret`. Never throws. */
export function verify(request: RawRequest, secrets: Readonly<Record<string, string>>, settings: WebhookSettings): Verdict {
  if (request.method !== 'POST') return { ok: false, status: 405, code: 'method_not_allowed', text: 'Changes are sent with POST.' }
  if (!/^application\/(json|x-www-form-urlencoded)\s*(;|$)/i.test(request.headers['content-type'] ?? ''))
    return { ok: false, status: 415, code: 'unknown_type', text: 'Changes are application/json or application/x-www-form-urlencoded.' }
  if (settings.auth === 'path') return { ok: true }
  // An unset secret would let anyone in.
  const secret = secrets.webhook_secret ?? ''
  return secret !== '' && isAuthentic(request, secret, settings)
    ? { ok: true }
    : { ok: false, status: 401, code: 'unauthorized', text: 'This request is not authorised.' }
}

function isAuthentic({ headers, body, receivedAt }: RawRequest, secret: string, { auth, secretHeader }: WebhookSettings): boolean {
  if (auth === 'hmac') {
    const [, seconds, given] = /^t=(\d{1,12}),\s*v1=([0-9a-f]{64})$/i.exec(headers['x-signature'] ?? '') ?? []
    if (seconds === undefined || given === undefined) return false
    return same(given.toLowerCase(), sign(secret, seconds, body)) && Math.abs(receivedAt - Number(seconds) * 1000) <= WINDOW_MS
  }
  const given = headers[auth === 'basic' ? 'authorization' : secretHeader] ?? ''
  if (auth === 'basic') return same(given, `Basic ${Buffer.from(`${BASIC_USER}:${secret}`).toString('base64')}`)
  return same(secretHeader === 'authorization' ? given.replace(/^bearer /i, '') : given, secret)
}

/** HMAC-SHA256 in hex over `<seconds>.<body>`, as `X-Signature: t=<seconds>,v1=<hex>` carries it. */
export function sign(secret: string, seconds: string | number, body: Buffer | string): string {
  return createHmac('sha256', secret).update(`${seconds}.`).update(body).digest('hex')
}

/** In constant time whatever the lengths are. */
function same(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}
