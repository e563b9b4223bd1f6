/**
 * HubSpot's webhook events as they are kept. Parsed ones hold only what is used. A body of many stage changes may also be kept as it came:
 * then parsing is left to whoever handles it, and taking it costs half as much.
 */
import type { AppCredentials, KeepableBody } from '../connector.ts'
import { isInstant } from '../is-instant.ts'
import { objects } from './objects.ts'

/** A webhook event as it is kept: the fields we use, ids as text. Names and meanings are HubSpot's (webhooks guide). */
export interface WebhookEvent {
  subscriptionType: string
  /** Milliseconds since the epoch. */
  occurredAt: number
  objectId?: string
  /** Generic format only. */
  objectTypeId?: string
  propertyName?: string
  /** The new value, always text, empty when cleared. Kept for stage properties only. */
  propertyValue?: string
  newObjectId?: string
  primaryObjectId?: string
  mergedObjectIds?: string[]
  fromObjectId?: string
  toObjectId?: string
  fromObjectTypeId?: string
  toObjectTypeId?: string
  associationType?: string
  /** The change was not told but read from the record's history; never set from outside. */
  origin?: 'history'
  /** Of changes read from history: the pipeline at that time. */
  pipelineId?: string
}

/** Values are kept of stages only: any other property may hold personal data, and is looked up when needed. */
const valuesKept: ReadonlySet<unknown> = new Set(objects.flatMap(({ stages }) => stages))

/** The event with ids as text and nothing but what we use; undefined if it has no type, no time or no readable id. */
export function slim(raw: Record<string, unknown>): WebhookEvent | undefined {
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

/** Below this many bytes parsing costs less than looking and keeping more. */
const WORTH_IT = 4_096
/** The names that decide, each with its value where that is a number or a plain word. In JSON no text holds an unescaped quote. */
const marks = /"(portalId|appId|propertyName|isSensitive)"(?::"?(\w+)"?[,}])?/g

/**
 * See `AppPush.keepable`: all events are of one portal and of our app, and no property shows its value whose value `slim` leaves out.
 * Told by the bytes, and undefined wherever they are written in another way than HubSpot's.
 */
export function keepable(body: Buffer, app: AppCredentials): KeepableBody | undefined {
  if (body.length < WORTH_IT || body[0] !== 0x5b || body.at(-1) !== 0x5d) return undefined
  let account: string | undefined
  let changes = 0
  for (const [, name, value] of body.toString('latin1').matchAll(marks)) {
    if (value === undefined) return undefined
    switch (name) {
      case 'portalId':
        account ??= value
        if (value !== account) return undefined
        changes += 1
        break
      case 'appId':
        if (value !== app.appId) return undefined
        break
      case 'propertyName':
        if (!valuesKept.has(value)) return undefined
        break
      default:
        if (value !== 'false') return undefined
    }
  }
  return account === undefined || id(account) === undefined ? undefined : { account, changes }
}

/** A kept change as an event: one that still names its portal is as it came. Undefined where it is none. */
export function keptEvent(change: unknown): WebhookEvent | undefined {
  if (!isObject(change)) return undefined
  if (change.portalId !== undefined) return slim(change)
  const { subscriptionType, occurredAt, associationType = '', mergedObjectIds = [] } = change
  const isNamed = typeof subscriptionType === 'string' && typeof associationType === 'string'
  return isNamed && isInstant(occurredAt) && Array.isArray(mergedObjectIds) ? (change as unknown as WebhookEvent) : undefined
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function id(value: unknown): string | undefined {
  const digits = typeof value === 'number' ? String(value) : value
  return typeof digits === 'string' && /^\d{1,19}$/.test(digits) ? digits : undefined
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
