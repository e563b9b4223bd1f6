/**
 * The signed request with which Salesforce opens our page inside an org (Canvas developer guide, signed request): a signature, a
 * dot and a payload, both standard base64. The signature is HMAC-SHA256 under the app's consumer secret, over the base64 text of
 * the payload and not over the JSON in it.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { PageVerdict } from '../connector.ts'
import { parseJson } from '../parse-json.ts'
import { longId } from './long-id.ts'

/**
 * 32 bytes of signature, of whose last letter two bits say nothing: only one writing is taken. The payload goes on to the end: a
 * second dot is part of what had to be signed.
 */
const FORM = /^([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)\.(.+)$/s
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

const idWith = (prefix: string) =>
  z
    .string()
    .startsWith(prefix)
    .transform((id) => longId(id) ?? '')
    .pipe(z.string().min(1))
const payload = z.object({
  algorithm: z.literal('HMACSHA256'),
  client: z
    .object({ oauthToken: z.string().min(1), instanceUrl: z.string() })
    .optional()
    .catch(undefined),
  context: z.object({
    organization: z.object({ organizationId: idWith('00D') }),
    user: z.object({ userId: idWith('005') }),
  }),
})

/**
 * Judges and reads a signed request. `secrets` are the accepted consumer secrets: the current one and, during a rotation, earlier
 * ones. Nothing of the payload is looked at before its signature was found to be right, in constant time. It does not say until
 * when it is good (`issuedAt` may be null), so that only who remembers `hash` can tell a repeat. Never throws. Pure.
 */
export function readSignedRequest(text: string, secrets: readonly string[]): PageVerdict {
  const [, signature, encoded] = FORM.exec(text) ?? []
  if (signature === undefined || encoded === undefined)
    return refuse(400, 'signed_request_unreadable', 'This is no signed request of Salesforce.')
  const given = Buffer.from(signature, 'base64')
  let matches = false
  for (const secret of secrets) {
    if (secret === '') continue // an unset secret would let anyone sign
    matches = timingSafeEqual(given, createHmac('sha256', secret).update(encoded).digest()) || matches
  }
  if (!matches) return refuse(401, 'signature_wrong', 'The signature does not belong to this request.')
  const read = payload.safeParse(decode(encoded))
  if (!read.success)
    return refuse(
      400,
      'signed_request_not_understood',
      'The signed request does not say, in the way it is documented, of which org and user.',
    )
  const { client, context } = read.data
  const visitor = { account: context.organization.organizationId, userId: context.user.userId }
  const access = client && { token: client.oauthToken, apiUrl: client.instanceUrl }
  return { ok: true, visitor: { ...visitor, ...(access && { access }) }, hash: createHash('sha256').update(encoded).digest('hex') }
}

/** What the payload says; undefined for what is no JSON in base64. */
function decode(encoded: string): unknown {
  if (!BASE64.test(encoded)) return undefined
  try {
    return parseJson(Buffer.from(encoded, 'base64').toString('utf8'))
  } catch {
    return undefined
  }
}

function refuse(status: 400 | 401, code: string, text: string): PageVerdict {
  return { ok: false, status, code, text }
}
