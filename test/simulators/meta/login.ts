/** Facebook Login for Business: a dialog on which a person lets an app into datasets, and the exchange of its code for a token. */
import { createHmac, randomBytes } from 'node:crypto'
import type { Answer, Exchange } from '../listen.ts'
import { type GraphErrorFields, graphError } from './graph-error.ts'

export interface MetaAppOptions {
  id: string
  secret: string
  /** Configurations by their ids: what they give, and for how long a token lives (seconds; absent: for good). */
  configurations: Record<string, { tokenSeconds?: number }>
  redirectUris: string[]
  /** Tokens of the app that were not won by signing in: those of its own system users. */
  tokens?: string[]
  /** Meta has put the app on the list of those that may use the Business Extension. */
  extension?: boolean
}

/** What a code is good for: `won` hears of the token it was traded for. */
export interface CodeEntry {
  redirectUri: string
  datasets: string[]
  seconds?: number | undefined
  won?: (token: string) => void
}

export const page = (status: number, title: string, body: string): Answer => ({
  status,
  headers: { 'content-type': 'text/html; charset=utf-8' },
  text: `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><main><h1>${title}</h1>${body}</main></html>`,
})

export class Login {
  readonly #app: MetaAppOptions
  readonly #datasets: ReadonlyMap<string, { id: string; tokens: string[] }>
  readonly #codes = new Map<string, CodeEntry>()
  readonly #issued: Set<string>
  /** Tokens of the app that are over: they are proven like the others, and then refused. */
  readonly #ended = new Set<string>()

  constructor(app: MetaAppOptions, datasets: ReadonlyMap<string, { id: string; tokens: string[] }>) {
    this.#app = app
    this.#datasets = datasets
    this.#issued = new Set(app.tokens)
  }

  /** `GET` and `POST /{version}/dialog/oauth`. */
  dialog(exchange: Exchange): Answer {
    const asked = exchange.query
    const redirectUri = asked.get('redirect_uri') ?? ''
    const configuration = this.#app.configurations[asked.get('config_id') ?? '']
    if (asked.get('client_id') !== this.#app.id) return page(400, 'Error', '<p>Invalid App ID</p>')
    if (!this.#app.redirectUris.includes(redirectUri))
      return page(400, 'URL blocked', '<p>This redirect failed because the URI is not allowed.</p>')
    if (configuration === undefined || asked.get('response_type') !== 'code') return page(400, 'Error', '<p>Invalid configuration</p>')
    if (exchange.method === 'GET') {
      const choices = [...this.#datasets.keys()].map(
        (id) => `<label><input type="checkbox" name="dataset" value="${id}" checked> Dataset ${id}</label><br>`,
      )
      return page(
        200,
        'Connect your business',
        `<form method="post">${choices.join('')}<button name="decision" value="allow">Continue</button> <button name="decision" value="deny">Not now</button></form>`,
      )
    }
    const form = new URLSearchParams(exchange.body.toString('utf8'))
    const back = new URL(redirectUri)
    if (form.get('decision') === 'allow') {
      back.searchParams.set('code', this.issueCode({ redirectUri, datasets: form.getAll('dataset'), seconds: configuration.tokenSeconds }))
    } else {
      back.searchParams.set('error', 'access_denied')
      back.searchParams.set('error_reason', 'user_denied')
    }
    back.searchParams.set('state', asked.get('state') ?? '')
    return { status: 302, headers: { location: back.href } }
  }

  /** `/{version}/oauth/access_token`. */
  token(exchange: Exchange): Answer {
    const form = exchange.method === 'POST' ? new URLSearchParams(exchange.body.toString('utf8')) : exchange.query
    if (form.get('client_id') !== this.#app.id || form.get('client_secret') !== this.#app.secret)
      return graphError({ code: 1, message: 'Error validating client secret.' })
    const entry = this.#codes.get(form.get('code') ?? '')
    if (entry === undefined) return graphError({ code: 100, subcode: 36009, message: 'This authorization code has been used.' })
    if (entry.redirectUri !== form.get('redirect_uri'))
      return graphError({ code: 100, subcode: 36008, message: 'Error validating verification code: redirect_uri differs.' })
    this.#codes.delete(form.get('code') ?? '')
    const token = this.issue(entry.datasets)
    entry.won?.(token)
    return {
      status: 200,
      json: { access_token: token, token_type: 'bearer', ...(entry.seconds !== undefined && { expires_in: entry.seconds }) },
    }
  }

  /** A code that can be traded for a token, once. */
  issueCode(entry: CodeEntry): string {
    const code = randomBytes(24).toString('base64url')
    this.#codes.set(code, entry)
    return code
  }

  /** A token of the app that may see and write these datasets. */
  issue(datasets: readonly string[]): string {
    const token = `EAA${randomBytes(60).toString('hex')}`
    this.#issued.add(token)
    for (const id of datasets) this.#datasets.get(id)?.tokens.push(token)
    return token
  }

  /** A token ends, as after an uninstall. */
  end(token: string): void {
    if (this.#issued.delete(token)) this.#ended.add(token)
    for (const { tokens } of this.#datasets.values()) if (tokens.includes(token)) tokens.splice(tokens.indexOf(token), 1)
  }

  /** Whether a token is one of the app, whatever it may see. */
  knows(token: string): boolean {
    return this.#issued.has(token)
  }

  /** Calls with a token of the app have to prove that the app makes them, once the app asks for that (securing requests). */
  judgeProof(token: string | undefined, proof: string | null): GraphErrorFields | undefined {
    if (token === undefined || !(this.#issued.has(token) || this.#ended.has(token))) {
      return proof === null ? undefined : { code: 100, message: 'Invalid appsecret_proof provided in the API argument' }
    }
    const right = createHmac('sha256', this.#app.secret).update(token).digest('hex')
    return proof === right ? undefined : { code: 100, message: 'API calls from the server require an appsecret_proof argument' }
  }
}
