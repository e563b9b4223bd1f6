import { createHash, createHmac, randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from '../listen.ts'
import type { Org, OrgUser } from './org.ts'
import { oauthError } from './replies.ts'

/** The app as it is known in every org that has its package. */
export interface App {
  clientId: string
  clientSecret: string
  redirectUris: string[]
}
/** One approval of one user. */
interface Grant {
  org: Org
  userId: string
  scopes: string[]
  refreshToken: string
  access: Set<string>
  revoked: boolean
  usedAt: number
  /** A refresh is under way. */
  busy: boolean
}
interface Code {
  grant: Grant
  redirectUri: string
  challenge: string | null
  expiresAt: number
}
/** Who an access token speaks for. */
export interface Session {
  org: Org
  user: OrgUser
}
export interface OAuthOptions {
  app: App
  clock: () => number
  /** How long an access token lives, milliseconds: the session time-out of the org. */
  sessionMs: number
  /** How long the token endpoint is busy with one refresh, milliseconds. */
  refreshMs: number
  /** Hears when the last approval of a user has ended. */
  left: (org: Org) => void
}

const CODE_MS = 15 * 60_000
const IDLE_MS = 30 * 86_400_000
/** A user can have approved an app so many times; one more ends the oldest. */
const MOST_APPROVALS = 5
/** Users to choose from on the consent page, where none is named. */
const MOST_SHOWN = 100
const allScopes = ['api', 'refresh_token', 'id']

/** Consent, authorization codes, refresh tokens and access tokens of one app in all orgs. */
export class OAuth {
  readonly app: App
  readonly options: OAuthOptions
  /** Each refresh gives a new refresh token and ends the one before. Cannot be switched off for apps of the marketplace. */
  rotate = true
  readonly counts = { exchanges: 0, refreshes: 0, refused: 0, busy: 0, reused: 0 }
  readonly #orgs: ReadonlyMap<string, Org>
  readonly #codes = new Map<string, Code>()
  /** By their refresh tokens, spent ones too. */
  readonly #grants = new Map<string, Grant>()
  readonly #access = new Map<string, { grant: Grant; expiresAt: number }>()
  readonly #approvals = new Map<string, Grant[]>()
  #url = ''

  constructor(options: OAuthOptions, orgs: ReadonlyMap<string, Org>) {
    this.app = options.app
    this.options = options
    this.#orgs = orgs
  }

  /** Where the server listens: the origin of every org of it. */
  set url(url: string) {
    this.#url = url
  }

  // ------------------------------------------------------------------------------------------------------- past the pages

  /** A user approves, without a browser. */
  grant(
    org: Org,
    userId: string,
    refreshToken = `5Aep8${randomBytes(48).toString('base64url')}`,
    scopes: readonly string[] = allScopes,
  ): { refreshToken: string } {
    const grant: Grant = {
      org,
      userId,
      scopes: [...scopes],
      refreshToken,
      access: new Set(),
      revoked: false,
      usedAt: this.options.clock(),
      busy: false,
    }
    this.#grants.set(refreshToken, grant)
    const approvals = this.#approvals.get(userId) ?? []
    approvals.push(grant)
    if (approvals.length > MOST_APPROVALS) this.#end(approvals.shift() as Grant)
    this.#approvals.set(userId, approvals)
    return { refreshToken }
  }

  /** A token for direct use, past the token endpoint. */
  issue(refreshToken: string): string {
    const grant = this.#grants.get(refreshToken)
    if (grant === undefined) throw new Error('no such refresh token')
    return this.#mint(grant)
  }

  /** Whom an access token speaks for at present. */
  session(token: string): Session | undefined {
    const access = this.#access.get(token)
    if (access === undefined || access.grant.revoked || access.expiresAt <= this.options.clock()) return undefined
    const { org, userId } = access.grant
    const user = org.users.get(userId)
    return user?.active && this.#orgs.has(org.id) ? { org, user } : undefined
  }

  /** Who somebody is, as an address. Sandboxes sign in elsewhere, which it shows. */
  idUrl({ org, user }: Session): string {
    return `${org.facts.sandbox ? 'https://test.salesforce.com' : this.#url}/id/${org.id}/${user.id}`
  }

  /** All access tokens of an org stop working, as if their time were up. */
  expire(org: Org): void {
    for (const [token, { grant }] of this.#access) if (grant.org === org) this.#access.delete(token)
  }

  /** All approvals of an org end, with their tokens. */
  revoke(org: Org): void {
    for (const userId of org.users.keys()) for (const grant of this.#approvals.get(userId) ?? []) this.#end(grant)
  }

  // ------------------------------------------------------------------------------------------------------------ the pages

  /** `GET /services/oauth2/authorize`: the consent page, or what the app is told instead. */
  authorizePage(query: URLSearchParams): Answer {
    const refused = this.#refuseRequest(query)
    if (refused !== undefined) return refused
    const hidden = [...query]
      .map(([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`)
      .join('')
    const hint = query.get('login_hint')
    const users = [...this.#orgs.values()].flatMap((org) => [...org.users.values()].map((user) => ({ org, user })))
    const hinted = users.filter(({ user }) => user.username === hint)
    const people = (hinted.length > 0 ? hinted : users.slice(0, MOST_SHOWN)).map(
      ({ org, user }) => `<option value="${org.id}/${user.id}">${escapeHtml(user.username)} (${escapeHtml(org.facts.name)})</option>`,
    )
    const form = (label: string, body: string) =>
      `<form method="post" action="/setup/secur/RemoteAccessAuthorizationPage.apexp">${hidden}${body}<button name="decision" value="${label}">${label}</button></form>`
    const text = `<!doctype html><html><head><title>Allow Access?</title></head><body><h1>Allow Access?</h1>
<p>The app asks to: ${escapeHtml(query.get('scope') ?? allScopes.join(' '))}</p>
${form('Allow', `<label>User <select name="user">${people.join('')}</select></label> `)}
${form('Deny', '')}
</body></html>`
    return { status: 200, headers: { 'content-type': 'text/html; charset=UTF-8', 'x-frame-options': 'DENY' }, text }
  }

  /** The consent page's own form: back to the app with a code, or with a refusal. */
  decide(form: URLSearchParams): Answer {
    const refused = this.#refuseRequest(form)
    if (refused !== undefined) return refused
    if (form.get('decision') !== 'Allow') return back(form, { error: 'access_denied', error_description: 'end-user denied authorization' })
    const [orgId = '', userId = ''] = (form.get('user') ?? '').split('/')
    const org = this.#orgs.get(orgId)
    const user = org?.users.get(userId)
    if (org === undefined || user === undefined) return page(400, 'no such user')
    if (!org.facts.packageInstalled)
      return back(form, { error: 'OAUTH_EC_APP_NOT_FOUND', error_description: 'external client app is not installed in this org' })
    const code = `aPrx${randomBytes(30).toString('base64url')}==`
    const { refreshToken } = this.grant(org, userId, undefined, (form.get('scope') ?? allScopes.join(' ')).split(' '))
    this.#codes.set(code, {
      grant: this.#grants.get(refreshToken) as Grant,
      redirectUri: form.get('redirect_uri') ?? '',
      challenge: form.get('code_challenge'),
      expiresAt: this.options.clock() + CODE_MS,
    })
    return back(form, { code })
  }

  /** What is wrong with a request for consent. Without a place to go back to that is registered, only the person is told. */
  #refuseRequest(query: URLSearchParams): Answer | undefined {
    if (query.get('client_id') !== this.app.clientId)
      return page(400, 'error=invalid_client_id&amp;error_description=client identifier invalid')
    if (!this.app.redirectUris.includes(query.get('redirect_uri') ?? ''))
      return page(400, 'error=redirect_uri_mismatch&amp;error_description=redirect_uri must match configuration')
    if (query.get('response_type') !== 'code')
      return back(query, { error: 'unsupported_response_type', error_description: 'response type not supported' })
    if (!query.has('code_challenge') || query.get('code_challenge_method') !== 'S256')
      return back(query, { error: 'invalid_request', error_description: 'missing required code challenge' })
    return undefined
  }

  // --------------------------------------------------------------------------------------------------------- the endpoints

  /** `POST /services/oauth2/token`, form body. */
  async token(form: URLSearchParams): Promise<Answer> {
    const answer = this.#refuseClient(form) ?? (await this.#trade(form))
    if (answer.status !== 200) this.counts.refused += 1
    return answer
  }

  /** `POST /services/oauth2/revoke`: an access token takes only itself, a refresh token all that came of it. */
  revokeByForm(form: URLSearchParams): Answer {
    const token = form.get('token') ?? ''
    const grant = this.#grants.get(token)
    if (grant !== undefined) this.#end(grant)
    else if (!this.#access.delete(token)) return oauthError('unsupported_token_type', 'this token type is not supported')
    return { status: 200 }
  }

  /** `GET /id/<org>/<user>`. */
  identity(path: string, token: string): Answer {
    const session = this.session(token)
    if (session === undefined) return page(403, 'Bad_OAuth_Token')
    const { org, user } = session
    if (path !== `/id/${org.id}/${user.id}`) return page(403, 'Wrong_Org')
    const rest = `${this.#url}/services/data/v{version}/`
    return {
      status: 200,
      json: {
        id: this.idUrl(session),
        asserted_user: true,
        user_id: user.id,
        organization_id: org.id,
        username: user.username,
        nick_name: user.username,
        display_name: user.username,
        email: user.email,
        active: user.active,
        user_type: 'STANDARD',
        language: 'en_US',
        locale: 'en_US',
        utcOffset: 0,
        is_app_installed: org.facts.packageInstalled,
        urls: { rest, sobjects: `${rest}sobjects/`, query: `${rest}query/`, custom_domain: this.#url },
      },
    }
  }

  #refuseClient(form: URLSearchParams): Answer | undefined {
    if (form.get('client_id') !== this.app.clientId) return oauthError('invalid_client_id', 'client identifier invalid')
    if (form.get('client_secret') !== this.app.clientSecret) return oauthError('invalid_client', 'invalid client credentials')
    return undefined
  }

  async #trade(form: URLSearchParams): Promise<Answer> {
    const type = form.get('grant_type')
    if (type === 'authorization_code') return this.#exchange(form)
    if (type === 'refresh_token') return this.#refresh(form.get('refresh_token') ?? '')
    return oauthError('unsupported_grant_type', 'grant type not supported')
  }

  #exchange(form: URLSearchParams): Answer {
    const given = form.get('code') ?? ''
    const code = this.#codes.get(given)
    if (code === undefined || code.expiresAt <= this.options.clock()) return oauthError('invalid_grant', 'expired authorization code')
    if (form.get('redirect_uri') !== code.redirectUri) return oauthError('redirect_uri_mismatch', 'redirect_uri must match configuration')
    // Stricter than the standard (RFC 7636): the characters of base64url only, as people have found out.
    const verifier = form.get('code_verifier') ?? ''
    const challenge = createHash('sha256').update(verifier).digest('base64url')
    if (!/^[\w-]{43,128}$/.test(verifier) || challenge !== code.challenge?.replace(/=+$/, ''))
      return oauthError('invalid_grant', 'invalid code verifier')
    this.#codes.delete(given)
    this.counts.exchanges += 1
    return this.#reply(code.grant, true)
  }

  async #refresh(token: string): Promise<Answer> {
    const grant = this.#grants.get(token)
    if (grant === undefined || grant.revoked) return oauthError('invalid_grant', 'expired access/refresh token')
    if (grant.busy) {
      this.counts.busy += 1
      return oauthError('invalid_grant', 'token request is already being processed')
    }
    if (token !== grant.refreshToken) {
      this.counts.reused += 1
      this.#end(grant)
      return oauthError('invalid_grant', 'expired access/refresh token')
    }
    if (grant.usedAt + IDLE_MS <= this.options.clock()) {
      this.#end(grant)
      return oauthError('invalid_grant', 'expired access/refresh token')
    }
    if (!this.#orgs.has(grant.org.id)) return oauthError('inactive_org', 'organization is inactive')
    if (!grant.org.users.get(grant.userId)?.active) return oauthError('inactive_user', 'user is inactive')
    grant.busy = true
    await sleep(this.options.refreshMs)
    grant.busy = false
    // The approval may have ended meanwhile.
    if (grant.revoked) return oauthError('invalid_grant', 'expired access/refresh token')
    this.counts.refreshes += 1
    grant.usedAt = this.options.clock()
    if (!this.rotate) return this.#reply(grant, false)
    grant.refreshToken = `5Aep8${randomBytes(48).toString('base64url')}`
    this.#grants.set(grant.refreshToken, grant)
    return this.#reply(grant, true)
  }

  #reply(grant: Grant, withRefreshToken: boolean): Answer {
    const id = this.idUrl({ org: grant.org, user: grant.org.user(grant.userId) })
    const issuedAt = String(this.options.clock())
    return {
      status: 200,
      json: {
        access_token: this.#mint(grant),
        ...(withRefreshToken && grant.scopes.includes('refresh_token') && { refresh_token: grant.refreshToken }),
        signature: createHmac('sha256', this.app.clientSecret)
          .update(id + issuedAt)
          .digest('base64'),
        scope: grant.scopes.join(' '),
        instance_url: this.#url,
        id,
        token_type: 'Bearer',
        issued_at: issuedAt,
      },
    }
  }

  #mint(grant: Grant): string {
    const token = `${grant.org.id.slice(0, 15)}!${randomBytes(72).toString('base64url')}`
    this.#access.set(token, { grant, expiresAt: this.options.clock() + this.options.sessionMs })
    grant.access.add(token)
    return token
  }

  #end(grant: Grant): void {
    grant.revoked = true
    for (const token of grant.access) this.#access.delete(token)
    grant.access.clear()
    if (this.#approvals.get(grant.userId)?.every(({ revoked }) => revoked)) this.options.left(grant.org)
  }
}

function back(request: URLSearchParams, given: Record<string, string>): Answer {
  const location = new URL(request.get('redirect_uri') ?? '')
  for (const [name, value] of Object.entries(given)) location.searchParams.set(name, value)
  const state = request.get('state')
  if (state !== null) location.searchParams.set('state', state)
  return { status: 302, headers: { location: location.href } }
}

function page(status: number, text: string): Answer {
  return { status, headers: { 'content-type': 'text/html; charset=UTF-8' }, text }
}

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
