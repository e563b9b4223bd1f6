/**
 * The web page: opened inside a CRM by a signed request that is posted, or on its own. It gets its bearer in the document and
 * keeps it in memory; there are no cookies, which a frame would not get back.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import rateLimit from '@fastify/rate-limit'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { CodedError } from '../../../connectors/errors.ts'
import { html } from '../install/html.ts'
import { sendPage } from '../install/page.ts'
import { type OpenedByCrm, openFromCrm } from './open-page.ts'
import type { ApiTools } from './tools.ts'

export interface WebPageOptions extends Pick<ApiTools, 'db' | 'connectors' | 'apps' | 'http' | 'log'> {
  /** Where the page was built to. */
  folder?: string
}

/** What Vite builds of `web/`. */
const built = join(import.meta.dirname, '../web/dist')
/** A signed request with all that Salesforce knows of user and org has a few thousand characters. */
const BODY_LIMIT = 131_072
/** From one address, in a minute; a page loads a handful of files. */
const MOST_REQUESTS = 300

const policy = (frameAncestors: readonly string[]) =>
  [
    "default-src 'none'",
    "script-src 'self'",
    // Components place things by style attributes.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'none'",
    "base-uri 'none'",
    `frame-ancestors ${frameAncestors.length === 0 ? "'none'" : frameAncestors.join(' ')}`,
  ].join('; ')

export async function webPage(server: FastifyInstance, options: WebPageOptions): Promise<void> {
  const { connectors, log, folder = built } = options
  const ancestorsOf = (crm: string) => (Object.hasOwn(connectors, crm) ? (connectors[crm]?.page?.opening?.frameAncestors ?? []) : [])

  await server.register(rateLimit, { max: MOST_REQUESTS, timeWindow: '1 minute' })
  // What was signed is the form as it came.
  server.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string', bodyLimit: BODY_LIMIT }, (_request, body, done) =>
    done(null, body),
  )

  async function sendDocument(reply: FastifyReply, frameAncestors: readonly string[], session?: OpenedByCrm): Promise<FastifyReply> {
    const document = await readFile(join(folder, 'index.html'), 'utf8').catch(() => notBuilt)
    return reply
      .headers({
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': policy(frameAncestors),
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
      })
      .send(session === undefined ? document : document.replace('</head>', () => `${dataBlock(session)}</head>`))
  }

  server.post('/page/:crm', async (request, reply) => {
    const { crm } = request.params as { crm: string }
    const frameAncestors = ancestorsOf(crm)
    try {
      const session = await openFromCrm(options, crm, typeof request.body === 'string' ? request.body : '')
      return await sendDocument(reply, frameAncestors, session)
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      log.warn({ crm, error }, 'a page was not opened')
      const status = error.code === 'crm_off' ? 404 : error.retry === 'never' ? 401 : 503
      return sendPage(reply, {
        status,
        title: 'This page was not opened',
        mood: 'bad',
        body: html`<p>${error.userText}</p>`,
        frameAncestors,
      })
    }
  })

  for (const { manifest, page } of Object.values(connectors)) {
    const { approvalAt, frameAncestors = [] } = page?.opening ?? {}
    if (approvalAt === undefined) continue
    server.get(`/page/${manifest.id}`, (request, reply) => {
      const host = approvalAt(request.query as Record<string, unknown>)
      if (host === undefined) return reply.redirect('/page', 302)
      return sendPage(reply, {
        ...approveFirst(manifest.displayName, `/sign-in/${manifest.id}?${new URLSearchParams({ host })}`),
        frameAncestors,
      })
    })
  }

  server.get('/page', (_request, reply) => sendDocument(reply, []))

  if (existsSync(folder)) {
    // Names of built files change with what is in them.
    await server.register(fastifyStatic, { root: folder, prefix: '/page/', index: false, immutable: true, maxAge: '30d' })
  }
}

/** The CRM's own pages refuse to be framed, so approval takes a tab of its own; afterwards the CRM opens the page by itself. */
const approveFirst = (crm: string, address: string) => ({
  status: 200,
  title: 'Approve this page first',
  body: html`<p>${crm} opens this page for you once you have approved the app. That takes a tab of its own; come back here afterwards and load this page anew.</p>
<p><a class="button" href="${address}" target="_blank" rel="noopener">Approve in ${crm}</a></p>
<p class="soft">An admin can approve it for everybody: in the policies of the app, set permitted users to “Admin approved users are pre-authorized”.</p>`,
})

/** A block of data, which no policy takes for a script; nothing in it can end it. */
function dataBlock(session: OpenedByCrm): string {
  return `<script type="application/json" id="session">${JSON.stringify(session).replaceAll('<', '\\u003c')}</script>`
}

const notBuilt = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Leadstage</title></head>
<body><p>The page of this server has not been built. Its operator has to run <code>npm run build</code>.</p></body></html>`.text
