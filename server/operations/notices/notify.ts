/** Telling people what needs them: one process at a time gathers what is new, and sends what is due. */
import { sql } from 'kysely'
import type { Database } from '../../database/pool.ts'
import { transaction } from '../../database/transaction.ts'
import { type Lease, withLease } from '../../schedule/lease.ts'
import { gatherDigests } from './gather-digests.ts'
import { gatherNotices } from './gather-notices.ts'
import { createWebhookPoster } from './post-webhook.ts'
import { createMailer, type MailOptions } from './send-mail.ts'
import { SEND_MS, type SendOptions, type SendTools, sendMessages } from './send-messages.ts'

/** A lease that outlasts the sending of a message. */
const LEASE = { ttlMs: 2 * SEND_MS, renewMs: SEND_MS / 2 }
const KEEP_DAYS = 30

/** One round; safe to repeat. Whoever finds another at it leaves it to them. */
export async function notify(options: SendOptions, signal: AbortSignal): Promise<void> {
  const { db } = options
  await withLease(
    db,
    'notify',
    async (lease) => {
      await transaction(db, async (trx) => {
        await lease.guard(trx)
        await gatherNotices(trx)
      })
      await sendAll(options, lease, signal)
      // Last: a digest that cannot be made must not keep a notice back.
      await gatherDigests(db, lease)
      await sendAll(options, lease, signal)
    },
    LEASE,
  )
}

async function sendAll(options: SendOptions, lease: Lease, signal: AbortSignal): Promise<void> {
  for (let more = true; more && !signal.aborted; ) more = await sendMessages(options, lease)
}

/** The run, with what it sends through; to be closed with the process. */
export function createNotifier({ mail, ...options }: Omit<SendOptions, 'mailer' | 'poster'> & { mail?: MailOptions }): {
  notify(signal: AbortSignal): Promise<void>
  /** What a test is sent with. */
  tools: Omit<SendTools, 'db'>
  close(): Promise<void>
} {
  const mailer = mail && createMailer(mail)
  const poster = createWebhookPoster()
  return {
    notify: (signal) => notify({ ...options, mailer, poster }, signal),
    tools: { vault: options.vault, mailer, poster },
    async close() {
      mailer?.close()
      await poster.close()
    },
  }
}

/** Drops what was settled a month ago. */
export async function forgetMessages(db: Database): Promise<void> {
  await sql`delete from message where settled_at < now() - make_interval(days => ${KEEP_DAYS})`.execute(db)
}
