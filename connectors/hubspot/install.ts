/** The permissions we ask for and the renewal of tokens (HubSpot, working with OAuth). */
import { z } from 'zod'
import type { AppCredentials, ConsentAnswer, ConsentRequest, HttpPort, Install, TokenGrant } from '../connector.ts'
import { CodedError } from '../errors.ts'
import { jsonOf } from '../read-reply.ts'
import { api } from './version.ts'

/** Scopes that code asks about. */
export const scope = {
  readContacts: 'crm.objects.contacts.read',
  writeContacts: 'crm.objects.contacts.write',
  readDeals: 'crm.objects.deals.read',
  /** Only accounts with Sales Hub Professional have the lead object: required, it would block all others. */
  readLeads: 'crm.objects.leads.read',
  readContactProperties: 'crm.schemas.contacts.read',
  writeContactProperties: 'crm.schemas.contacts.write',
  /** Who may change settings is asked for, because a signed request of the page proves the user, not the right. */
  readUsers: 'settings.users.read',
} as const

/** `oauth` is on every app and has to be asked for by name. */
export const scopes = {
  required: ['oauth', scope.readContacts, scope.readDeals, scope.readContactProperties, scope.readUsers],
  optional: [scope.readLeads, scope.writeContactProperties, scope.writeContacts],
} as const

const grant = z.object({
  access_token: z.string().min(1),
  refresh_token: z.string().min(1).optional(),
  expires_in: z.number().positive(),
  hub_id: z.union([z.int().transform(String), z.string().regex(/^\d+$/)]),
  user_id: z.union([z.int().transform(String), z.string().regex(/^\d+$/)]).optional(),
  scopes: z.array(z.string()).default([]),
})

/** Where people agree; the API has another host. In tests and demos one origin is both. */
const consentOrigin = (app: AppCredentials) => (app.baseUrl === api.baseUrl ? 'https://app.hubspot.com' : app.baseUrl)

/** See `Install.consentUrl`. Spaces go as %20: HubSpot does not read a plus sign as one (OAuth quickstart, and its own SDK). */
export function consentUrl(app: AppCredentials, { redirectUri, state, challenge }: ConsentRequest): string {
  const query = new URLSearchParams({
    client_id: app.clientId,
    redirect_uri: redirectUri,
    scope: scopes.required.join(' '),
    optional_scope: scopes.optional.join(' '),
    state,
    code_challenge: challenge,
    code_challenge_method: 'S256',
  })
  return `${consentOrigin(app)}/oauth/authorize?${query.toString().replaceAll('+', '%20')}`
}

/** See `Install.exchange`. */
export const exchange: Install['exchange'] = async (app, answer, http, now) => (await exchangeWithUser(app, answer, http, now)).grant

/** As `exchange`, with the user who agreed. */
export const exchangeWithUser = (app: AppCredentials, { code, redirectUri, verifier }: ConsentAnswer, http: HttpPort, now: number) =>
  askForGrant(
    app,
    { grant_type: 'authorization_code', code, redirect_uri: redirectUri, ...(verifier !== undefined && { code_verifier: verifier }) },
    http,
    now,
  )

/** See `Install.refresh`. HubSpot keeps the refresh token as a rule; whatever comes back is what counts. */
export const refresh: Install['refresh'] = async (app, { refreshToken }, http, now) =>
  (await askForGrant(app, { grant_type: 'refresh_token', refresh_token: refreshToken }, http, now)).grant

/** See `Install.returnsTo`: HubSpot waits for the browser on a page of its own (installation from the marketplace). */
export function returnsTo(app: AppCredentials, returnUrl: string): boolean {
  const url = URL.parse(returnUrl)
  if (url === null || url.username !== '' || url.password !== '') return false
  return (url.protocol === 'https:' && /(^|\.)hubspot\.com$/.test(url.hostname)) || url.origin === new URL(app.baseUrl).origin
}

