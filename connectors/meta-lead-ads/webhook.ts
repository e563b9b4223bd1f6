/** Meta's page webhooks: is this request Meta's, and which leads does it tell of? (Graph API webhooks; webhooks for leadgen) */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { AppCredentials, Change, RawRequest, Verdict } from '../connector.ts'
import { isInstant } from '../is-instant.ts'
import { parseJson } from '../parse-json.ts'

/** A lead that Meta reported. */
export interface LeadgenChange {
  id: string
  /** When the lead was generated, milliseconds. */
  at: number
}

/** See `AppPush.handshake`: Meta asks with the word that was typed into the app's dashboard, and wants its challenge back. */
export function handshake({ method, target }: RawRequest, { verifyToken }: AppCredentials): string | undefined {
  if (method !== 'GET' || verifyToken === undefined) return undefined
  const query = new URLSearchParams(target.split('?')[1] ?? '')
  const challenge = query.get('hub.challenge')
  const known = isSame(query.get('hub.verify_token') ?? '', verifyToken)
  // A number by the documentation; what is sent back must not be able to be a page.
  return known && query.get('hub.mode') === 'subscribe' && /^[\w-]{1,200}$/.test(challenge ?? '') ? (challenge as string) : undefined
}

/** Judges method, content type and the signature over the raw body. Never throws. */
export function verify(request: RawRequest, app: AppCredentials): Verdict {
  if (request.method !== 'POST') return { ok: false, status: 405, code: 'method_not_allowed', text: 'Meta sends its webhooks with POST.' }
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? ''))
    return { ok: false, status: 415, code: 'not_json', text: "Meta's webhooks are application/json." }
  const signature = request.headers['x-hub-signature-256']
  if (signature === undefined) return refuse(400, 'signature_missing', 'The request has no X-Hub-Signature-256.')
  const [, hex] = /^sha256=([0-9a-f]{64})$/.exec(signature) ?? []
  if (hex === undefined) return refuse(400, 'signature_malformed', 'The X-Hub-Signature-256 cannot be read.')
  const given = Buffer.from(hex, 'hex')
  let matches = false
  for (const secret of app.clientSecrets) {
    if (secret === '') continue // an unset secret would let anyone sign
    matches = timingSafeEqual(given, createHmac('sha256', secret).update(request.body).digest()) || matches
  }
  return matches ? { ok: true } : refuse(401, 'signature_wrong', 'The signature does not belong to this request.')
}

/**
 * The leads in a verified request, which may tell of several pages and of many leads each. `ignored` counts changes of other fields
 * and objects. Nothing is kept but id and time: the rest is read from Meta. Never throws.
 */
export function parse(request: Pick<RawRequest, 'body'>): { changes: Change[]; unreadable: number; ignored: number } {
  const result = { changes: [] as Change[], unreadable: 0, ignored: 0 }
  let body: unknown
  try {
    body = parseJson(request.body.toString('utf8'))
  } catch {
    return { ...result, unreadable: 1 }
  }
  if (!isObject(body) || !Array.isArray(body.entry)) return { ...result, unreadable: 1 }
  if (body.object !== 'page') return { ...result, ignored: body.entry.length }
  for (const entry of body.entry) {
    if (!isObject(entry) || !Array.isArray(entry.changes)) {
      result.unreadable++
      continue
    }
    for (const change of entry.changes) {
      if (isObject(change) && change.field !== undefined && change.field !== 'leadgen') {
        result.ignored++
        continue
      }
      const value = isObject(change) && isObject(change.value) ? change.value : {}
      const account = idOf(value.page_id ?? entry.id)
      const lead = readChange({ id: idOf(value.leadgen_id), at: seconds(value.created_time) ?? seconds(entry.time) })
      if (account === undefined || lead === undefined) result.unreadable++
      else result.changes.push({ account, body: lead })
    }
  }
  return result
}

/** The change in what was stored; undefined where it is none. */
export function readChange(stored: unknown): LeadgenChange | undefined {
  if (!isObject(stored)) return undefined
  const { id, at } = stored
  return typeof id === 'string' && idOf(id) === id && isInstant(at) ? { id, at } : undefined
}

const seconds = (value: unknown) => (Number.isSafeInteger(value) ? (value as number) * 1000 : undefined)

/** Ids come as numbers or text; all their digits count. */
function idOf(value: unknown): string | undefined {
  const text = Number.isSafeInteger(value) ? String(value) : value
  return typeof text === 'string' && /^\d{1,20}$/.test(text) ? text : undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** In constant time, whatever their lengths. */
function isSame(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(wanted))
}

function refuse(status: 400 | 401, code: string, text: string): Verdict {
  return { ok: false, status, code, text }
}
