import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { Answer } from '../listen.ts'
import { oauthError } from './replies.ts'

/** The app as HubSpot knows it. */
export interface App {
  appId: number
  clientId: string
  clientSecret: string
  redirectUris: string[]
}
interface Grant {
  portalId: number
  scopes: string[]
  refreshToken: string
  revoked: boolean
}
interface Access {
  grant: Grant
  scopes: string[]
  expiresAt: number
}
export type Authorisation = { ok: true; portalId: number; scopes: string[] } | { ok: false; expired: boolean }

/** How long a code can be exchanged. */
const CODE_MS = 60_000

/** Consent, authorization codes, refresh tokens and access tokens of one app in all accounts. */
export class Tokens {
  readonly app: App
  readonly #clock: () => number
  readonly #lifetimeSeconds: number
  readonly #portals: ReadonlyMap<number, unknown>
  readonly #codes = new Map<string, { grant: Grant; redirectUri: string | undefined; challenge: string | undefined; expiresAt: number }>()
  readonly #grants = new Map<string, Grant>()
  readonly #access = new Map<string, Access>()
  readonly counts = { exchanges: 0, refreshes: 0, refused: 0 }
  rotate = false

  constructor(app: App, clock: () => number, lifetimeSeconds: number, portals: ReadonlyMap<number, unknown>) {
    this.app = app
    this.#clock = clock
    this.#lifetimeSeconds = lifetimeSeconds
    this.#portals = portals
  }

  /** An admin agrees: a code to be exchanged once, and the refresh token that the exchange will return. */
  install(
    portalId: number,
    scopes: string[],
    refreshToken: string = randomUUID(),
    redirectUri?: string,
    challenge?: string,
  ): { code: string; refreshToken: string } {
    const grant: Grant = { portalId, scopes: [...scopes], refreshToken, revoked: false }
    const code = randomUUID()
    this.#codes.set(code, { grant, redirectUri, challenge, expiresAt: this.#clock() + CODE_MS })
    this.#grants.set(refreshToken, grant)
    return { code, refreshToken }
  }

  /** A token for direct use, past the token endpoint. */
  issue(refreshToken: string): string {
    const grant = this.#grants.get(refreshToken)
    if (grant === undefined) throw new Error('no such refresh token')
    return this.#mint(grant)
  }