/** See `Install.leave`: removes the app from the account, whose admins get a mail about it. */
export async function leave({ client }: Parameters<NonNullable<Install['leave']>>[0]): Promise<void> {
  await client.request({ method: 'DELETE', url: `/appinstalls/${api.version}/external-install`, expect: [404] })
}

async function askForGrant(
  app: AppCredentials,
  form: Record<string, string>,
  http: HttpPort,
  now: number,
): Promise<{ grant: TokenGrant; userId: string }> {
  const reply = await http({
    method: 'POST',
    url: `${app.baseUrl}/oauth/${api.version}/token`,
    form: { ...form, client_id: app.clientId, client_secret: app.clientSecrets[0] ?? '' },
  })
  const json = jsonOf(reply)
  const parsed = reply.status >= 200 && reply.status < 300 ? grant.safeParse(json) : undefined
  if (!parsed?.success) throw classifyRefusal(reply.status, json)
  const { access_token, refresh_token = form.refresh_token, expires_in, hub_id, user_id = '', scopes } = parsed.data
  if (refresh_token === undefined) throw classifyRefusal(reply.status, json)
  const expiresAt = now + expires_in * 1000
  return { grant: { accessToken: access_token, refreshToken: refresh_token, expiresAt, account: hub_id, scopes }, userId: user_id }
}

const asks = [
  'read contacts and deals, with their stages and the history of these',
  'read leads, where your HubSpot account has them (optional)',
  'create one contact property for the Meta lead id, and fill it (optional)',
  'see which users are super admins: only they may change settings',
]

export const install: Install = { scopes, asks, consentUrl, exchange, refresh, returnsTo, leave }

const revoked = new Set(['BAD_REFRESH_TOKEN', 'BAD_HUB', 'invalid_grant'])
const SPENT = 'BAD_AUTH_CODE'
const ourFault = new Set([
  ...['BAD_CLIENT_ID', 'BAD_CLIENT_SECRET', 'BAD_SCOPES', 'BAD_REDIRECT_URI', 'BAD_CODE_VERIFIER'],
  ...['invalid_client', 'unauthorized_client', 'unsupported_grant_type', 'invalid_scope'],
])

/**
 * Only a clear word of HubSpot ends a connection. `status` is more precise than the standard's `error` and goes first:
 * an unknown client may come with either.
 */
function classifyRefusal(status: number, json: unknown): CodedError {
  const body = z.object({ status: z.string().catch(''), error: z.string().catch(''), message: z.string().catch('') }).safeParse(json)
  const { status: precise = '', error = '', message = '' } = body.data ?? {}
  if (precise === SPENT || error === SPENT)
    return new CodedError({
      code: 'code_spent',
      retry: 'never',
      scope: 'connection',
      userText: 'This consent was used before, or it has run out. Nothing was changed; start again from the link.',
    })
  const word = [precise, error].find((it) => revoked.has(it) || ourFault.has(it))
  const unknownHub = /missing or unknown hub/i.test(message)

  if (status === 429 || status >= 500 || !(word || unknownHub))
    return new CodedError({
      code: 'token_endpoint_unavailable',
      retry: status === 429 ? { afterMs: 10_000 } : 'later',
      scope: 'connection',
      userText: 'HubSpot did not renew the access token just now. It is tried again.',
      message: `token_endpoint_unavailable: HTTP ${status}`,
    })
  if (word && ourFault.has(word))
    return new CodedError({
      code: 'app_misconfigured',
      retry: 'later',
      scope: 'connection',
      userText:
        'HubSpot does not accept the credentials of this app. The operator has to check client id and secret; the connection itself is fine.',
      message: `app_misconfigured: ${word}`,
    })
  return new CodedError({
    code: 'grant_revoked',
    retry: 'never',
    scope: 'connection',
    userText: 'HubSpot has withdrawn the permission: the app was uninstalled or disconnected. Connect the account again.',
    message: `grant_revoked: ${word ?? 'unknown hub'}`,
  })
}
