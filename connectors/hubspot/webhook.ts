/** HubSpot's webhooks: is this request HubSpot's, and which changes does it hold? */
import type { AppCredentials, Change, RawRequest, Verdict } from '../connector.ts'
import { isInstant } from '../is-instant.ts'
import { parseJson } from '../parse-json.ts'
import { readSignal, type WebhookEvent } from './normalise.ts'
import { objects } from './objects.ts'
import { verifySignature } from './signature.ts'

/** Judges method, content type, headers, clock and signature, in this order. Never throws. */
export function verify(request: RawRequest, app: AppCredentials): Verdict {
  if (request.method !== 'POST') return { ok: false, status: 405, code: 'method_not_allowed', text: 'HubSpot webhooks are sent with POST.' }
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? ''))
    return { ok: false, status: 415, code: 'not_json', text: 'HubSpot webhooks are application/json.' }
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

/** Values are kept of stages only: any other property may hold personal data, and is looked up when needed. */
const valuesKept: ReadonlySet<unknown> = new Set(objects.flatMap(({ stages }) => stages))

/** The event with ids as text and nothing but what we use; undefined if it has no type, no time or no readable id. */
function slim(raw: Record<string, unknown>): WebhookEvent | undefined {
  const { subscriptionType, occurredAt, propertyName } = raw
  if (typeof subscriptionType !== 'string' || !isInstant(occurredAt)) return undefined
  if (raw.objectId !== undefined && id(raw.objectId) === undefined) return undefined
  const event: WebhookEvent = { subscriptionType, occurredAt }
  // What is absent stays absent when the change is stored as JSON; here too, so that both look alike.
  const keep = <Name extends keyof WebhookEvent>(name: Name, value: WebhookEvent[Name]) => {
    if (value !== undefined) event[name] = value
  }
  keep('objectId', id(raw.objectId))
  keep('objectTypeId', text(raw.objectTypeId))
  keep('propertyName', text(propertyName))
  if (valuesKept.has(propertyName) && raw.isSensitive !== true) keep('propertyValue', text(raw.propertyValue))
  keep('newObjectId', id(raw.newObjectId))
  keep('primaryObjectId', id(raw.primaryObjectId))
  if (Array.isArray(raw.mergedObjectIds))
    keep(
      'mergedObjectIds',
      raw.mergedObjectIds.map(id).filter((it) => it !== undefined),
    )
  keep('fromObjectId', id(raw.fromObjectId))
  keep('toObjectId', id(raw.toObjectId))
  keep('fromObjectTypeId', text(raw.fromObjectTypeId))
  keep('toObjectTypeId', text(raw.toObjectTypeId))
  keep('associationType', text(raw.associationType))
  return event
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function id(value: unknown): string | undefined {
  const digits = typeof value === 'number' ? String(value) : value
  return typeof digits === 'string' && /^\d{1,19}$/.test(digits) ? digits : undefined
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
