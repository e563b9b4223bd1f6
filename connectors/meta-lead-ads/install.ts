/**
 * Connecting pages: a person agrees on Meta's page and chooses pages; the person's token becomes one that lasts, and that gives the
 * tokens of the pages, which do not end (Facebook Login, access tokens; Pages API, access tokens and tasks).
 */
import { z } from 'zod'
import type { AppCredentials, ConsentRequest, HttpPort, Install, TokenGrant } from '../connector.ts'
import { CodedError } from '../errors.ts'
import { appSecretProof } from '../graph/app-secret-proof.ts'
import { loginRefusal } from '../graph/login-refusal.ts'
import { jsonOf } from '../read-reply.ts'
import { type InspectedToken, inspectToken, scopesFor } from './inspect-token.ts'
import { permissions } from './permissions.ts'

const scopes = {
  required: permissions.filter(({ fatal }) => fatal).map(({ name }) => name),
  optional: permissions.filter(({ fatal }) => !fatal).map(({ name }) => name),
}

/** Tokens of pages do not end; this one is looked at again in ten years. */
const FOR_GOOD_MS = 10 * 365 * 86_400_000

/** The right of a person without which leads of a page are not shown (webhooks for leadgen). */
const ADVERTISE = 'ADVERTISE'

const token = z.object({ access_token: z.string().min(1) })
const refused = z.object({ error: z.object({ code: z.unknown(), error_subcode: z.unknown() }).partial() })
const accounts = z.object({
  data: z.array(
    z.object({
      id: z.string().regex(/^\d{1,20}$/),
      name: z.string().catch(''),
      access_token: z.string().min(1).optional(),
      tasks: z.array(z.string()).catch([]),
    }),
  ),
  paging: z
    .object({ cursors: z.object({ after: z.string() }), next: z.string() })
    .optional()
    .catch(undefined),
})
type Page = z.infer<typeof accounts>['data'][number]

/** See `Install.consentUrl`. Login for Business asks for what a configuration says, plain Facebook Login for what we name. */
function consentUrl({ clientId, signInUrl, baseUrl, loginConfig }: AppCredentials, { redirectUri, state }: ConsentRequest): string {
  const query = new URLSearchParams({
    ...{ client_id: clientId, redirect_uri: redirectUri, state, response_type: 'code' },
    ...(loginConfig !== undefined ? { config_id: loginConfig } : { scope: [...scopes.required, ...scopes.optional].join(',') }),
  })
  return `${signInUrl ?? baseUrl}/dialog/oauth?${query}`
}

/** See `Install.exchange`. Pages for which the person may not advertise are left out. Throws `no_page` where none is left. */
const exchange: Install['exchange'] = async (app, { code, redirectUri }, http, now) => {
  const credentials = { client_id: app.clientId, client_secret: app.clientSecrets[0] ?? '' }
  const brief = await askForToken(app, { ...credentials, redirect_uri: redirectUri, code }, http)
  const person = await askForToken(app, { ...credentials, grant_type: 'fb_exchange_token', fb_exchange_token: brief }, http)
  const [told, pages] = await Promise.all([inspectToken(app, person, http), readPages(app, person, http)])
  const grants = pages.flatMap(({ id, access_token, tasks }) =>
    access_token !== undefined && tasks.includes(ADVERTISE) ? [grantOf(access_token, id, told, now)] : [],
  )
  const [first, ...others] = grants
  if (first === undefined) throw noPage(pages)
  return { ...first, ...(others.length > 0 && { others }) }
}

/** See `Install.refresh`: the token of a page is not renewed, it is good or it is not. */
const refresh: Install['refresh'] = async (app, { refreshToken }, http, now) => {
  const told = await inspectToken(app, refreshToken, http)
  if (!told.is_valid)
    throw new CodedError({
      code: 'grant_revoked',
      retry: 'never',
      scope: 'connection',
      userText:
        'Meta no longer accepts the access to this page: the app was removed, or the person who connected it has lost the right or changed the password. Connect the page again.',
    })
  if (told.type !== 'PAGE' || told.profile_id === undefined)
    throw refusedToken(
      'not_a_page_token',
      'This is not the access token of a page. Choose the page under "User or Page" where you make it.',
    )
  if (told.app_id !== app.appId)
    throw refusedToken('foreign_token', 'This access token was made for another app. Make one for the app that this server is set up with.')
  return grantOf(refreshToken, told.profile_id, told, now)
}

/** See `Install.leave`: Meta reports no more leads of the page to us. */
const leave: NonNullable<Install['leave']> = async ({ client, grant }) => {
  await client.request({ method: 'DELETE', url: `/${grant.account}/subscribed_apps` })
}

const asks = [
  'see the pages you manage, and let you choose which to connect',
  'read the instant forms of these pages and the leads that come in by them',
  'be told of each new lead at once',
  'see from which ad and campaign a lead comes (optional)',
]

const purpose =
  'Leadstage reads the leads that come in by the instant forms of your Facebook pages, so that none of them is missing in what Meta is told of your funnel.'

export const install: Install = { scopes, purpose, asks, consentUrl, exchange, refresh, leave }

function grantOf(accessToken: string, account: string, told: InspectedToken, now: number): TokenGrant {
  const ends = told.type === 'PAGE' && told.expires_at ? told.expires_at * 1000 : now + FOR_GOOD_MS
  return { accessToken, refreshToken: accessToken, expiresAt: ends, account, scopes: scopesFor(told, account) }
}

/** Everything secret goes in the body. */
async function askForToken(app: AppCredentials, form: Record<string, string>, http: HttpPort): Promise<string> {
  const json = jsonOf(await http({ method: 'POST', url: `${app.baseUrl}/oauth/access_token`, form }))
  const won = token.safeParse(json).data
  if (won !== undefined) return won.access_token
  throw loginRefusal(refused.safeParse(json).data?.error)
}

async function readPages(app: AppCredentials, person: string, http: HttpPort): Promise<Page[]> {
  const found: Page[] = []
  let after: string | undefined
  do {
    const reply = await http({
      method: 'GET',
      url: `${app.baseUrl}/me/accounts`,
      query: {
        ...{ fields: 'id,name,access_token,tasks', limit: '100', appsecret_proof: appSecretProof(app.clientSecrets[0] ?? '', person) },
        ...(after !== undefined && { after }),
      },
      headers: { authorization: `Bearer ${person}` },
    })
    const page = reply.status === 200 ? accounts.safeParse(jsonOf(reply)).data : undefined
    if (page === undefined) throw loginRefusal(refused.safeParse(jsonOf(reply)).data?.error)
    found.push(...page.data)
    after = page.paging?.cursors.after
  } while (after !== undefined)
  return found
}

function noPage(pages: readonly Page[]): CodedError {
  const named = pages.map(({ name, id }) => name || id).join(', ')
  return refusedToken(
    'no_page',
    pages.length === 0
      ? 'No page was chosen. Start again, and choose the pages whose leads are to be read.'
      : `You may not advertise for ${named} (task "Ads"). Have somebody who may connect the page, or get that right first.`,
  )
}

const refusedToken = (code: string, userText: string) => new CodedError({ code, retry: 'never', scope: 'connection', userText })
