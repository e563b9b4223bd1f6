/** Raw requests as the server hands them to the connector, signed the way HubSpot documents it. */
import { createHmac } from 'node:crypto'
import type { AppCredentials, RawRequest } from '../../../connectors/connector.ts'

export const secret = 'demo-client-secret-0000'
export const signedAt = 1_790_000_000_500
export const app: AppCredentials = { appId: '4004', clientId: 'client', clientSecrets: [secret], baseUrl: 'https://api.hubapi.com' }

/** A signed webhook request; `change` replaces parts of it after it was signed. */
export function signedWebhook(body: string, change: Partial<RawRequest> = {}, target = '/webhooks/hubspot'): RawRequest {
  const publicUrl = 'https://capi.example.com'
  const signature = createHmac('sha256', secret).update(`POST${publicUrl}${target}${body}${signedAt}`).digest('base64')
  return {
    method: 'POST',
    publicUrl,
    target,
    headers: {
      'content-type': 'application/json',
      'x-hubspot-signature-v3': signature,
      'x-hubspot-request-timestamp': String(signedAt),
    },
    body: Buffer.from(body),
    receivedAt: signedAt + 1_000,
    ...change,
  }
}
