import { createHmac } from 'node:crypto'

/**
 * The value of `X-HubSpot-Signature-v3`: base64 HMAC-SHA256 with the client secret over method, public URL, raw body and
 * timestamp (milliseconds) without separators (request validation).
 */
export function signV3(clientSecret: string, method: string, publicUrl: string, body: string, timestamp: number | string): string {
  return createHmac('sha256', clientSecret).update(`${method}${publicUrl}${body}${timestamp}`).digest('base64')
}
