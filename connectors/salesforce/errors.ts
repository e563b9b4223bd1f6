/** What Salesforce's error answers mean for us (REST API guide, status codes and error responses; API usage header). */
import { z } from 'zod'
import type { CrmRequest, HttpReply } from '../connector.ts'
import { CodedError } from '../errors.ts'
import { parseJson } from '../parse-json.ts'
import { readReplyOf } from '../read-reply.ts'
import { labels } from './package.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

/** An error answer is a list; what is of another shape (a gateway's page) says nothing. */
const errorBody = z.array(z.object({ errorCode: z.string().catch(''), message: z.string().catch('') })).catch([])

/** What a word of Salesforce means, whatever the status. The texts are for the admin of the org. */
const meanings: Record<string, Pick<CodedError, 'code' | 'retry' | 'scope' | 'userText'>> = {
  INVALID_SESSION_ID: {
    code: 'expired_token',
    retry: 'later',
    scope: 'connection',
    userText: 'Salesforce no longer accepts the access token. It is renewed automatically.',
  },
  // The allowance is counted over the last 24 hours, so a little of it comes free all the time.
  REQUEST_LIMIT_EXCEEDED: {
    code: 'allocation_used_up',
    retry: { afterMs: 15 * MINUTE_MS },
    scope: 'connection',
    userText:
      "The API requests that Salesforce allows your org in 24 hours are used up, by all software together. Leadstage goes on when some are free again; see Setup, Company Information, 'API Requests, Last 24 Hours'.",
  },
  API_DISABLED_FOR_ORG: {
    code: 'api_disabled',
    retry: 'never',
    scope: 'connection',
    userText:
      'The Salesforce edition of this org has no API access, or the connected user does not have the permission "API Enabled". Grant it, or ask Salesforce for API access.',
  },
  INSUFFICIENT_ACCESS: {
    code: 'forbidden',
    retry: 'never',
    scope: 'connection',
    userText: `The connected Salesforce user may not do this. That user needs access to leads and opportunities, and the permission set "${labels.integration}".`,
  },
  INVALID_FIELD: {
    code: 'unknown_field',
    retry: 'never',
    scope: 'connection',
    userText:
      'It was deleted, or field-level security hides it from the connected user. Check the fields in the settings and the permission sets of that user.',
  },
  INVALID_TYPE: {
    code: 'unknown_object',
    retry: 'never',
    scope: 'connection',
    userText: 'Salesforce does not show leads or opportunities to the connected user. Give that user read access to both.',
  },
  NOT_FOUND: { code: 'not_found', retry: 'never', scope: 'event', userText: 'Salesforce does not know this record any more.' },
  UNABLE_TO_LOCK_ROW: {
    code: 'conflict',
    retry: 'later',
    scope: 'event',
    userText: 'The record was changed at the same moment. It is tried again.',
  },
  QUERY_TIMEOUT: {
    code: 'query_slow',
    retry: 'later',
    scope: 'batch',
    userText: 'A query at Salesforce took too long. It is asked again.',
  },
}
const sameMeaning: Record<string, keyof typeof meanings> = {
  API_CURRENTLY_DISABLED: 'API_DISABLED_FOR_ORG',
  ENTITY_IS_DELETED: 'NOT_FOUND',
  // The place between two pages is kept for a while only.
  INVALID_QUERY_LOCATOR: 'QUERY_TIMEOUT',
}

/**
 * The error for an answer that is not 2xx. `expired_token` asks the core to refresh once. Salesforce's message is left out of
 * ours: it may quote a query and with it what a customer typed.
 */
