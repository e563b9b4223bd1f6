import { randomBytes } from 'node:crypto'
import type { Answer } from '../listen.ts'

/** What a Graph error body tells besides its code; `status` is the HTTP status, which is no reliable guide (400 for most). */
export interface GraphErrorFields {
  code: number
  subcode?: number | undefined
  status?: number | undefined
  type?: string | undefined
  message?: string | undefined
  title?: string | undefined
  text?: string | undefined
  transient?: boolean | undefined
  /** Paths of the fields to blame. */
  blame?: (string | number)[][] | undefined
  headers?: Record<string, string> | undefined
}

export function traceId(): string {
  return `A${randomBytes(12).toString('base64url')}`
}

/** An answer with the error body of the Graph API (error handling guide; error reference of the Marketing API). */
export function graphError(fields: GraphErrorFields): Answer {
  const { code, subcode, title, text } = fields
  const error: Record<string, unknown> = {
    message: fields.message ?? title ?? 'Invalid parameter',
    type: fields.type ?? 'OAuthException',
    code,
  }
  if (subcode !== undefined) error.error_subcode = subcode
  if (fields.transient !== undefined) error.is_transient = fields.transient
  if (title !== undefined) error.error_user_title = title
  if (text !== undefined) error.error_user_msg = text
  if (fields.blame !== undefined) error.error_data = { blame_field_specs: fields.blame }
  error.fbtrace_id = traceId()
  return { status: fields.status ?? 400, headers: fields.headers, json: { error } }
}
