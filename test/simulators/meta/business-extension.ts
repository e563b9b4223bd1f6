/** Meta's Business Extension: the dialog that sets an advertiser up, the look-up of what came of it, its system user's token, and the uninstall. */
import { randomInt } from 'node:crypto'
import type { Answer, Exchange } from '../listen.ts'
import { graphError } from './graph-error.ts'
import { type Login, type MetaAppOptions, page } from './login.ts'
import type { Payload } from './read-payload.ts'

interface Install {
  businessId: string
  datasetId: string
  /** Who may ask about it: tokens of people who went through the dialog, and of the system user. */
  tokens: Set<string>
}

const INSTALLS = 'fbe_business/fbe_installs'
/** Fields of `extras.setup` that have to be there (Meta Business Extension, setup object). */
const needed = ['external_business_id', 'timezone', 'currency', 'business_vertical']

export class BusinessExtension {
  readonly #app: MetaAppOptions
  readonly #login: Login
  readonly #datasets: ReadonlyMap<string, unknown>
  /** By the external business id. */
  readonly #installs = new Map<string, Install>()

  constructor(app: MetaAppOptions, login: Login, datasets: ReadonlyMap<string, unknown>) {
    this.#app = app
    this.#login = login
    this.#datasets = datasets
  }

  /** `GET` and `POST /{version}/dialog/oauth` with `extras`. */
  dialog(exchange: Exchange): Answer {
    const asked = exchange.query
    const redirectUri = asked.get('redirect_uri') ?? ''
    if (asked.get('client_id') !== this.#app.id) return page(400, 'Error', '<p>Invalid App ID</p>')
    if (!this.#app.redirectUris.includes(redirectUri)) return page(400, 'URL blocked', '<p>This redirect URI is not allowed.</p>')
    if (!(asked.get('scope') ?? '').split(',').includes('manage_business_extension') || asked.get('response_type') !== 'code')
      return page(400, 'Error', '<p>Invalid scope or response type</p>')
    const business = readExtras(asked.get('extras') ?? '')
    if (business === undefined) return page(400, 'Error', '<p>Invalid extras</p>')
    if (exchange.method === 'GET') {
      const choices = [...this.#datasets.keys()].map(
        (id) => `<label><input type="radio" name="dataset" value="${id}"> Dataset ${id}</label><br>`,
      )
      return page(
        200,
        'Set up your business',
        `<form method="post">${choices.join('')}<button name="decision" value="allow">Next</button> <button name="decision" value="deny">Cancel</button></form>`,
      )
    }
    const form = new URLSearchParams(exchange.body.toString('utf8'))
    const back = new URL(redirectUri)
    back.searchParams.set('state', asked.get('state') ?? '')
    if (form.get('decision') !== 'allow') {
      back.searchParams.set('error', 'access_denied')
      return { status: 302, headers: { location: back.href } }
    }
    const datasetId = form.get('dataset')
    const known = this.#installs.get(business)
    if (datasetId !== null && known === undefined)
      this.#installs.set(business, { businessId: String(randomInt(1e9, 1e10)), datasetId, tokens: new Set() })
    else if (datasetId !== null && known !== undefined) known.datasetId = datasetId
    const won = (token: string) => void this.#installs.get(business)?.tokens.add(token)
    back.searchParams.set('code', this.#login.issueCode({ redirectUri, datasets: [], won }))
    return { status: 302, headers: { location: back.href } }
  }

  /** Calls of its own; undefined for others. The proof of the app's secret was judged before. */
  handle(exchange: Exchange, [first, second, ...more]: string[], payload: Payload | undefined): Answer | undefined {
    if (more.length > 0) return undefined
    const token = payload?.accessToken ?? ''
    if (`${first}/${second}` === INSTALLS && ['GET', 'DELETE'].includes(exchange.method)) return this.#ofInstall(exchange, token)
    if (second === 'access_token' && exchange.method === 'POST') return this.#systemUser(first ?? '', payload?.fields ?? {}, token)
    return undefined
  }

  #ofInstall(exchange: Exchange, token: string): Answer {
    if (!this.#login.knows(token))
      return graphError({ code: 190, subcode: 458, status: 401, message: 'The user has not authorized the app' })
    const business = exchange.query.get('fbe_external_business_id') ?? ''
    const install = this.#installs.get(business)
    if (install === undefined || !install.tokens.has(token)) return { status: 200, json: { data: [] } }
    if (exchange.method === 'GET') {
      const { businessId, datasetId } = install
      const assets = { ad_account_id: '1', pages: ['1'], profiles: ['1'], instagram_profiles: [], onsite_eligible: false }
      return { status: 200, json: { data: [{ business_manager_id: businessId, pixel_id: datasetId, ...assets }] } }
    }
    this.#installs.delete(business)
    for (const ended of install.tokens) this.#login.end(ended)
    return { status: 200, json: { success: true } }
  }

  #systemUser(businessId: string, fields: Record<string, unknown>, token: string): Answer {
    const install = this.#installs.get(String(fields.fbe_external_business_id))
    if (install === undefined || install.businessId !== businessId || !install.tokens.has(token))
      return graphError({ code: 100, subcode: 33, message: 'Unsupported post request: no such business, or missing permissions' })
    if (fields.app_id !== this.#app.id || typeof fields.scope !== 'string' || !fields.scope.split(',').includes('ads_management'))
      return graphError({ code: 100, message: 'Invalid app_id or scope' })
    const issued = this.#login.issue([install.datasetId])
    install.tokens.add(issued)
    return { status: 200, json: { access_token: issued } }
  }
}

/** The external business id of well-formed extras. */
function readExtras(text: string): string | undefined {
  try {
    const { setup, business_config: config, repeat } = JSON.parse(text)
    const whole = needed.every((name) => typeof setup[name] === 'string' && setup[name] !== '')
    const named = typeof config.business.name === 'string' && config.business.name !== ''
    return whole && named && setup.channel === 'CONVERSIONS_API' && repeat === false ? setup.external_business_id : undefined
  } catch {
    return undefined
  }
}
