/** Webhook requests made by hand: signed as HubSpot signs, or wrongly on purpose. */
import { request } from 'undici'
import { signV3 } from '../simulators/hubspot/sign.ts'
import { demoApp } from '../simulators/hubspot/start-hubspot.ts'
import { PORTAL, PUBLIC_URL } from './app.ts'

export interface Posting {
  /** Default: the secret of the stand-in's app. */
  secret?: string
  /** Of the signature; default: now. */
  timestamp?: number | string
  /** Replace what would be sent; null leaves a header out. */
  headers?: Record<string, string | string[] | null>
  path?: string
  method?: 'POST' | 'GET' | 'PUT' | 'DELETE' | 'HEAD'
  /** What the signature is made over; default: the body. */
  signed?: string
  /** The URL that is signed. */
  publicUrl?: string
}

export interface Reply {
  status: number
  body: Record<string, unknown>
}

/** The headers of a signed webhook with this body. */
export function signedHeaders(body: string, options: Posting = {}): Record<string, string> {
  const { secret = demoApp.clientSecret, timestamp = Date.now(), method = 'POST', signed = body } = options
  const url = options.publicUrl ?? `${PUBLIC_URL}${options.path ?? '/webhooks/hubspot'}`
  return {
    'content-type': 'application/json',
    'x-hubspot-signature-v3': signV3(secret, method, url, signed, timestamp),
    'x-hubspot-request-timestamp': String(timestamp),
  }
}

/** Posts a body (events, or any text) to the server at `url`. */
export async function post(url: string, body: unknown, options: Posting = {}): Promise<Reply> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const headers = { ...signedHeaders(text, options), ...options.headers }
  const { path = '/webhooks/hubspot', method = 'POST' } = options
  const answer = await request(url + path, {
    method,
    headers: Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== null)) as Record<string, string | string[]>,
    ...(method !== 'GET' && method !== 'HEAD' && { body: text }),
  })
  const reply = await answer.body.text()
  return { status: answer.statusCode, body: reply === '' ? {} : (JSON.parse(reply) as Record<string, unknown>) }
}

let eventIds = 500_000

/** One stage change of a contact as HubSpot tells it; anything may be replaced. */
export function stageEvent(objectId: string | number, stage: string, change: Record<string, unknown> = {}): Record<string, unknown> {
  eventIds += 1
  return {
    eventId: eventIds,
    subscriptionId: 2000,
    portalId: PORTAL,
    appId: demoApp.appId,
    occurredAt: Date.now(),
    subscriptionType: 'object.propertyChange',
    attemptNumber: 0,
    objectId: Number(objectId),
    objectTypeId: '0-1',
    propertyName: 'lifecyclestage',
    propertyValue: stage,
    changeSource: 'CRM_UI',
    sourceId: 'userId:606',
    isSensitive: false,
    ...change,
  }
}
