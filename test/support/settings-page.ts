/** The settings API as pages reach it: with a bearer, by requests that HubSpot signs, or from a page that Salesforce opens. */
import { createHmac } from 'node:crypto'
import { openSession, type SessionOf } from '../../server/settings/api/sessions.ts'
import { signV3 } from '../simulators/hubspot/sign.ts'
import { ADMIN } from '../simulators/hubspot/start-hubspot.ts'
import { PORTAL, PUBLIC_URL, type TestApp } from './app.ts'

export interface Answered {
  status: number
  headers: Headers
  // The tests say what they expect of it.
  body: { ok: boolean; data?: never; code?: string; text?: string; field?: string; changed?: unknown }
}
export type Ask = (method: string, path: string, body?: unknown) => Promise<Answered>

async function ask(url: string, method: string, headers: Record<string, string>, body: string): Promise<Answered> {
  const sent = method === 'GET' ? {} : { body }
  const response = await fetch(url, {
    method,
    headers: { ...(method !== 'GET' && { 'content-type': 'application/json' }), ...headers },
    ...sent,
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answered['body'] }
}
const textOf = (body: unknown) => (typeof body === 'string' ? body : JSON.stringify(body ?? {}))

/** Asks with a bearer, as the web page does. */
export const withBearer =
  (it: Pick<TestApp, 'url'>, bearer: string): Ask =>
  (method, path, body) =>
    ask(`${it.url}/api${path}`, method, { authorization: `Bearer ${bearer}` }, textOf(body))

/** Somebody whose page is open. */
export async function signedIn(it: Pick<TestApp, 'url' | 'db'>, session: Partial<SessionOf> = {}): Promise<Ask> {
  const { bearer } = await openSession(it.db, { crm: 'hubspot', account: String(PORTAL), userId: ADMIN, admin: true, ...session })
  return withBearer(it, bearer)
}

export interface HubspotRequest {
  portalId?: number | string
  userId?: string
  appId?: number | string
  /** Put behind all others. */
  more?: string
  secret?: string
  /** Against now. */
  signedAgo?: number
  /** When it was signed, for a request that is sent again as it was. */
  signedAt?: number
  /** As it is signed; the documented rule decodes some escapes. */
  decoded?: boolean
  /** What is sent instead of what was signed. */
  instead?: { method?: string; body?: string; target?: (signed: string) => string }
}

/** Asks as HubSpot passes on what the UI extension fetches. */
export const byHubspot =
  (it: Pick<TestApp, 'url' | 'hubspot'>, given: HubspotRequest = {}): Ask =>
  (method, path, body) => {
    const { portalId = PORTAL, userId = ADMIN, appId = it.hubspot.app.appId, secret = it.hubspot.app.clientSecret, more = '' } = given
    const query = `userId=${userId}&portalId=${portalId}&userEmail=ana%40example.com&appId=${appId}${more}`
    const target = `/api${path}${path.includes('?') ? '&' : '?'}${query}`
    const text = method === 'GET' ? '' : textOf(body)
    const at = String(given.signedAt ?? Date.now() - (given.signedAgo ?? 0))
    const uri = `${PUBLIC_URL}${given.decoded ? target.replaceAll('%40', '@') : target}`
    const headers = { 'x-hubspot-signature-v3': signV3(secret, method, uri, text, at), 'x-hubspot-request-timestamp': at }
    const { instead = {} } = given
    return ask(`${it.url}${instead.target?.(target) ?? target}`, instead.method ?? method, headers, instead.body ?? text)
  }

/** What Salesforce posts when somebody opens the page, as the value of `signed_request`. */
export function signedRequest(
  it: Pick<TestApp, 'salesforce'>,
  { orgId, userId, secret = it.salesforce.app.clientSecret }: { orgId: string; userId: string; secret?: string },
): string {
  const { accessToken } = it.salesforce.accessToken(it.salesforce.grant({ orgId, userId }))
  const said = {
    algorithm: 'HMACSHA256',
    issuedAt: null,
    userId,
    client: { oauthToken: accessToken, instanceUrl: it.salesforce.url, targetOrigin: 'https://acme.lightning.force.com' },
    context: { organization: { organizationId: orgId }, user: { userId, email: 'ana@example.com' } },
  }
  const encoded = Buffer.from(JSON.stringify(said)).toString('base64')
  return `${createHmac('sha256', secret).update(encoded).digest('base64')}.${encoded}`
}

/** Opens the page inside Salesforce. */
export async function openPage(
  it: Pick<TestApp, 'url'>,
  signed: string,
): Promise<{ status: number; headers: Headers; html: string; bearer?: string }> {
  const response = await fetch(`${it.url}/page/salesforce`, { method: 'POST', body: new URLSearchParams({ signed_request: signed }) })
  const html = await response.text()
  const [, block] = /<script type="application\/json" id="session">(.*?)<\/script>/s.exec(html) ?? []
  const session = block === undefined ? undefined : (JSON.parse(block) as { bearer: string })
  return { status: response.status, headers: response.headers, html, ...(session && { bearer: session.bearer }) }
}
