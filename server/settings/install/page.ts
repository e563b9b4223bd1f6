/** The frame of the pages that people see on their way through an install: plain documents that need no script. */
import { createHash } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import { Html, html } from './html.ts'

const style = `
:root { color-scheme: light dark; --ink: #1c2733; --soft: #5b6876; --line: #d9dfe5; --paper: #fff; --back: #f3f5f8; --accent: #0b62d6; --on: #fff; --good: #177245; --bad: #b3261e }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edf2; --soft: #a3afbb; --line: #36414d; --paper: #1b232c; --back: #11171d; --accent: #7ab2ff; --on: #0b1118; --good: #6fd0a0; --bad: #ff9a92 } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 16px; background: var(--back); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { width: 100%; max-width: 560px; padding: 32px; background: var(--paper); border: 1px solid var(--line); border-radius: 12px }
h1 { margin: 0 0 8px; font-size: 1.4rem; line-height: 1.25 }
h1.good { color: var(--good) } h1.bad { color: var(--bad) }
p { margin: 12px 0 } ul { margin: 12px 0; padding-left: 20px } li { margin: 4px 0 }
.soft { color: var(--soft); font-size: .9rem }
label { display: block; margin: 16px 0 4px; font-weight: 600 }
input { width: 100%; padding: 10px 12px; font: inherit; color: inherit; background: var(--back); border: 1px solid var(--line); border-radius: 8px }
.choice { display: flex; gap: 8px; margin: 12px 0 8px; font-weight: 400 } .choice input { flex: none; width: auto; margin: .35em 0 0 }
[role=alert] { padding-left: 12px; border-left: 3px solid var(--bad) }
fieldset { margin: 20px 0; padding: 4px 16px 16px; border: 1px solid var(--line); border-radius: 8px } legend { padding: 0 6px; font-weight: 600 }
.note { padding-left: 12px; border-left: 3px solid var(--accent) }
.button { display: inline-block; margin-top: 16px; padding: 12px 20px; font: inherit; font-weight: 600; color: var(--on); background: var(--accent); border: 0; border-radius: 8px; text-decoration: none; cursor: pointer }
.quiet { color: var(--accent); background: none; border: 1px solid var(--accent) }
.button:focus-visible, input:focus-visible, a:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
@media (max-width: 480px) { main { padding: 24px 20px } .button { display: block; width: 100%; text-align: center } }`

const styleHash = createHash('sha256').update(style).digest('base64')
const policy = (frameAncestors: readonly string[]) =>
  [
    "default-src 'none'",
    `style-src 'sha256-${styleHash}'`,
    "form-action 'self'",
    `frame-ancestors ${frameAncestors.length === 0 ? "'none'" : frameAncestors.join(' ')}`,
    "base-uri 'none'",
  ].join('; ')

export interface Page {
  status: number
  title: string
  mood?: 'good' | 'bad'
  body: Html
  /** Origins that may show it in a frame; nobody by default. */
  frameAncestors?: readonly string[]
}

/** Sends a page that nobody stores, or learns the address of. */
export function sendPage(reply: FastifyReply, { status, title, mood, body, frameAncestors = [] }: Page): FastifyReply {
  const document = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Leadstage</title><style>${new Html(style)}</style></head>
<body><main><h1${mood === undefined ? '' : html` class="${mood}"`}>${title}</h1>${body}</main></body></html>`
  return reply
    .code(status)
    .headers({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy(frameAncestors),
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    })
    .send(document.text)
}
