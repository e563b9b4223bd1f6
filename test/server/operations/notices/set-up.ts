/** A workspace on a database of its own, a real mail server, a webhook's receiver, and the run that tells people. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { sql } from 'kysely'
import { SMTPServer } from 'smtp-server'
import type { Test } from 'tap'
import { openNotice } from '../../../../server/connections/notices.ts'
import { putSecret } from '../../../../server/connections/secrets.ts'
import { createVault } from '../../../../server/connections/vault.ts'
import { createLog } from '../../../../server/log.ts'
import { notify } from '../../../../server/operations/notices/notify.ts'
import { createWebhookPoster } from '../../../../server/operations/notices/post-webhook.ts'
import { createMailer } from '../../../../server/operations/notices/send-mail.ts'
import { addRecipient } from '../../../../server/settings/recipients.ts'
import { createWorkspace } from '../../../../server/settings/workspaces.ts'
import { type Exchange, listen } from '../../../simulators/listen.ts'
import { testDatabase } from '../../../support/database.ts'

export const FROM = 'Leadstage <leadstage@example.com>'

export interface Received {
  to: string[]
  headers: string
  subject: string
  text: string
  html: string
}

/** A mail server on loopback. `refuse` says what it answers to a recipient instead of taking the mail. */
export async function startMailServer(t: Test) {
  const mails: Received[] = []
  let refusal: { code: number } | undefined
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo: (address, _session, done) =>
      refusal === undefined ? done() : done(Object.assign(new Error(`no ${address.address} here`), { responseCode: refusal.code })),
    onData: async (stream, session, done) => {
      mails.push(
        readMail(
          session.envelope.rcptTo.map(({ address }) => address),
          await text(stream),
        ),
      )
      done()
    },
  })
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const stop = () => new Promise<void>((resolve) => server.close(resolve))
  t.teardown(stop)
  const { port } = server.server.address() as AddressInfo
  return {
    mails,
    url: `smtp://127.0.0.1:${port}`,
    refuse: (code?: number) => {
      refusal = code === undefined ? undefined : { code }
    },
    stop,
  }
}

/** Subject and both bodies of a mail as `nodemailer` writes them: two parts, as they are or quoted-printable. */
function readMail(to: string[], raw: string): Received {
  const [headers = '', ...rest] = raw.split('\r\n\r\n')
  const boundary = /boundary="([^"]+)"/.exec(headers)?.[1]
  const parts = rest.join('\r\n\r\n').split(`--${boundary}`)
  const part = (type: string) => {
    const [head = '', ...body] = (parts.find((one) => one.includes(`Content-Type: ${type}`)) ?? '').split('\r\n\r\n')
    const content = body.join('\r\n\r\n')
    return (/quoted-printable/.test(head) ? unquoted(content) : content).replaceAll('\r\n', '\n').trimEnd()
  }
  const subject = /^Subject: (.*(?:\r\n .*)*)/m.exec(headers)?.[1]?.replaceAll('\r\n ', ' ') ?? ''
  return { to, headers, subject, text: part('text/plain'), html: part('text/html') }
}

function unquoted(content: string): string {
  const bytes = content.replace(/=\r\n/g, '').replace(/=([\dA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

export async function setUp(t: Test) {
  const db = await testDatabase(t)
  const vault = createVault([{ id: 'k1', key: Buffer.alloc(32, 1) }])
  const lines: string[] = []
  const log = createLog({ level: 'trace', to: { write: (line) => lines.push(line) } })
  const caller = { db, actor: 'test' }
  const { id: workspaceId } = await createWorkspace(caller, 'Acme')
  const mailServer = await startMailServer(t)
  const mailer = createMailer({ url: mailServer.url, from: FROM, timeoutMs: 5_000 })
  const poster = createWebhookPoster({ timeoutMs: 5_000, loopback: true })
  const posts: Exchange[] = []
  const receiver = await listen({
    commands: {},
    unhandled: () => undefined,
    handle: (exchange) => {
      posts.push(exchange)
      return { status: 204 }
    },
  })
  t.teardown(async () => {
    mailer.close()
    await poster.close()
    await receiver.close()
  })
  const running = new AbortController()
  return {
    db,
    vault,
    caller,
    workspaceId,
    log,
    /** What was logged. */
    lines,
    mailServer,
    mails: mailServer.mails,
    posts,
    receiver,
    notify: () => notify({ db, vault, mailer, poster, log }, running.signal),
    addMail: (email: string) => addRecipient(caller, { workspace: workspaceId, to: { email } }, { vault }),
    /** A webhook on this machine, which nobody could add. */
    async addHook() {
      const added = await addRecipient(caller, { workspace: workspaceId, to: { url: 'https://hooks.example.com/' } }, { vault })
      await putSecret(db, vault, `recipient:${added.id}`, 'url', `${receiver.url}/hook?key=secret-of-the-url`)
      return added
    },
    /** Opens a notice, some time ago. */
    async open(subject: string, code: string, text: string, minutesAgo = 2) {
      await openNotice(db, { workspaceId, subject, code, text })
      await sql`update notice set opened_at = now() - make_interval(mins => ${minutesAgo})
        where subject = ${subject} and code = ${code} and closed_at is null`.execute(db)
    },
    async close(subject: string, code: string, minutesAgo = 11) {
      await sql`update notice set closed_at = now() - make_interval(mins => ${minutesAgo})
        where subject = ${subject} and code = ${code} and closed_at is null`.execute(db)
    },
    /** What was told was told so much earlier. */
    async later(hours: number) {
      await sql`update notice_told set opened_at = opened_at - make_interval(hours => ${hours}), over_at = over_at - make_interval(hours => ${hours})`.execute(
        db,
      )
    },
    messages: async () =>
      (
        await sql<{
          recipient_id: number
          kind: string
          outcome: string | null
          attempts: number
          last_error: string | null
          pause: number
        }>`
          select recipient_id, kind, outcome, attempts, last_error, extract(epoch from not_before - now())::float8 as pause from message order by id`.execute(
          db,
        )
      ).rows,
    /** Makes due now what is to be tried again. */
    hurry: () => sql`update message set not_before = now() where settled_at is null`.execute(db),
  }
}
