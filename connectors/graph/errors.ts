import {
  busy,
  type GraphErrorClass,
  type GraphErrorRule,
  type GraphErrorScope,
  graphErrorRules,
  limited,
  tellingSubcodes,
} from './error-rules.ts'
import { type ResponseHeaders, readUsage } from './usage.ts'

/** An answer of the Graph API that is not a success, as it came. `text` may be cut, empty or no JSON at all. */
export interface GraphAnswer {
  status: number
  headers: ResponseHeaders
  text: string
}

export interface GraphError {
  class: GraphErrorClass
  scope: GraphErrorScope
  status: number
  code?: number
  subcode?: number
  /** Whether we know what the error means. Errors we do not know must not use up a customer's events one by one. */
  known: boolean
  /** The least time to wait, in ms, where Meta named one or the rule does. */
  waitMs?: number
  /** After so many failures in a row a `retry` no longer counts as passing. */
  retryLimit?: number
  /** A person should hear of it at once. */
  alert: boolean
  /** Meta's own heading, in the language of the token's owner. */
  title?: string
  /** Meta's own text for the customer, else its text for developers; may be empty. To be shown, never to be parsed. */
  message: string
  /** The fields that Meta blames, as paths joined by dots. */
  fields: string[]
  /** For Meta's support. */
  fbtraceId?: string
  /** What happened and what to do, in our words. */
  userText: string
}

const TEXT_LIMIT = 500

/**
 * Says what an unsuccessful answer of the Graph API asks of us. The code in the body decides, never the HTTP status, which
 * is 400 for throttling and bad parameters alike (Graph API error handling); the status counts only where there is no code.
 * `is_transient` turns everything but throttling into a retry: a throttle names who has to wait. Pure; never throws.
 */
export function classifyGraphError(answer: GraphAnswer): GraphError {
  const body = errorBody(answer.text)
  const code = integer(body?.code)
  const subcode = integer(body?.error_subcode)
  const verdict = code === undefined ? byStatus(answer) : byCode(code, subcode, answer.status, body?.is_transient === true)
  const waitMs = Math.max(verdict.waitMs ?? 0, verdict.class === 'throttle' ? headerWait(answer.headers) : 0)
  return {
    class: verdict.class,
    scope: verdict.scope,
    status: answer.status,
    ...(code !== undefined && { code }),
    ...(subcode !== undefined && { subcode }),
    known: verdict.known ?? true,
    ...(waitMs > 0 && { waitMs }),
    ...(verdict.retryLimit !== undefined && { retryLimit: verdict.retryLimit }),
    alert: verdict.alert ?? false,
    ...(isText(body?.error_user_title) && { title: cut(body.error_user_title) }),
    message: cut([body?.error_user_msg, body?.message].find(isText) ?? ''),
    fields: blamedFields(body?.error_data),
    ...(isText(body?.fbtrace_id) && { fbtraceId: cut(body.fbtrace_id) }),
    userText: verdict.text,
  }
}

type Verdict = Omit<GraphErrorRule, 'codes' | 'subcodes'>

const passing: Verdict = { class: 'retry', scope: 'request', text: busy }
const strange: Verdict = {
  class: 'unknown',
  scope: 'event',
  known: false,
  text: 'Meta refused the event with an error that we have not met before.',
}

function byCode(code: number, subcode: number | undefined, status: number, transient: boolean): Verdict {
  const meant = subcode !== undefined && tellingSubcodes.has(subcode) ? subcode : code
  const rule = graphErrorRules.find(
    ({ codes, subcodes }) =>
      codes.some((span) => (typeof span === 'number' ? span === meant : span[0] <= meant && meant <= span[1])) &&
      (subcodes === undefined || (subcode !== undefined && subcodes.includes(subcode))),
  )
  if (rule?.class === 'throttle') return rule
  if (transient) return passing
  return rule ?? (status >= 500 ? { ...passing, known: false } : strange)
}

/** No code: an empty body, JSON of another shape, a body cut short, or the page of some machine before the Graph API. */
function byStatus({ status, text }: GraphAnswer): Verdict {
  if (status === 429) return { class: 'throttle', scope: 'token', text: limited }
  if (status === 413) return { class: 'payload', scope: 'batch', text: 'The request was larger than Meta takes.' }
  if (status >= 500 || status === 408) return passing
  const foreign = text.trim() !== '' && parsed(text) === undefined
  return foreign || status < 400 ? { ...passing, known: false } : strange
}

function headerWait(headers: ResponseHeaders): number {
  const usage = readUsage(headers)
  return Math.max(usage.regainMs, usage.resetMs)
}

function errorBody(text: string): Record<string, unknown> | undefined {
  const error = asObject(asObject(parsed(text))?.error)
  return error ?? codeInCutBody(text)
}

/** A body that was cut may still show its code, and that decides between waiting and throwing an event away. */
function codeInCutBody(text: string): Record<string, unknown> | undefined {
  if (!/^\s*\{\s*"error"\s*:\s*\{/.test(text) || parsed(text) !== undefined) return undefined
  const number = (name: string) => new RegExp(`"${name}"\\s*:\\s*(-?\\d+)\\s*,`).exec(text)?.[1]
  const code = number('code')
  return code === undefined
    ? undefined
    : { code, error_subcode: number('error_subcode'), is_transient: /"is_transient"\s*:\s*true/.test(text) }
}

/** `error_data` comes as an object or as its JSON text; the paths in it name fields and hold no values. */
function blamedFields(data: unknown): string[] {
  const specs = asObject(typeof data === 'string' ? parsed(data) : data)?.blame_field_specs
  if (!Array.isArray(specs)) return []
  return specs
    .filter(Array.isArray)
    .slice(0, 20)
    .map((path) => cut(path.join('.')))
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
}

function integer(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== ''
}

function cut(text: string): string {
  return text.length > TEXT_LIMIT ? `${text.slice(0, TEXT_LIMIT - 1)}…` : text
}
