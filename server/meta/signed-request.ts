/** Meta's signed requests: `signature.payload`, both base64url; the signature is HMAC-SHA256 of the payload under the app's secret. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { parseJson } from '../../connectors/parse-json.ts'

export type SignedRequest =
  | { ok: true; userId: string }
  /** `unreadable`: not of that form; `wrong_signature`; `not_understood`: signed, but not what a deletion says. */
  | { ok: false; code: 'unreadable' | 'wrong_signature' | 'not_understood' }

/** What Meta documents for data-deletion requests. App-scoped ids of people are digits; as numbers they could lose some. */
const payload = z.object({
  algorithm: z.string().regex(/^HMAC-SHA256$/i),
  user_id: z.union([z.string(), z.number().int().transform(String)]).pipe(z.string().regex(/^\d{1,32}$/)),
})

/** 32 bytes in base64url, of whose last letter two bits say nothing: only one writing is taken. */
const SIGNATURE = /^[\w-]{42}[AEIMQUYcgkosw048]=?$/

/** Checks and reads a signed request. Never throws; compares in constant time, and before anything of the payload is read. Pure. */
export function readSignedRequest(text: string, secret: string): SignedRequest {
  const [signature, body, ...rest] = text.split('.')
  if (!signature || !body || rest.length > 0) return { ok: false, code: 'unreadable' }
  const given = Buffer.from(signature, 'base64url')
  const due = createHmac('sha256', secret).update(body).digest()
  if (!SIGNATURE.test(signature) || !timingSafeEqual(given, due)) return { ok: false, code: 'wrong_signature' }
  try {
    const { user_id } = payload.parse(parseJson(Buffer.from(body, 'base64url').toString()))
    return { ok: true, userId: user_id }
  } catch {
    return { ok: false, code: 'not_understood' }
  }
}
