/** From a verified request to changes, and to an answer that says what was wrong with which record. */
import type { RawRequest } from '../connector.ts'
import { parseJson } from '../parse-json.ts'
import { readPath } from './read-path.ts'
import { type Fault, readRecord, type WebhookChange } from './read-record.ts'
import type { WebhookSettings } from './settings.ts'

const MOST_RECORDS = 100

export interface WebhookReply {
  accepted: number
  /** Records that were not taken, by their place in the body. */
  rejected: ({ index: number } & Fault)[]
  /** Why nothing of the body was read. */
  error?: string
  message?: string
}

/** 202: at least one record was taken; 422: none of them could be; 400: no records can be seen in the body; 413: too many. */
export function parse(
  request: RawRequest,
  settings: WebhookSettings,
): { changes: WebhookChange[]; reply: { status: number; body: WebhookReply } } {
  const records = readRecords(request, settings)
  if (records === undefined) return refuse(400, 'unreadable', 'The body is not valid JSON (or form data) in UTF-8.')
  if (records.length === 0) return refuse(400, 'no_records', 'The body holds no record.')
  if (records.length > MOST_RECORDS) return refuse(413, 'too_many_records', `A body may hold up to ${MOST_RECORDS} records.`)
  const changes: WebhookChange[] = []
  const rejected: WebhookReply['rejected'] = []
  for (const [index, raw] of records.entries()) {
    const read = readRecord(raw, settings, request.receivedAt)
    if ('reason' in read) rejected.push({ index, ...read })
    else changes.push(read)
  }
  return { changes, reply: { status: changes.length > 0 ? 202 : 422, body: { accepted: changes.length, rejected } } }
}

function refuse(status: number, error: string, message: string) {
  return { changes: [], reply: { status, body: { accepted: 0, rejected: [], error, message } } }
}

/** The records in a body: a list, `{ "events": [ … ] }`, the list at the path of the settings, or the body itself. */
export function readRecords(request: Pick<RawRequest, 'headers' | 'body'>, settings: WebhookSettings): unknown[] | undefined {
  const body = readBody(request)
  if (body === undefined) return undefined
  const list = settings.records === undefined ? (readPath(body, '/events') ?? body) : readPath(body, settings.records)
  if (Array.isArray(list)) return list
  return list === undefined ? [] : [list]
}

/** Undefined for what cannot be read; integers beyond 2^53 keep all their digits. */
export function readBody({ headers, body }: Pick<RawRequest, 'headers' | 'body'>): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body)
    if (/^application\/json/i.test(headers['content-type'] ?? '')) return parseJson(text)
    return text === '' ? [] : Object.fromEntries(new URLSearchParams(text))
  } catch {
    // Bytes that are no UTF-8, text that is no JSON, or JSON nested too deeply to be looked at.
    return undefined
  }
}
