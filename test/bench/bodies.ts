/** Webhook bodies as HubSpot sends them, signed ahead so that the senders cost little while time is taken. */
import { signV3 } from '../simulators/hubspot/sign.ts'

export const app = { appId: 5_000_001, clientId: '8f1a7c52-bench-bench-bench-00000001', clientSecret: 'bench-client-secret-0001' }

export interface SignedBody {
  body: string
  headers: Record<string, string>
  events: number
}

/** One stage change of a contact. */
export interface StageChange {
  portalId: number
  contactId: number
  stageId: string
  /** Milliseconds since the epoch. */
  at: number
}

let eventIds = 1_000_000_000

/** The body that tells of these changes, signed for `url`. HubSpot's signatures hold for five minutes. */
export function signedBody(url: string, changes: readonly StageChange[]): SignedBody {
  const body = JSON.stringify(
    changes.map(({ portalId, contactId, stageId, at }) => ({
      eventId: eventIds++,
      subscriptionId: 2_000_001,
      portalId,
      appId: app.appId,
      occurredAt: at,
      subscriptionType: 'contact.propertyChange',
      attemptNumber: 0,
      objectId: contactId,
      propertyName: 'lifecyclestage',
      propertyValue: stageId,
      changeSource: 'CRM_UI',
      sourceId: 'userId:4471',
    })),
  )
  const timestamp = String(Date.now())
  const headers = {
    'content-type': 'application/json',
    'x-hubspot-signature-v3': signV3(app.clientSecret, 'POST', url, body, timestamp),
    'x-hubspot-request-timestamp': timestamp,
  }
  return { body, headers, events: changes.length }
}
