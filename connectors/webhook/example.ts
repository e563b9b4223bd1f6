/** A request as the CRM would send it, to try an address with. */
import type { WebhookSettings } from './settings.ts'
import { BASIC_USER, sign } from './verify.ts'

const TOO_OLD_MS = 8 * 86_400_000

/**
 * Headers and body that `verify` accepts, a signature for five minutes from `now` (ms). Undefined where they would show the
 * secret and must not (`reveal` false).
 */
export function example(
  secrets: Readonly<Record<string, string>>,
  { auth, secretHeader }: WebhookSettings,
  now: number,
  reveal: boolean,
): { headers: Record<string, string>; body: string } | undefined {
  const secret = secrets.webhook_secret ?? ''
  const seconds = Math.floor(now / 1000)
  // Meta takes nothing this old: trying out never tells Meta of a lead that is none.
  const longAgo = new Date(seconds * 1000 - TOO_OLD_MS).toISOString()
  const body = JSON.stringify({
    record_id: 'test-1',
    stage: 'qualified',
    occurred_at: longAgo,
    lead_created_at: longAgo,
    meta_lead_id: '12345678901234567',
    email: 'someone@example.com',
  })
  const headers = { 'content-type': 'application/json' }
  if (auth === 'path') return { headers, body }
  if (auth === 'hmac') return { headers: { ...headers, 'x-signature': `t=${seconds},v1=${sign(secret, seconds, body)}` }, body }
  if (!reveal) return undefined
  if (auth === 'basic') {
    return { headers: { ...headers, authorization: `Basic ${Buffer.from(`${BASIC_USER}:${secret}`).toString('base64')}` }, body }
  }
  return { headers: { ...headers, [secretHeader]: secretHeader === 'authorization' ? `Bearer ${secret}` : secret }, body }
}
