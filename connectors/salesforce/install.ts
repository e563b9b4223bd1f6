/** The permissions we ask for, the consent, and the renewal of tokens (Salesforce, OAuth 2.0 web server flow with PKCE). */
import { z } from 'zod'
import type { AppCredentials, ConsentAnswer, ConsentRequest, HttpPort, Install, TokenGrant, Visitor } from '../connector.ts'
import { CodedError } from '../errors.ts'
import { jsonOf } from '../read-reply.ts'
import { authUrl, isSandbox, ownOrigin } from './hosts.ts'
import { longId } from './long-id.ts'
import { labels } from './package.ts'

/** `api` opens REST and change events alike; there is no scope for parts of them. */
export const scopes = { required: ['api', 'refresh_token', 'id'], optional: [] } as const

/**
 * Salesforce does not say when a token ends: that is a setting of each org, two hours without use unless it was changed
 * (Salesforce, session settings). Used tokens live on, and where an org has made it shorter, the refusal renews the token.
 */
const LIFE_MS = 2 * 3_600_000

const reply = z.object({
  access_token: z.string().min(1),
  refresh_token: z.string().min(1).optional(),
  instance_url: z.string(),
  id: z.string(),
  scope: z.string().default(''),
})

/** See `Install.consentUrl`. */
export const consentUrl: Install['consentUrl'] = (app, request) => consentUrlFor(scopes.required, app, request)

/** The page on which somebody agrees to these scopes. */
export function consentUrlFor(
  asked: readonly string[],
  app: AppCredentials,
  { redirectUri, state, challenge, authUrl: origin }: ConsentRequest,
): string {
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: app.clientId,
    redirect_uri: redirectUri,
    scope: asked.join(' '),
    state,
    code_challenge: challenge,
    code_challenge_method: 'S256',
  })
  return `${origin ?? app.baseUrl}/services/oauth2/authorize?${query.toString().replaceAll('+', '%20')}`
}

/** See `Install.exchange`. */
export const exchange: Install['exchange'] = async (app, answer, http, now) =>
  lasting(await askForToken(app, formOf(answer), answer.authUrl ?? app.baseUrl, http), answer.authUrl ?? app.baseUrl, now)

/** Trades the code of somebody who signs in: who it is, and their own access. Nothing that lasts is asked for. Throws as `exchange`. */
export async function identify(app: AppCredentials, answer: ConsentAnswer, http: HttpPort): Promise<Visitor> {
  const { account, userId, accessToken, apiUrl } = await askForToken(app, formOf(answer), answer.authUrl ?? app.baseUrl, http)
  return { account, userId, access: { token: accessToken, apiUrl } }
}

const formOf = ({ code, redirectUri, verifier }: ConsentAnswer): Record<string, string> => ({
  grant_type: 'authorization_code',
  code,
  redirect_uri: redirectUri,
  ...(verifier !== undefined && { code_verifier: verifier }),
})

/**
 * See `Install.refresh`. Salesforce takes a refresh token once and gives another (refresh token rotation): what comes back is
 * the only one that works from then on. Orgs that do not rotate give none, and the one before stays.
 */
export const refresh: Install['refresh'] = async (app, { refreshToken, authUrl: origin = app.baseUrl }, http, now) => {
  const token = await askForToken(app, { grant_type: 'refresh_token', refresh_token: refreshToken }, origin, http)
  return lasting({ refreshToken, ...token }, origin, now)
}

/** See `Install.leave`: Salesforce ends all that was granted with the token. The package stays until an admin removes it. */
export const leave: NonNullable<Install['leave']> = async ({ app, grant, http }) => {
  const { status } = await http({
    method: 'POST',
    url: `${grant.authUrl ?? app.baseUrl}/services/oauth2/revoke`,
    form: { token: grant.refreshToken },
  })
  // 400: it is gone already.
  if (status !== 200 && status !== 400) throw unavailable(status)
}

/** See `Install.explain`. Since 2025 users consent only to apps that are installed in their org (Salesforce, connected app usage restrictions). */
export function explain(error: string): string | undefined {
  if (error === 'OAUTH_EC_APP_NOT_FOUND' || error === 'OAUTH_APPROVAL_ERROR_GENERIC')
    return 'The app is not installed in this Salesforce org yet. Install its package first, then open the link again.'
  if (error === 'OAUTH_APP_ACCESS_DENIED' || error === 'OAUTH_APP_BLOCKED')
    return 'Your user may not use this app. An admin of the org has to assign its permission set to you, then open the link again.'
  return undefined
}

const asks = [
  'read leads and opportunities, their stages and their history',
  'read who a lead is: name, e-mail, phone, address, and the fields you choose',
  'hear of changes to leads and opportunities as they happen',
  'act with the rights of the user who agrees, also while that user is away',
]

const takesAlong = `Uninstalling the package "${labels.package}" from the org deletes the fields it brought, with every Meta lead ID in them.`

export const install: Install = { scopes, asks, anybodyAgrees: true, takesAlong, consentUrl, explain, exchange, refresh, leave, authUrl }

interface Token {
  accessToken: string
  refreshToken?: string
  apiUrl: string
  account: string
  userId: string
  /** Where Salesforce says who it is; the host tells sandboxes. */
  id: string
  scopes: string[]
}

