/**
 * HubSpot's request signature, version 3 (HubSpot, validating requests): base64 of HMAC-SHA256 under the app's client
 * secret over method + URL + raw body + timestamp. The same for webhooks and for the signed requests of UI extensions.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { RawRequest, Verdict } from '../connector.ts'

/** HubSpot: refuse what is older than five minutes. */
const MAX_AGE_MS = 300_000
/** HubSpot names no bound for the future; a minute forgives clocks that differ. */
const MAX_AHEAD_MS = 60_000

/**
 * Judges signature headers, clock window and signature of a request of any method. `secrets` are the accepted client
 * secrets: the current one and, during a rotation, earlier ones. Never throws.
 */
export function verifySignature(request: RawRequest, secrets: readonly string[]): Verdict {
  const signature = request.headers['x-hubspot-signature-v3']
  const timestamp = request.headers['x-hubspot-request-timestamp']
  if (signature === undefined || timestamp === undefined)
    return refuse(400, 'signature_missing', 'The request lacks the headers of a HubSpot v3 signature.')
  // 32 bytes in base64, of whose last letter two bits say nothing: only one writing is taken. A repeated header arrives joined
  // by a comma and fails here too.
  if (!/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/.test(signature) || !/^\d{1,15}$/.test(timestamp))
    return refuse(400, 'signature_malformed', 'The headers of the HubSpot v3 signature cannot be read.')

  const age = request.receivedAt - Number(timestamp)
  if (age > MAX_AGE_MS) return refuse(401, 'signature_stale', 'The request was signed more than five minutes ago.')
  if (age < -MAX_AHEAD_MS) return refuse(401, 'signature_from_future', 'The request was signed more than a minute in the future.')

  const given = Buffer.from(signature, 'base64')
  let matches = false
  for (const secret of secrets) {
    if (secret === '') continue // an unset secret would let anyone sign
    for (const url of readings(request.publicUrl.replace(/\/$/, '') + request.target)) {
      const expected = createHmac('sha256', secret).update(request.method).update(url).update(request.body).update(timestamp).digest()
      matches = timingSafeEqual(given, expected) || matches
    }
  }
  return matches ? { ok: true } : refuse(401, 'signature_wrong', 'The signature does not belong to this request.')
}

/**
 * The URL as HubSpot may have signed it: with the documented escapes decoded and no others, or, as HubSpot's own SDK does
 * it, as received. Both need the secret; a plain webhook URL reads the same either way.
 */
function readings(url: string): Set<string> {
  return new Set([url.replace(/%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)/gi, decodeURIComponent), url])
}

function refuse(status: 400 | 401, code: string, text: string): Verdict {
  return { ok: false, status, code, text }
}
