/** Facebook Login for pages: the dialog, the tokens that come of it, and what Meta says of a token. */
import { randomBytes } from 'node:crypto'
import type { Answer, Exchange } from '../../listen.ts'
import { graphError } from '../graph-error.ts'
import { page } from '../login.ts'
import type { PageBook, Token } from './page-book.ts'

export interface PagesApp {
  id: string
  secret: string
  redirectUris: string[]
}

export class PageLogin {
  readonly #app: PagesApp
  readonly #book: PageBook
  readonly #codes = new Map<string, { redirectUri: string; pages: string[]; scopes: string[] }>()

  constructor(app: PagesApp, book: PageBook) {
    this.#app = app
    this.#book = book
  }

  /** `GET` and `POST /{version}/dialog/oauth` with permissions named. */
  dialog(exchange: Exchange): Answer {
    const asked = exchange.query
    const redirectUri = asked.get('redirect_uri') ?? ''
    if (asked.get('client_id') !== this.#app.id) return page(400, 'Error', '<p>Invalid App ID</p>')
    if (!this.#app.redirectUris.includes(redirectUri)) return page(400, 'URL blocked', '<p>This redirect is not allowed.</p>')
    const scopes = (asked.get('scope') ?? '').split(',')
    if (exchange.method === 'GET') {
      const box = (name: string, value: string, label: string) =>
        `<label><input type="checkbox" name="${name}" value="${value}" checked> ${label}</label><br>`
      const pages = [...this.#book.pages.values()].map(({ id, name }) => box('page', id, name)).join('')
      const permissions = scopes.map((scope) => box('scope', scope, scope)).join('')
      const buttons = '<button name="decision" value="allow">Continue</button> <button name="decision" value="deny">Not now</button>'
      return page(200, 'Choose the pages', `<form method="post">${pages}${permissions}${buttons}</form>`)
    }
    const form = new URLSearchParams(exchange.body.toString('utf8'))
    const back = new URL(redirectUri)
    if (form.get('decision') === 'allow') {
      const code = randomBytes(24).toString('base64url')
      const allowed = form.getAll('scope').filter((scope) => scopes.includes(scope))
      this.#codes.set(code, { redirectUri, pages: form.getAll('page'), scopes: allowed })
      back.searchParams.set('code', code)
    } else {
      back.searchParams.set('error', 'access_denied')
      back.searchParams.set('error_reason', 'user_denied')
    }
    back.searchParams.set('state', asked.get('state') ?? '')
    return { status: 302, headers: { location: back.href } }
  }

  /** `/{version}/oauth/access_token`; undefined where the code is none of a page's. */
  token(exchange: Exchange): Answer | undefined {
    const form = exchange.method === 'POST' ? new URLSearchParams(exchange.body.toString('utf8')) : exchange.query
    const code = form.get('code') ?? ''
    const old = this.#book.tokens.get(form.get('fb_exchange_token') ?? '')
    const entry = this.#codes.get(code)
    if (old === undefined && entry === undefined) return undefined
    if (form.get('client_id') !== this.#app.id || form.get('client_secret') !== this.#app.secret)
      return graphError({ code: 1, message: 'Error validating client secret.' })
    if (old !== undefined) {
      const token = this.#book.newToken({ ...old, scopes: new Set(old.scopes), lasting: true })
      return { status: 200, json: { access_token: token, token_type: 'bearer', expires_in: 5_183_944 } }
    }
    if (entry?.redirectUri !== form.get('redirect_uri'))
      return graphError({ code: 100, subcode: 36008, message: 'Error validating verification code: redirect_uri differs.' })
    this.#codes.delete(code)
    const { pages, scopes } = entry as { pages: string[]; scopes: string[] }
    const token = this.#book.newToken({ kind: 'user', pages, scopes: new Set(scopes), lasting: false })
    return { status: 200, json: { access_token: token, token_type: 'bearer', expires_in: 3_600 } }
  }

  /** `GET /me/accounts`: the pages that were chosen. Tokens of pages last only where the person's does. */
  accounts(token: Token): unknown[] {
    return token.pages.flatMap((id) => {
      const found = this.#book.pages.get(id)
      if (found === undefined) return []
      return [{ id, name: found.name, tasks: found.tasks, access_token: this.#book.pageToken(id, token.scopes) }]
    })
  }

  /** The data of `debug_token`. */
  inspect(name: string): Record<string, unknown> {
    const token = this.#book.tokens.get(name)
    if (token === undefined || token.broken !== undefined)
      return { is_valid: false, scopes: [], error: { code: 190, subcode: token?.broken, message: 'The access token is not valid' } }
    const { kind, page: pageId, pages, scopes } = token
    return {
      app_id: this.#app.id,
      type: kind === 'page' ? 'PAGE' : 'USER',
      ...(pageId !== undefined && { profile_id: pageId }),
      user_id: '10150000000000001',
      is_valid: true,
      expires_at: 0,
      scopes: [...scopes],
      granular_scopes: [...scopes].map((scope) => ({
        scope,
        ...(kind === 'user' && /^(pages|leads)_/.test(scope) && { target_ids: pages }),
      })),
    }
  }
}
