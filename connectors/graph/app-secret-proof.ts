import { createHmac } from 'node:crypto'

/** Proof that the caller knows the app's secret: lower-case hex HMAC-SHA256 of the token (Graph API, securing requests). */
export function appSecretProof(appSecret: string, token: string): string {
  return createHmac('sha256', appSecret).update(token).digest('hex')
}
