import { createHmac } from 'node:crypto'
import type { Message } from './message.ts'

/** The JSON text that a webhook gets for a message. Fields may be added to it. Pure. */
export function webhookBody({ id, createdAt, workspace, content }: Message): string {
  const { kind, ...rest } = content
  return JSON.stringify({ id, type: kind, created_at: createdAt.toISOString(), workspace, ...rest })
}

/** `t=<seconds>,v1=<hex>`: HMAC-SHA256, under the recipient's secret, of the Unix time, a dot and the body. */
export function signature(secret: string, body: string, seconds: number): string {
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`
}
