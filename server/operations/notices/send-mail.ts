import { createTransport } from 'nodemailer'
import { CodedError } from '../../../connectors/errors.ts'
import type { Mail } from './write-mail.ts'

export interface MailOptions {
  /** smtp:// (STARTTLS is asked for, unless it is this machine) or smtps://, with user and password where needed. */
  url: string
  /** Address of the sender, with a name if wanted. */
  from: string
  /** For each step of an exchange, milliseconds. */
  timeoutMs?: number
}

export interface Mailer {
  /**
   * Hands a mail to the mail server. A mail of the same `id` sent again is known as the same by its `Message-ID`. Throws
   * `CodedError`: `mail_refused` (never: the address is not taken), `mail_failed` (later). Texts hold no address.
   */
  send(to: string, id: string, mail: Mail): Promise<void>
  close(): void
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

export function createMailer({ url, from, timeoutMs = 10_000 }: MailOptions): Mailer {
  const { hostname } = new URL(url)
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: 3,
    requireTLS: !LOOPBACK.test(hostname),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const domain = /@([\w.-]+)>?\s*$/.exec(from)?.[1] ?? 'leadstage.invalid'
  return {
    async send(to, id, mail) {
      try {
        // As an object the address is taken for one, whatever is in it.
        await transport.sendMail({
          ...mail,
          from,
          to: { name: '', address: to },
          messageId: `<${id}@${domain}>`,
          // RFC 3834: nobody's absence notice answers it.
          headers: { 'Auto-Submitted': 'auto-generated' },
        })
      } catch (error) {
        throw failure(error as { code?: string; responseCode?: number })
      }
    },
    close: () => transport.close(),
  }
}

/** The server's own text may repeat the address, so only its codes are kept. */
function failure({ code, responseCode }: { code?: string; responseCode?: number }): CodedError {
  const codes = [code, responseCode].filter(Boolean).join(' ')
  if (code === 'EENVELOPE' && responseCode !== undefined && responseCode >= 500) {
    return new CodedError({
      code: 'mail_refused',
      retry: 'never',
      scope: 'event',
      userText: `The mail server does not take mail for this address (${codes}).`,
    })
  }
  return new CodedError({
    code: 'mail_failed',
    retry: 'later',
    scope: 'event',
    userText: `The mail server did not take the mail (${codes || 'unknown'}).`,
  })
}
