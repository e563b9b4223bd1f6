import { type Html, html } from '../../settings/install/html.ts'
import type { DigestContent, Matter, Message, NoticesContent } from './message.ts'

export interface Mail {
  subject: string
  text: string
  html: string
}

/** A part of a mail: a heading, then lines. */
interface Part {
  heading: string
  lines: string[]
}

/** Longest subject that mail programs show whole, more or less. */
const SUBJECT = 110

/** The mail for a message: subject and texts are those of the notices. Pure. */
export function writeMail(message: Message): Mail {
  const { workspace, recipientId } = message
  const { subject, parts } = draft(message)
  const foot = [
    `You get this because this address is told of notices of the workspace "${workspace.name}".`,
    `To change that, ask whoever hosts Leadstage for you: leadstage notice recipients remove ${recipientId}`,
  ]
  return {
    subject: shortened(`${workspace.name}: ${subject}`),
    text: `${[...parts.map(({ heading, lines }) => [heading, ...lines].join('\n')), ['-- ', ...foot].join('\n')].join('\n\n')}\n`,
    html: page(parts, foot).text,
  }
}

function draft({ content, timeZone }: Message): { subject: string; parts: Part[] } {
  const when = (at: string) => instant(at, timeZone)
  if (content.kind === 'notices') return draftNotices(content, when)
  if (content.kind === 'digest') return draftDigest(content, when)
  return {
    subject: 'notices arrive here',
    parts: [{ heading: 'This is a test.', lines: ['Notices of this workspace will arrive here. There is nothing to do.'] }],
  }
}

function draftNotices({ opened, over }: NoticesContent, when: (at: string) => string): { subject: string; parts: Part[] } {
  const [first] = opened
  const more = opened.length > 1 ? ` (and ${opened.length - 1} more)` : ''
  const subject = first === undefined ? `no longer open: ${over.map(({ about }) => about).join(', ')}` : `${sentence(first.text)}${more}`
  return {
    subject,
    parts: [
      ...opened.map(({ about, at, text }) => ({ heading: `${about}, ${when(at)}`, lines: [text] })),
      ...(over.length === 0
        ? []
        : [
            {
              heading: 'No longer open',
              lines: over.map(({ about, at, text }) => `${about}, until ${when(at)}: ${text}`),
            },
          ]),
    ],
  }
}

function draftDigest(
  { from, to, sent, notSent, waiting, open }: DigestContent,
  when: (at: string) => string,
): { subject: string; parts: Part[] } {
  const all = total(sent)
  const kept = total(notSent)
  return {
    subject: `${all} events sent this week, ${kept} not`,
    parts: [
      { heading: `From ${when(from)} to ${when(to)}`, lines: [] },
      { heading: `Sent to Meta: ${all}`, lines: sent.map(({ eventName, count }) => `${count} ${eventName}`) },
      ...(kept === 0 ? [] : [{ heading: `Not sent: ${kept}`, lines: notSent.map(({ count, text }) => `${count}: ${text}`) }]),
      ...(waiting.count === 0
        ? []
        : [{ heading: `Waiting: ${waiting.count}`, lines: waiting.oldest === null ? [] : [`The oldest is of ${when(waiting.oldest)}.`] }]),
      ...(open.length === 0 ? [] : [{ heading: `Open notices: ${open.length}`, lines: open.map(matterLine) }]),
    ],
  }
}

const matterLine = ({ about, text }: Matter) => `${about}: ${text}`
const total = (rows: readonly { count: number }[]) => rows.reduce((sum, { count }) => sum + count, 0)

function page(parts: readonly Part[], foot: readonly string[]): Html {
  const body = parts.map(
    ({ heading, lines }) =>
      html`<h3 style="font-size:15px;margin:20px 0 4px">${heading}</h3>${lines.map((line) => html`<p style="margin:4px 0">${line}</p>`)}`,
  )
  return html`<!doctype html><html lang="en"><body style="font:14px/1.5 sans-serif;color:#1c1e21;max-width:640px">${body}<hr style="margin-top:24px;border:0;border-top:1px solid #ccc"><p style="color:#606770;font-size:12px">${foot.join(' ')}</p></body></html>`
}

/** The first sentence of a text, without its full stop. */
function sentence(text: string): string {
  return (/^.*?[^\s.:](?=[.:](\s|$))/s.exec(text)?.[0] ?? text).trim()
}

function shortened(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
  return line.length > SUBJECT ? `${line.slice(0, SUBJECT - 1).trimEnd()}…` : line
}

/** "22 Nov 2026, 09:30 CET". */
function instant(at: string, timeZone: string): string {
  const parts = { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', timeZoneName: 'short' } as const
  return new Intl.DateTimeFormat('en-GB', { ...parts, timeZone }).format(new Date(at))
}
