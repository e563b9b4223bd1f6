/** What HubSpot's error answers mean for us (HubSpot, error handling and usage guidelines). */
import { z } from 'zod'
import type { CrmRequest, HttpReply } from '../connector.ts'
import { CodedError } from '../errors.ts'
import { parseJson } from '../parse-json.ts'
import { readReplyOf } from '../read-reply.ts'

const HOUR_MS = 3_600_000

/** Error bodies as far as we read them; every part may be absent or of another shape. */
const errorBody = z.object({
  message: z.string().catch(''),
  category: z.string().catch(''),
  correlationId: z.string().catch(''),
  policyName: z.string().catch(''),
  errors: z
    .array(z.object({ code: z.string().catch(''), context: z.record(z.string(), z.array(z.string()).catch([])).catch({}) }))
    .catch([]),
})

/**
 * The error for an answer that is not 2xx, with HubSpot's own delay where it names one. `expired_token` asks the core to
 * refresh once. HubSpot's message is left out of ours: it may quote property values.
 */
export function classify(reply: HttpReply, request: CrmRequest): CodedError {
  const body = readBody(reply.text)
  const fail = (code: string, retry: CodedError['retry'], scope: CodedError['scope'], userText: string) =>
    new CodedError({ code, retry, scope, userText, message: `${code}: ${describe(reply.status, body, request)}` })

  switch (reply.status) {
    case 400:
      return body.errors.some(({ code }) => code === 'PROPERTY_DOESNT_EXIST') || body.message.includes('PROPERTY_DOESNT_EXIST')
        ? fail(
            'unknown_field',
            'never',
            'batch',
            'HubSpot does not know a property that was to be written. Check the Meta lead ID property in the settings.',
          )
        : fail('refused_by_crm', 'never', 'batch', 'HubSpot refused the request as invalid.')
    case 401:
      return fail('expired_token', 'later', 'connection', 'HubSpot no longer accepts the access token. It is renewed automatically.')
    case 403:
      return body.category === 'MISSING_SCOPES'
        ? missingScope(scopesNamedIn(body), describe(403, body, request))
        : fail('forbidden', 'never', 'connection', 'HubSpot does not allow this request for the connected account.')
    case 404:
      return fail('not_found', 'never', 'event', 'HubSpot does not know this record any more.')
    case 409:
      return fail('conflict', 'later', 'event', 'The record was changed at the same moment. It is tried again.')
    case 423:
      return fail('locked', { afterMs: 2_000 }, 'batch', 'HubSpot has locked the records for a moment. They are read again shortly.')
    case 429:
      return fail(
        'rate_limited',
        { afterMs: rateLimitDelay(body) },
        'connection',
        "HubSpot's request limit is reached. Work goes on when it allows.",
      )
    case 477:
      return fail(
        'account_moving',
        { afterMs: retryAfterMs(reply) },
        'connection',
        'HubSpot is moving this account to another data centre. Work goes on afterwards.',
      )
    default:
      return reply.status >= 500
        ? fail('crm_unavailable', 'later', 'batch', 'HubSpot has a problem of its own. It is tried again.')
        : fail('refused_by_crm', 'never', 'batch', 'HubSpot refused the request.')
  }
}

/** The customer did not grant (or HubSpot's plan does not have) what the request needs. */
export function missingScope(scopes: readonly string[], detail = ''): CodedError {
  const named = scopes.length > 0 ? scopes.join(', ') : 'unknown'
  return new CodedError({
    code: 'missing_scope',
    retry: 'never',
    scope: 'connection',
    userText: `HubSpot did not grant a permission that is needed for this: ${named}. Connect the account again and grant it.`,
    message: `missing_scope: ${named}${detail && `; ${detail}`}`,
  })
}

/** See `readReplyOf`. */
export const readReply = <T>(schema: z.ZodType<T>, body: unknown): T => readReplyOf('HubSpot', schema, body)

type ErrorBody = z.infer<typeof errorBody>

function readBody(text: string): ErrorBody {
  let json: unknown
  try {
    json = parseJson(text)
  } catch {
    json = {} // HTML from a gateway, or nothing at all
  }
  return errorBody.catch(errorBody.parse({})).parse(json)
}

/** For engineers: nothing of what a customer typed. Ids stay, they are no secret. */
function describe(status: number, body: ErrorBody, request: CrmRequest): string {
  const word = (text: string) => text.replace(/[^\w-]/g, '').slice(0, 64) || 'none'
  return `${request.method} ${request.url} answered ${status}, category ${word(body.category)}, correlation id ${word(body.correlationId)}`
}

function scopesNamedIn(body: ErrorBody): string[] {
  const named = body.errors.flatMap(({ context }) => [...(context.requiredGranularScopes ?? []), ...(context.requiredScopes ?? [])])
  return [...new Set(named)].filter((scope) => /^[\w.-]{1,80}$/.test(scope))
}

/** The policy is named; for searches the message says so instead. */
function rateLimitDelay(body: ErrorBody): number {
  const policy = body.policyName || body.message
  if (/ten_secondly/i.test(policy)) return 10_000
  if (/secondly/i.test(policy)) return 1_000
  // The day ends at midnight of the account's time zone, which the answer does not tell.
  if (/daily/i.test(policy)) return HOUR_MS
  return 10_000
}

/** `Retry-After` of status 477: seconds, up to 24 hours. */
function retryAfterMs(reply: HttpReply): number {
  const seconds = Number(reply.headers['retry-after'])
  return seconds > 0 ? Math.min(seconds * 1000, 24 * HOUR_MS) : HOUR_MS
}