export function classify(reply: HttpReply, request: CrmRequest): CodedError {
  const { word, message } = readError(reply.text)
  const fail = (meaning: Pick<CodedError, 'code' | 'retry' | 'scope' | 'userText'>) =>
    new CodedError({
      ...meaning,
      message: `${meaning.code}: ${request.method} ${pathOf(request)} answered ${reply.status}, ${word || 'no code'}`,
    })

  const meaning = meaningOf(word)
  if (word === 'CANNOT_UPDATE_CONVERTED_LEAD' || (meaning?.code === 'forbidden' && request.method === 'PATCH')) return fail(readOnly)
  // The same word tells of too many long requests at once, which is over as soon as they are (limits quick reference).
  if (meaning?.code === 'allocation_used_up' && /concurrent/i.test(message)) return fail(busy(10_000))
  if (meaning?.code === 'unknown_field') return fail({ ...meaning, userText: `${hiddenField(message)} ${meaning.userText}` })
  if (meaning !== undefined) return fail(meaning)
  if (reply.status === 401) return fail(meanings.INVALID_SESSION_ID as (typeof meanings)[string])
  if (reply.status === 403) return fail(meanings.INSUFFICIENT_ACCESS as (typeof meanings)[string])
  if (reply.status === 404) return fail(meanings.NOT_FOUND as (typeof meanings)[string])
  // 420 comes from the edge (it asks to slow down), 5xx from maintenance.
  if (reply.status === 420 || reply.status === 429 || reply.status >= 500) return fail(busy(retryAfterMs(reply)))
  if (reply.status >= 400)
    return fail({
      code: 'refused_by_crm',
      retry: 'never',
      scope: 'batch',
      userText: 'Salesforce refused the request as invalid. Report this to support.',
    })
  return fail(busy(undefined))
}

/** Names of fields are no secret, unlike the question around them. */
function hiddenField(message: string): string {
  const [, name, object] = /No such column '(\w{1,80})' on (?:entity|sobject of type) '?(\w{1,80})/.exec(message) ?? []
  return name === undefined
    ? 'Salesforce does not show a field that is needed.'
    : `Salesforce does not show the field ${name} of ${object}, which is needed.`
}

const readOnly = {
  code: 'read_only',
  retry: 'never',
  scope: 'event',
  userText: 'The connected Salesforce user may not change this record. Converted leads are read-only for most users.',
} as const

function busy(afterMs: number | undefined): Pick<CodedError, 'code' | 'retry' | 'scope' | 'userText'> {
  return {
    code: 'crm_unavailable',
    retry: afterMs === undefined ? 'later' : { afterMs },
    scope: 'connection',
    userText: 'Salesforce does not answer just now. It is tried again.',
  }
}

/** What `Sforce-Limit-Info` tells of the requests of the last 24 hours, for example `api-usage=10018/100000`. */
export function allocation({ headers }: HttpReply): { used: number; limit: number } | undefined {
  const [, used, limit] = /(?:^|[\s,;])api-usage=(\d{1,12})\/(\d{1,12})/.exec(headers['sforce-limit-info'] ?? '') ?? []
  return used === undefined || Number(limit) === 0 ? undefined : { used: Number(used), limit: Number(limit) }
}

/** See `readReplyOf`. */
export const readReply = <T>(schema: z.ZodType<T>, body: unknown): T => readReplyOf('Salesforce', schema, body)

function meaningOf(word: string): (typeof meanings)[string] | undefined {
  if (word.startsWith('INSUFFICIENT_ACCESS')) return meanings.INSUFFICIENT_ACCESS
  const known = Object.hasOwn(sameMeaning, word) ? (sameMeaning[word] as string) : word
  return Object.hasOwn(meanings, known) ? meanings[known] : undefined
}

function readError(text: string): { word: string; message: string } {
  let json: unknown
  try {
    json = parseJson(text)
  } catch {
    json = [] // HTML from a gateway, or nothing at all
  }
  const [first] = errorBody.parse(json)
  return { word: first?.errorCode.replace(/\W/g, '').slice(0, 64) ?? '', message: first?.message ?? '' }
}

/** Without the query, which names records. */
const pathOf = ({ url }: CrmRequest): string => url.split('?')[0] as string

function retryAfterMs({ headers }: HttpReply): number | undefined {
  const seconds = Number(headers['retry-after'])
  return seconds > 0 ? Math.min(seconds * 1000, DAY_MS) : undefined
}
