/** Sending messages: each on its own, again and again for a day, so that a mail server or a webhook that is away costs nobody a notice. */
import { sql } from 'kysely'
import { CodedError } from '../../../connectors/errors.ts'
import { getSecrets } from '../../connections/secrets.ts'
import type { Vault } from '../../connections/vault.ts'
import type { Database } from '../../database/pool.ts'
import { transaction } from '../../database/transaction.ts'
import type { Log } from '../../log.ts'
import type { Lease } from '../../schedule/lease.ts'
import type { Content, Message } from './message.ts'
import type { WebhookPoster } from './post-webhook.ts'
import type { Mailer } from './send-mail.ts'
import { webhookBody } from './webhook-body.ts'
import { writeMail } from './write-mail.ts'

export interface SendTools {
  db: Database
  vault: Vault
  /** Absent: mail is not set up. */
  mailer?: Pick<Mailer, 'send'>
  poster: Pick<WebhookPoster, 'post'>
}

export interface SendOptions extends SendTools {
  log: Log
}

export interface Recipient {
  id: number
  kind: 'email' | 'webhook'
  /** An e-mail address, or the origin of a webhook. */
  address: string
}

/** Sent at the same time. */
const TOGETHER = 10
/** One message may take so long, whatever the other side does; ms. */
export const SEND_MS = 20_000
const FIRST_PAUSE_MS = 60_000
const LONGEST_PAUSE_MS = 3_600_000
const GIVE_UP_MS = 24 * 3_600_000

/** The pause before the next try, after so many. Milliseconds; a fifth of it is random. */
export function pauseAfter(attempts: number, random: () => number = Math.random): number {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempts - 1)) * (0.9 + random() / 5)
}

interface Due {
  id: string
  recipient_id: number
  kind: 'notices' | 'digest'
  content: never
  created_at: Date
  attempts: number
  recipient_kind: Recipient['kind']
  address: string
  workspace_id: number
  workspace: string
  time_zone: string
}

/**
 * Sends what is due, some at a time. The caller holds the lease.
 * @returns whether there may be more
 */
export async function sendMessages(tools: SendOptions, lease: Lease): Promise<boolean> {
  const { db } = tools
  const { rows } = await sql<Due>`
    select m.id, m.recipient_id, m.kind, m.content, m.created_at, m.attempts, r.kind as recipient_kind, r.address, w.id as workspace_id,
      w.name as workspace, coalesce(d.time_zone, 'UTC') as time_zone
    from message m join recipient r on r.id = m.recipient_id join workspace w on w.id = r.workspace_id left join digest d on d.workspace_id = w.id
    where m.settled_at is null and m.not_before <= now() order by m.id limit ${TOGETHER}`.execute(db)
  await lease.outlast(SEND_MS)
  await Promise.all(rows.map((row) => sendOne(tools, lease, row)))
  return rows.length === TOGETHER
}

async function sendOne(tools: SendOptions, lease: Lease, row: Due): Promise<void> {
  const error = await tryToSend(tools, row)
  const attempts = row.attempts + 1
  const next = Date.now() + pauseAfter(attempts)
  const givenUp = error !== undefined && (error.retry === 'never' || next > row.created_at.getTime() + GIVE_UP_MS)
  const outcome = error === undefined ? 'sent' : givenUp ? 'given_up' : null
  if (error !== undefined) {
    tools.log.warn({ message: row.id, recipient: row.recipient_id, error: error.code, attempts, outcome }, 'a message could not be sent')
  }
  await transaction(tools.db, async (trx) => {
    await lease.guard(trx)
    await sql`
      update message set attempts = ${attempts}, outcome = ${outcome}, last_error = ${error?.userText ?? null}, not_before = ${new Date(next)},
        settled_at = case when ${outcome !== null} then now() end
      where id = ${row.id}`.execute(trx)
  })
}

async function tryToSend(tools: SendOptions, row: Due): Promise<CodedError | undefined> {
  const message: Message = {
    id: row.id,
    createdAt: row.created_at,
    workspace: { id: row.workspace_id, name: row.workspace },
    recipientId: row.recipient_id,
    timeZone: row.time_zone,
    content: { kind: row.kind, ...(row.content as object) } as Content,
  }
  try {
    await sendMessage(tools, { id: row.recipient_id, kind: row.recipient_kind, address: row.address }, message)
    return undefined
  } catch (error) {
    if (error instanceof CodedError) return error
    // A fault of ours in one message must not keep the others.
    tools.log.error({ message: row.id, err: error }, 'a message cannot be made')
    return later('message_fault', 'Something went wrong here while the message was made.')
  }
}

/**
 * Sends one message. Throws `CodedError`: what mailer and poster throw; `mail_off` (no mail server is configured); `send_slow`;
 * the vault's.
 */
export async function sendMessage({ db, vault, mailer, poster }: SendTools, recipient: Recipient, message: Message): Promise<void> {
  if (recipient.kind === 'email') {
    if (mailer === undefined) throw later('mail_off', 'This server sends no mail: SMTP_URL is not set.')
    const id = `leadstage-${message.workspace.id}-${recipient.id}-${message.id}`
    return inTime(mailer.send(recipient.address, id, writeMail(message)))
  }
  const { url, signing } = await getSecrets(db, vault, `recipient:${recipient.id}`)
  if (url === undefined || signing === undefined) throw later('webhook_unknown', 'The address of the webhook is not known any more.')
  return inTime(poster.post({ url, secret: signing }, message.id, webhookBody(message)))
}

/** A mail server can draw out an exchange without ever being silent for long. */
async function inTime(sending: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(later('send_slow', 'The other side took too long.')), SEND_MS)
  })
  try {
    await Promise.race([sending, late])
  } finally {
    clearTimeout(timer)
  }
}

function later(code: string, userText: string): CodedError {
  return new CodedError({ code, retry: 'later', scope: 'event', userText })
}
