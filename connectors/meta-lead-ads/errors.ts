/** What the Graph API's error answers mean where leads are read (Graph API, error handling and rate limits). */
import type { z } from 'zod'
import type { CrmRequest, HttpReply } from '../connector.ts'
import { CodedError } from '../errors.ts'
import { classifyGraphError } from '../graph/errors.ts'
import { readUsage } from '../graph/usage.ts'
import { readReplyOf } from '../read-reply.ts'

/** Meta names no time for most limits, and to call on makes a block longer. */
const LEAST_WAIT_MS = 60_000

/**
 * The error for an answer that is not 2xx. `expired_token` has the core ask whether the token is still good; `not_found` is an object
 * that is gone, or that the token may not see: Meta does not tell them apart. Meta's text is left out: it may quote ids and values.
 */
export function classify(reply: HttpReply, request: CrmRequest): CodedError {
  const error = classifyGraphError(reply)
  const detail = `${request.method} ${request.url} answered ${reply.status}, code ${error.code ?? 'none'}/${error.subcode ?? 'none'}, trace ${error.fbtraceId?.replace(/[^\w-]/g, '') ?? 'none'}`
  const fail = (code: string, retry: CodedError['retry'], scope: CodedError['scope'], userText: string) =>
    new CodedError({ code, retry, scope, userText, message: `${code}: ${detail}` })
  switch (error.class) {
    case 'throttle':
      return fail(
        'rate_limited',
        { afterMs: Math.max(LEAST_WAIT_MS, error.waitMs ?? 0) },
        'connection',
        "Meta's limit of requests for this page is reached. Work goes on when it allows.",
      )
    case 'retry':
      return fail('crm_unavailable', 'later', 'batch', 'Meta has a problem of its own. It is tried again.')
    case 'reconnect':
      return fail(
        'expired_token',
        'later',
        'connection',
        'Meta does not accept the access to the page. It is looked at whether it was withdrawn.',
      )
    case 'permission':
      return fail(
        'missing_permission',
        'never',
        'connection',
        'Meta does not let us read the leads of this page. "connection check" says which permission is missing.',
      )
    case 'configuration':
      return error.scope === 'app'
        ? fail(
            'app_misconfigured',
            'later',
            'connection',
            'Meta does not accept our app as it is set up. Its operator has to look at this.',
          )
        : fail('not_found', 'never', 'event', 'Meta does not show this any more.')
    case 'payload':
    case 'unknown':
      return fail('refused_by_crm', 'never', 'batch', 'Meta refused the request.')
  }
}

/** See `Connector.usage`: the fullest of all limits that the usage headers name. */
export function usage(reply: HttpReply): number | undefined {
  const { percent } = readUsage(reply.headers)
  return percent > 0 ? percent / 100 : undefined
}

/** See `readReplyOf`. */
export const readReply = <T>(schema: z.ZodType<T>, body: unknown): T => readReplyOf('Meta', schema, body)
