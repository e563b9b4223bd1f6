/** HubSpot's webhooks: is this request HubSpot's, and which changes does it hold? */
import type { AppCredentials, Change, RawRequest, Verdict } from '../connector.ts'
import { parseJson } from '../parse-json.ts'
import { id, isObject, slim } from './kept-event.ts'
import { readSignal } from './normalise.ts'
import { verifySignature } from './signature.ts'

/** Judges method, content type, address, headers, clock and signature, in this order. Never throws. */
export function verify(request: RawRequest, app: AppCredentials): Verdict {
  if (request.method !== 'POST') return { ok: false, status: 405, code: 'method_not_allowed', text: 'HubSpot webhooks are sent with POST.' }
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? ''))
    return { ok: false, status: 415, code: 'not_json', text: 'HubSpot webhooks are application/json.' }
  // What a UI extension fetches is signed with the same secret, but whoever is at the page chooses what it says. HubSpot adds to its
  // query who that is, and webhooks have none.
  if (request.target.includes('?'))
    return { ok: false, status: 401, code: 'not_a_webhook', text: 'The address of HubSpot webhooks has no query.' }
  return verifySignature(request, app.clientSecrets)
}

/**
 * The changes in a verified request, one for each event that means something to us. `ignored` counts events of another app
 * and those without a meaning here (unknown types, other properties, cleared stages); `unreadable` those that lack what
 * every event has, or the whole body if it is not JSON. A change keeps only the fields that `normalise` reads, so that no
 * personal data is stored that nobody needs. Never throws.
 */
export function parse(request: RawRequest, app: AppCredentials): { changes: Change[]; unreadable: number; ignored: number } {
  const result = { changes: [] as Change[], unreadable: 0, ignored: 0 }
  let events: unknown
  try {
    events = parseJson(request.body.toString('utf8'))
  } catch {
    return { ...result, unreadable: 1 }
  }
  for (const raw of Array.isArray(events) ? events : [events]) {
    const account = isObject(raw) ? id(raw.portalId) : undefined
    const event = isObject(raw) ? slim(raw) : undefined
    if (!isObject(raw) || account === undefined || event === undefined) result.unreadable++
    else if (raw.appId !== undefined && id(raw.appId) !== app.appId) result.ignored++
    else if (readSignal(event) === undefined) result.ignored++
    else result.changes.push({ account, body: event })
  }
  return result
}
