/** The settings page in real Chromium: framed as Salesforce frames it, or on its own, with the server at its public address. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import axe from 'axe-core'
import type { BrowserContext, BrowserContextOptions, Frame, Page, Route } from 'playwright-core'
import type { Test } from 'tap'
import { hashToken, newToken } from '../../../server/connections/install/tokens.ts'
import { issuePass } from '../../../server/settings/api/passes.ts'
import type { SessionOf } from '../../../server/settings/api/sessions.ts'
import { browserCookieOf } from '../../../server/settings/install/browser-cookie.ts'
import { PUBLIC_URL, type TestApp, until } from '../../support/app.ts'
import { openChromium } from '../../support/chromium.ts'
import { signedRequest } from '../../support/settings-page.ts'

const web = join(import.meta.dirname, '../../../server/settings/web')
const CODE_MS = 300_000
/** Where Salesforce shows the page. */
const LIGHTNING = 'https://acme.lightning.force.com'

/** Builds the page as `npm start` does; call it before the server starts. */
export async function buildPage(): Promise<void> {
  const child = spawn(process.execPath, [join(web, 'build-if-needed.ts')], { stdio: ['ignore', 'ignore', 'inherit'] })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error('the page was not built')
}

export interface OpenedPage {
  page: Page
  /** What is inside the frame; the page itself where there is none. */
  inside: Page | Frame
  context: BrowserContext
  /** What the page said to the console that it should not have. */
  complaints: string[]
}
type User = Pick<SessionOf, 'userId'> & { orgId: string }
/** `refreshes`: what Salesforce answers a page that asks for another signed request; by default one for the same user. */
type Given = BrowserContextOptions & { user: User; refreshes?: () => { status: number; user?: User } }

/** Opens browsers on a running app. `handle`: what happens to requests to the API, instead of reaching it. */
export async function pages(t: Test, it: TestApp, { handle }: { handle?: (route: Route) => Promise<boolean> } = {}) {
  const browser = await openChromium(t)

  async function newPage(options: BrowserContextOptions): Promise<Omit<OpenedPage, 'inside'>> {
    const context = await browser.newContext({ viewport: { width: 1180, height: 820 }, reducedMotion: 'reduce', ...options })
    // What the page still asks for when a test ends is answered by nobody.
    t.teardown(() => context.unrouteAll({ behavior: 'ignoreErrors' }))
    // The server is behind its public address, as a proxy puts it there.
    await context.route(`${PUBLIC_URL}/**`, async (route) => {
      if (await handle?.(route)) return
      const url = route.request().url().replace(PUBLIC_URL, it.url)
      const cookies = (await context.cookies(PUBLIC_URL)).map(({ name, value }) => `${name}=${value}`).join('; ')
      const headers = { ...route.request().headers(), ...(cookies !== '' && { cookie: cookies }) }
      const response = await route.fetch({ url, headers, maxRedirects: 0, timeout: 0 }).catch(() => undefined)
      await (response === undefined ? route.abort() : route.fulfill({ response })).catch(() => undefined)
    })
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))
    return { context, page, complaints }
  }

  return {
    browser,

    /** As Salesforce does: a page of its own posts the signed request into a frame. */
    async framed({ user, refreshes = () => ({ status: 200 }), ...options }: Given): Promise<OpenedPage> {
      const opened = await newPage(options)
      const { page, context } = opened
      await context.route(`${LIGHTNING}/**`, (route) => {
        const signed = signedRequest(it, user)
        const body = `<!doctype html><html lang="en"><title>Salesforce</title><style>body{margin:0;background:#b0c4df}iframe{display:block;width:100%;height:100vh;border:0}</style>
<iframe name="canvas-frame-_:Leadstage" title="Leadstage"></iframe><form method="post" action="${PUBLIC_URL}/page/salesforce" target="canvas-frame-_:Leadstage"><input type="hidden" name="signed_request" value="${signed}"></form>
<script>(${answerCanvas})();document.forms[0].submit()</script></html>`
        return route.fulfill({ contentType: 'text/html', body })
      })
      await context.route(`${LIGHTNING}/refresh`, (route) => {
        const { status, user: refreshed = user } = refreshes()
        return route.fulfill({ json: { status, payload: status === 200 ? { response: signedRequest(it, refreshed) } : 'Unauthorized' } })
      })
      await page.goto(`${LIGHTNING}/lightning/n/Leadstage`)
      let inside: Frame | null = null
      await until(() => {
        inside = page.frame({ url: `${PUBLIC_URL}/page/salesforce` })
        return inside !== null
      })
      return { ...opened, inside: inside as unknown as Frame }
    },

    /** On its own, after signing in. */
    async alone({ session, ...options }: BrowserContextOptions & { session: SessionOf }): Promise<OpenedPage> {
      const opened = await newPage(options)
      const word = newToken()
      await opened.context.addCookies([{ name: browserCookieOf(PUBLIC_URL), value: word, url: PUBLIC_URL, secure: true }])
      const code = await issuePass(it.db, 'signed_in', { ...session, browser: hashToken(word).toString('hex') }, CODE_MS)
      await opened.page.goto(`${PUBLIC_URL}/page#code=${code}`)
      return { ...opened, inside: opened.page }
    },
  }
}

/** Runs in the page of Salesforce: hears what its JavaScript SDK sends from inside the frame, and answers as the SDK reads it. */
const answerCanvas = `() => {
  const frame = document.querySelector('iframe')
  addEventListener('message', async ({ data, source, origin }) => {
    if (source !== frame.contentWindow || origin !== '${PUBLIC_URL}' || typeof data !== 'string') return
    const { seq, src, targetModule, body } = JSON.parse(data)
    if (src !== 'client' || targetModule !== 'Canvas' || body.type !== 'refresh') return
    if ('canvas-frame-' + body.config.client.instanceId !== frame.name) return
    const answer = await (await fetch('/refresh')).json()
    source.postMessage(JSON.stringify({ seq, type: 'callback', parentVersion: '41.0', ...answer, targetModule }), origin)
  })
}`

/** Ends all sessions, as a quarter of an hour does. */
export const endSessions = (it: Pick<TestApp, 'db'>) => it.db.deleteFrom('page_session').execute()
/** Ends all sign-ins, as a day does: there is no next session. */
export async function endSignIns(it: Pick<TestApp, 'db'>): Promise<void> {
  await endSessions(it)
  await it.db.deleteFrom('page_sign_in').execute()
}

/** What is seriously wrong for people who cannot see, or not use a mouse; as axe finds it. */
export async function seriousFindings(inside: Page | Frame): Promise<string[]> {
  await inside.evaluate(axe.source)
  const { violations } = (await inside.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as axe.AxeResults
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary?.slice(0, 200)}`))
}
