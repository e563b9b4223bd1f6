import type { Exchange } from '../listen.ts'

/** A lead id exactly as the body spelled it. `literal`: an unquoted JSON number; its digits are kept as text, never rounded. */
export class LeadId {
  readonly text: string
  readonly literal: boolean
  constructor(text: string, literal: boolean) {
    this.text = text
    this.literal = literal
  }
  toJSON(): string {
    return this.text
  }
}

export interface Payload {
  fields: Record<string, unknown>
  accessToken: string | undefined
  tokenVia: 'header' | 'body' | 'query' | 'none'
}

/**
 * Reads a request's parameters the way the Graph API takes them: a JSON body, or form fields where `data` is JSON text;
 * the token in the `Authorization` header, the body or the query. Throws `SyntaxError` when JSON is broken.
 */
export function readPayload(exchange: Exchange): Payload {
  const fields = readFields(exchange)
  const bearer = /^Bearer (.+)$/i.exec(exchange.headers.authorization ?? '')?.[1]
  if (bearer !== undefined) return { fields, accessToken: bearer, tokenVia: 'header' }
  if (typeof fields.access_token === 'string') return { fields, accessToken: fields.access_token, tokenVia: 'body' }
  const query = exchange.query.get('access_token')
  return query === null ? { fields, accessToken: undefined, tokenVia: 'none' } : { fields, accessToken: query, tokenVia: 'query' }
}

function readFields(exchange: Exchange): Record<string, unknown> {
  const text = exchange.body.toString('utf8')
  if (text === '') return {}
  if (exchange.headers['content-type']?.startsWith('application/x-www-form-urlencoded')) {
    const fields: Record<string, unknown> = Object.fromEntries(new URLSearchParams(text))
    if (typeof fields.data === 'string') fields.data = parseLossless(fields.data)
    return fields
  }
  const parsed = parseLossless(text)
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new SyntaxError('the body is not an object')
  return parsed as Record<string, unknown>
}

type SourceReviver = (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown

function parseLossless(text: string): unknown {
  const keepLeadId: SourceReviver = (key, value, context) => {
    if (key !== 'lead_id') return value
    if (typeof value === 'number') return new LeadId(context.source ?? String(value), true)
    return typeof value === 'string' ? new LeadId(value, false) : value
  }
  return JSON.parse(text, keepLeadId as (key: string, value: unknown) => unknown)
}
