/** The permissions we ask for and the renewal of tokens (HubSpot, working with OAuth). */
import { z } from 'zod'
import type { AppCredentials, HttpPort, HttpReply, Install, RenewableGrant, TokenGrant } from '../connector.ts'
import { CodedError } from '../errors.ts'
import { parseJson } from '../parse-json.ts'
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
} as const

/** `oauth` is on every app and has to be asked for by name. */
export const scopes = {
  required: ['oauth', scope.readContacts, scope.readDeals, scope.readContactProperties],
  optional: [scope.readLeads, scope.writeContactProperties, scope.writeContacts],
} as const

const grant = z.object({
  access_token: z.string().min(1),
  refresh_token: z.string().min(1).optional(),
  expires_in: z.number().positive(),
  hub_id: z.union([z.int().transform(String), z.string().regex(/^\d+$/)]),
  scopes: z.array(z.string()).default([]),
})

/** See `Install.refresh`. HubSpot keeps the refresh token as a rule; whatever comes back is what counts. */
export async function refresh(app: AppCredentials, { refreshToken }: RenewableGrant, http: HttpPort, now: number): Promise<TokenGrant> {
  const reply = await http({
    method: 'POST',
    url: `${app.baseUrl}/oauth/${api.version}/token`,
    form: {
      grant_type: 'refresh_token',
      refresh_token: refreshToken,
      client_id: app.clientId,
      client_secret: app.clientSecrets[0] ?? '',
    },
  })
  const json = jsonOf(reply)
  const parsed = reply.status >= 200 && reply.status < 300 ? grant.safeParse(json) : undefined
  if (!parsed?.success) throw classifyRefusal(reply.status, json)
  const { access_token, refresh_token, expires_in, hub_id, scopes } = parsed.data
  return {
    accessToken: access_token,
    refreshToken: refresh_token ?? refreshToken,
    expiresAt: now + expires_in * 1000,
    account: hub_id,
    scopes,
  }
}

export const install: Install = { scopes, refresh }

const revoked = new Set(['BAD_REFRESH_TOKEN', 'BAD_HUB', 'invalid_grant'])
const ourFault = new Set([
  ...['BAD_CLIENT_ID', 'BAD_CLIENT_SECRET', 'BAD_SCOPES', 'BAD_REDIRECT_URI', 'BAD_CODE_VERIFIER', 'BAD_AUTH_CODE'],
  ...['invalid_client', 'unauthorized_client', 'unsupported_grant_type', 'invalid_scope'],
])

/**
 * Only a clear word of HubSpot ends a connection. `status` is more precise than the standard's `error` and goes first:
 * an unknown client may come with either.
 */
function classifyRefusal(status: number, json: unknown): CodedError {
  const body = z.object({ status: z.string().catch(''), error: z.string().catch(''), message: z.string().catch('') }).safeParse(json)
  const { status: precise = '', error = '', message = '' } = body.data ?? {}
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

/** The answer's JSON; undefined for HTML and the like. */
function jsonOf(reply: HttpReply): unknown {
  try {
    return parseJson(reply.text)
  } catch {
    return undefined
  }
}