async function askForToken(app: AppCredentials, form: Record<string, string>, origin: string, http: HttpPort): Promise<Token> {
  const answer = await http({
    method: 'POST',
    url: `${origin}/services/oauth2/token`,
    form: { ...form, client_id: app.clientId, client_secret: app.clientSecrets[0] ?? '' },
  })
  const json = jsonOf(answer)
  if (answer.status < 200 || answer.status >= 300) throw classifyRefusal(answer.status, json, form.grant_type === 'authorization_code')
  const parsed = reply.safeParse(json)
  if (!parsed.success) throw unavailable(answer.status)
  const { access_token, refresh_token, instance_url, id, scope } = parsed.data
  const apiUrl = ownOrigin(instance_url, app)
  const who = ownOrigin(id, app) === undefined ? undefined : whoIs(id)
  if (apiUrl === undefined || who === undefined) throw foreignAddress()
  return {
    accessToken: access_token,
    ...(refresh_token !== undefined && { refreshToken: refresh_token }),
    ...who,
    apiUrl,
    id,
    scopes: scope.split(' ').filter((one) => one !== ''),
  }
}

function lasting({ accessToken, refreshToken, account, scopes, apiUrl, id }: Token, authUrl: string, now: number): TokenGrant {
  if (refreshToken === undefined) throw noLastingGrant()
  return {
    accessToken,
    refreshToken,
    expiresAt: now + LIFE_MS,
    account,
    scopes,
    apiUrl,
    authUrl,
    sandbox: isSandbox([apiUrl, id, authUrl]),
  }
}

/** `https://login.salesforce.com/id/<org>/<user>` (Salesforce, identity URLs); ids come with 15 or 18 characters. */
function whoIs(idUrl: string): { account: string; userId: string } | undefined {
  const [, org = '', user = ''] = /\/id\/(00D\w{12}(?:\w{3})?)\/(005\w{12}(?:\w{3})?)$/.exec(idUrl) ?? []
  const [account, userId] = [longId(org), longId(user)]
  return account === undefined || userId === undefined ? undefined : { account, userId }
}

/** The grant is over: user, org or the app in it. */
const revoked = new Set([
  ...['invalid_grant', 'inactive_user', 'inactive_org', 'invalid_user', 'access_denied', 'app_access_denied'],
  ...['OAUTH_APP_ACCESS_DENIED', 'OAUTH_EC_APP_NOT_FOUND', 'OAUTH_APPROVAL_ERROR_GENERIC'],
])
const ourFault = new Set([
  ...['invalid_client', 'invalid_client_id', 'invalid_client_credentials', 'unauthorized_client'],
  ...['unsupported_grant_type', 'unsupported_response_type', 'invalid_request', 'invalid_scope', 'redirect_uri_mismatch'],
])

/**
 * Only a clear word of Salesforce ends a connection. `invalid_grant` is said in three cases: the token is no good any more,
 * another refresh is under way (the text of older releases speaks of an expired code, though none was sent), or our address
 * is not among those that the app may be used from.
 */
function classifyRefusal(status: number, json: unknown, isExchange: boolean): CodedError {
  const body = z.object({ error: z.string().catch(''), error_description: z.string().catch('') }).safeParse(json)
  const { error: word = '', error_description: text = '' } = body.data ?? {}
  const isKnown = revoked.has(word) || ourFault.has(word)
  if (status === 429 || status >= 500 || !isKnown) return unavailable(status)
  if (isExchange && word === 'invalid_grant') return spent()
  if (/already being processed|expired authorization code/i.test(text)) return unavailable(status)
  if (ourFault.has(word) || /\bip\b/i.test(text)) return misconfigured(word)
  return new CodedError({
    code: 'grant_revoked',
    retry: 'never',
    scope: 'connection',
    userText:
      'Salesforce has withdrawn the permission: the user was deactivated, the app was blocked or uninstalled, or its access was revoked. Connect the org again.',
    message: `grant_revoked: ${word}`,
  })
}

function unavailable(status: number): CodedError {
  return new CodedError({
    code: 'token_endpoint_unavailable',
    retry: status === 429 ? { afterMs: 10_000 } : 'later',
    scope: 'connection',
    userText: 'Salesforce did not renew the access token just now. It is tried again.',
    message: `token_endpoint_unavailable: HTTP ${status}`,
  })
}

function misconfigured(word: string): CodedError {
  return new CodedError({
    code: 'app_misconfigured',
    retry: 'later',
    scope: 'connection',
    userText:
      'Salesforce does not accept the credentials of this app, or not from the address of this server. The operator has to check client id, secret and the allowed addresses; the connection itself is fine.',
    message: `app_misconfigured: ${word}`,
  })
}

function spent(): CodedError {
  return new CodedError({
    code: 'code_spent',
    retry: 'never',
    scope: 'connection',
    userText: 'This consent was used before, or it has run out. Nothing was changed; start again from the link.',
  })
}

function noLastingGrant(): CodedError {
  return new CodedError({
    code: 'no_lasting_grant',
    retry: 'never',
    scope: 'connection',
    userText:
      'Salesforce gave a permission that ends with this session. An admin has to change the refresh token policy of the app: not "expire immediately".',
  })
}

/** A token is never sent to a host that is not Salesforce's, whoever named it. */
function foreignAddress(): CodedError {
  return new CodedError({
    code: 'foreign_address',
    retry: 'later',
    scope: 'connection',
    userText: 'The answer to the sign-in named an address that is not one of Salesforce. Nothing was sent there.',
  })
}