  authorise(header: string | undefined): Authorisation {
    const access = this.#access.get(/^Bearer (.+)$/i.exec(header ?? '')?.[1] ?? '')
    if (access === undefined) return { ok: false, expired: false }
    if (access.expiresAt <= this.#clock()) return { ok: false, expired: true }
    return { ok: true, portalId: access.grant.portalId, scopes: access.scopes }
  }

  /** All access tokens of an account stop working, as if their time were up. */
  expire(portalId: number): void {
    for (const access of this.#access.values()) if (access.grant.portalId === portalId) access.expiresAt = 0
  }

  /** The refresh token dies; access tokens live on until they expire. */
  revoke(portalId: number): void {
    for (const grant of this.#grants.values()) if (grant.portalId === portalId) grant.revoked = true
  }

  /** The app is removed from the account: nothing works any more. */
  uninstall(portalId: number): void {
    this.revoke(portalId)
    this.expire(portalId)
  }

  /** From now on only these scopes are granted, to living access tokens as well. */
  setScopes(portalId: number, scopes: string[]): void {
    for (const grant of this.#grants.values()) if (grant.portalId === portalId) grant.scopes = [...scopes]
    for (const access of this.#access.values()) if (access.grant.portalId === portalId) access.scopes = [...scopes]
  }

  /** `POST /oauth/{version}/token`, form body. */
  token(form: URLSearchParams): Answer {
    const answer = this.#checkClient(form) ?? this.#grant(form)
    if (answer.status !== 200) this.counts.refused += 1
    return answer
  }

  introspect(form: URLSearchParams): Answer {
    const refused = this.#checkClient(form)
    if (refused !== undefined) return refused
    const token = form.get('token') ?? ''
    const access = this.#access.get(token)
    const grant = access?.grant ?? this.#grants.get(token)
    const dead = access === undefined ? grant?.revoked : access.expiresAt <= this.#clock()
    if (grant === undefined || dead) return { status: 200, json: { active: false } }
    return {
      status: 200,
      json: {
        active: true,
        hub_id: grant.portalId,
        user_id: 606,
        user: 'admin@example.com',
        app_id: this.app.appId,
        client_id: this.app.clientId,
        hub_domain: 'example.com',
        scopes: access?.scopes ?? grant.scopes,
        token_use: access === undefined ? 'refresh_token' : 'access_token',
        ...(access === undefined ? {} : { expires_in: Math.floor((access.expiresAt - this.#clock()) / 1000) }),
      },
    }
  }

  /** Kills a refresh token; does not uninstall, and access tokens stay good until they expire. */
  revokeByForm(form: URLSearchParams): Answer {
    const refused = this.#checkClient(form)
    if (refused !== undefined) return refused
    const grant = this.#grants.get(form.get('token') ?? '')
    if (grant !== undefined) grant.revoked = true
    return { status: 204 }
  }

  #checkClient(form: URLSearchParams): Answer | undefined {
    if (form.get('client_id') !== this.app.clientId) return oauthError('BAD_CLIENT_ID', 'invalid_client', 'missing or unknown client id')
    if (form.get('client_secret') !== this.app.clientSecret)
      return oauthError('BAD_CLIENT_SECRET', 'invalid_client', 'missing or invalid client secret')
    return undefined
  }

  #grant(form: URLSearchParams): Answer {
    const type = form.get('grant_type')
    if (type === 'authorization_code') return this.#exchange(form)
    if (type === 'refresh_token') return this.#refresh(form)
    return oauthError('BAD_GRANT_TYPE', 'unsupported_grant_type', 'missing or unknown grant type')
  }

  #exchange(form: URLSearchParams): Answer {
    const code = form.get('code') ?? ''
    const entry = this.#codes.get(code)
    if (entry === undefined || entry.expiresAt <= this.#clock())
      return oauthError('BAD_AUTH_CODE', 'invalid_grant', 'missing or unknown auth code')
    const redirectUri = form.get('redirect_uri') ?? ''
    if (!this.app.redirectUris.includes(redirectUri) || (entry.redirectUri !== undefined && entry.redirectUri !== redirectUri))
      return oauthError('BAD_REDIRECT_URI', 'invalid_request', 'the redirect uri does not match')
    const proof = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url')
    if (entry.challenge !== undefined && entry.challenge !== proof)
      return oauthError('BAD_CODE_VERIFIER', 'invalid_grant', 'the code verifier does not match')
    this.#codes.delete(code)
    this.counts.exchanges += 1
    return this.#reply(entry.grant)
  }

  #refresh(form: URLSearchParams): Answer {
    const grant = this.#grants.get(form.get('refresh_token') ?? '')
    if (grant === undefined || grant.revoked) return oauthError('BAD_REFRESH_TOKEN', 'invalid_grant', 'missing or invalid refresh token')
    if (!this.#portals.has(grant.portalId)) return oauthError('BAD_HUB', 'invalid_grant', 'missing or unknown hub id')
    this.counts.refreshes += 1
    if (this.rotate) {
      this.#grants.delete(grant.refreshToken)
      grant.refreshToken = randomUUID()
      this.#grants.set(grant.refreshToken, grant)
    }
    return this.#reply(grant)
  }

  #reply(grant: Grant): Answer {
    return {
      status: 200,
      json: {
        access_token: this.#mint(grant),
        refresh_token: grant.refreshToken,
        expires_in: this.#lifetimeSeconds,
        token_type: 'bearer',
        token_use: 'access_token',
        hub_id: grant.portalId,
        user_id: 606,
        scopes: grant.scopes,
      },
    }
  }

  #mint(grant: Grant): string {
    const token = randomBytes(180).toString('base64url')
    this.#access.set(token, { grant, scopes: grant.scopes, expiresAt: this.#clock() + this.#lifetimeSeconds * 1000 })
    return token
  }
}
