/** What the Graph API shows of pages, forms and leads, under its rules: tokens, permissions, proofs, paging, filters, limits. */
import { createHmac } from 'node:crypto'
import type { Answer, Exchange } from '../../listen.ts'
import { type GraphErrorFields, graphError } from '../graph-error.ts'
import type { Form, Lead, Page, PageBook, Token } from './page-book.ts'
import type { PageLogin, PagesApp } from './page-login.ts'
import { adNames, fieldsOf, renderForm, renderLead, unknownFormField, unknownLeadField } from './render.ts'

/** One call, as far as tests ask about it. */
export interface GraphRead {
  at: number
  method: string
  path: string
  /** Calls that it counted as. */
  calls: number
  status: number
}

const MOST_IDS = 50
const MOST_ON_PAGE = 100
const DEFAULT_ON_PAGE = 25

export class LeadEdges {
  readonly reads: GraphRead[] = []
  /** Requests that had a token in their URL. */
  tokensInUrls = 0
  readonly #book: PageBook
  readonly #login: PageLogin
  readonly #app: PagesApp
  readonly #clock: () => number

  constructor(book: PageBook, login: PageLogin, app: PagesApp, clock: () => number) {
    this.#book = book
    this.#login = login
    this.#app = app
    this.#clock = clock
  }

  /** The answer to what concerns pages and their leads; undefined for all else. `parts`: the path behind the version. */
  answer(exchange: Exchange, parts: readonly string[]): Answer | undefined {
    const bearer = /^Bearer (.+)$/i.exec(exchange.headers.authorization ?? '')?.[1]
    const name = bearer ?? exchange.query.get('access_token') ?? ''
    if (parts.length === 0 && exchange.method === 'POST') return this.#batch(exchange, name)
    const token = this.#book.tokens.get(name)
    if (token === undefined) return undefined
    if (bearer === undefined) this.tokensInUrls += 1
    const ids = exchange.query.get('ids')?.split(',')
    const calls = ids?.length ?? 1
    const budget = this.#book.pages.get(token.page ?? '')?.budget
    const now = this.#clock()
    const answer =
      budget !== undefined && !budget.take(calls, now)
        ? graphError({ code: 80005, message: 'There have been too many leadgen api calls to this Page account.', transient: true })
        : this.#judged(exchange, parts, name, token, ids)
    this.reads.push({ at: now, method: exchange.method, path: `/${parts.join('/')}`, calls, status: answer.status })
    if (budget === undefined) return answer
    const { percent, minutes } = budget.standing(now)
    const usage = { call_count: percent, total_cputime: 0, total_time: 0, estimated_time_to_regain_access: minutes }
    const headers = { 'x-business-use-case-usage': JSON.stringify({ [token.page as string]: [{ type: 'leadgen', ...usage }] }) }
    return { ...answer, headers: { ...answer.headers, ...headers } }
  }

  #judged(exchange: Exchange, parts: readonly string[], name: string, token: Token, ids: string[] | undefined): Answer {
    if (token.broken !== undefined)
      return graphError({ code: 190, subcode: token.broken, status: 401, message: 'Error validating access token' })
    const proof = createHmac('sha256', this.#app.secret).update(name).digest('hex')
    if (exchange.query.get('appsecret_proof') !== proof)
      return graphError({ code: 100, message: 'API calls from the server require an appsecret_proof argument' })
    if (ids !== undefined) return this.#many(exchange, token, ids)
    const [id = '', edge] = parts
    const { method } = exchange
    if (id === 'me' && edge === 'accounts' && method === 'GET') return this.#accounts(exchange, token)
    const page = this.#book.pages.get(id)
    const form = this.#book.forms.get(id)
    const lead = this.#book.leads.get(id)
    if (page !== undefined) return this.#ofPage(exchange, token, page, edge)
    if (form !== undefined) return this.#ofForm(exchange, token, form, edge)
    if (lead !== undefined && edge === undefined)
      return method === 'DELETE' ? this.#remove(lead) : (this.#node(exchange, token, id) ?? missing())
    return missing()
  }

  #ofPage(exchange: Exchange, token: Token, page: Page, edge: string | undefined): Answer {
    if (token.page !== page.id) return missing()
    if (edge === undefined) {
      const fields = fieldsOf(exchange.query.get('fields'))
      const known: Record<string, unknown> = { id: page.id, name: page.name, has_lead_access: { page_id: page.id, ...page.access } }
      const unknown = fields.find((field) => known[field] === undefined)
      if (unknown !== undefined) return nonexisting(unknown)
      return { status: 200, json: Object.fromEntries(['id', ...fields].map((field) => [field, known[field]])) }
    }
    if (edge === 'leadgen_forms') {
      const denied = lacks(token, 'pages_manage_ads', 'pages_read_engagement')
      if (denied !== undefined) return graphError(denied)
      const fields = fieldsOf(exchange.query.get('fields'))
      const unknown = unknownFormField(fields)
      if (unknown !== undefined) return nonexisting(unknown)
      return paged(exchange, this.#book.formsOf(page.id), (form) => renderForm(form, fields))
    }
    if (edge !== 'subscribed_apps') return missing()
    const denied = lacks(token, 'pages_manage_metadata')
    if (denied !== undefined) return graphError(denied)
    if (exchange.method === 'GET') {
      const app = { id: this.#app.id, name: 'Leadstage', subscribed_fields: page.subscribed }
      return { status: 200, json: { data: page.subscribed === undefined ? [] : [app] } }
    }
    const fields = (new URLSearchParams(exchange.body.toString('utf8')).get('subscribed_fields') ?? '').split(',')
    if (exchange.method === 'POST' && fields.some((field) => field !== 'leadgen'))
      return graphError({ code: 100, message: 'Param subscribed_fields must be one of the page fields' })
    page.subscribed = exchange.method === 'DELETE' ? undefined : fields
    return { status: 200, json: { success: 'true' } }
  }

  #ofForm(exchange: Exchange, token: Token, form: Form, edge: string | undefined): Answer {
    if (edge === undefined) return this.#node(exchange, token, form.id) ?? missing()
    if (token.page !== form.page) return missing()
    const denied = this.#deniedLeads(token) ?? lacks(token, 'pages_manage_ads')
    if (denied !== undefined) return graphError(denied)
    const fields = fieldsOf(exchange.query.get('fields'))
    const unknown = unknownLeadField(fields) ?? (fields.some((name) => adNames.includes(name)) ? deniedAds(token) : undefined)
    if (unknown !== undefined) return typeof unknown === 'string' ? nonexisting(unknown) : graphError(unknown)
    if (edge === 'test_leads')
      return paged(
        exchange,
        form.leads.filter(({ test }) => test),
        (lead) => renderLead(lead, fields),
      )
    if (edge !== 'leads') return missing()
    const wanted = filterOf(exchange.query.get('filtering'))
    if (wanted === undefined) return graphError({ code: 100, message: 'Param filtering must be a list of filters' })
    return paged(exchange, form.leads.filter((lead) => !lead.test && wanted(lead)).toReversed(), (lead) => renderLead(lead, fields))
  }

  /** Many objects in one request: what one of them is refused for, all are. */
  #many(exchange: Exchange, token: Token, ids: readonly string[]): Answer {
    if (ids.length > MOST_IDS) return graphError({ code: 100, message: `Too many IDs. Maximum: ${MOST_IDS}. Provided: ${ids.length}.` })
    const nodes: Record<string, unknown> = {}
    for (const id of ids) {
      const answer = this.#node(exchange, token, id)
      if (answer === undefined)
        return graphError({ code: 803, status: 404, message: `Some of the aliases you requested do not exist: ${id}` })
      if (answer.status !== 200) return answer
      nodes[id] = answer.json
    }
    return { status: 200, json: nodes }
  }

  /** A lead or a form by itself. */
  #node(exchange: Exchange, token: Token, id: string): Answer | undefined {
    const fields = fieldsOf(exchange.query.get('fields'))
    const form = this.#book.forms.get(id)
    if (form !== undefined && form.page === token.page) {
      const unknown = unknownFormField(fields)
      const denied = lacks(token, 'pages_read_engagement')
      if (denied !== undefined) return graphError(denied)
      return unknown === undefined ? { status: 200, json: renderForm(form, fields) } : nonexisting(unknown)
    }
    const lead = this.#book.leads.get(id)
    if (lead === undefined || this.#book.forms.get(lead.form)?.page !== token.page) return undefined
    const denied = this.#deniedLeads(token)
    if (denied !== undefined) return graphError(denied)
    const unknown = unknownLeadField(fields)
    if (unknown !== undefined) return nonexisting(unknown)
    const withheld = fields.some((name) => adNames.includes(name)) ? deniedAds(token) : undefined
    return withheld === undefined ? { status: 200, json: renderLead(lead, fields) } : graphError(withheld)
  }

  /** Permissions, and then Leads Access Manager, whose refusal looks like a lead that is not there. */
  #deniedLeads(token: Token): GraphErrorFields | undefined {
    const denied = lacks(token, 'leads_retrieval', 'pages_read_engagement')
    if (denied !== undefined) return denied
    const access = this.#book.pages.get(token.page ?? '')?.access
    return access?.can_access_lead === false
      ? { code: 100, subcode: 33, type: 'GraphMethodException', message: 'Unsupported get request. Object cannot be loaded.' }
      : undefined
  }

  #accounts(exchange: Exchange, token: Token): Answer {
    if (token.kind !== 'user') return missing()
    const denied = lacks(token, 'pages_show_list')
    if (denied !== undefined) return graphError(denied)
    return paged(exchange, this.#login.accounts(token), (account) => account)
  }

  #remove(lead: Lead): Answer {
    this.#book.leads.delete(lead.id)
    const form = this.#book.forms.get(lead.form)
    if (form !== undefined) form.leads = form.leads.filter(({ id }) => id !== lead.id)
    return { status: 200, json: { success: true } }
  }

  /** Only what asks about tokens is known in a batch. The app asks in its own name, and needs no proof for that. */
  #batch(exchange: Exchange, name: string): Answer | undefined {
    const form = new URLSearchParams(exchange.body.toString('utf8'))
    if (!form.has('batch')) return undefined
    if (name !== `${this.#app.id}|${this.#app.secret}`)
      return graphError({ code: 190, status: 401, message: 'Invalid OAuth access token signature.' })
    const operations = JSON.parse(form.get('batch') ?? '[]') as { method: string; relative_url: string }[]
    if (operations.length > MOST_IDS) return graphError({ code: 100, message: 'Too many requests in batch message.' })
    const answers = operations.map(({ method, relative_url }) => {
      const [path, query] = relative_url.split('?')
      if (method !== 'GET' || path !== 'debug_token') return { code: 400, body: JSON.stringify({ error: { code: 2500 } }) }
      const data = this.#login.inspect(new URLSearchParams(query).get('input_token') ?? '')
      return { code: 200, body: JSON.stringify({ data }) }
    })
    return { status: 200, json: answers }
  }
}

function lacks(token: Token, ...permissions: string[]): GraphErrorFields | undefined {
  const missing = permissions.find((permission) => !token.scopes.has(permission))
  return missing === undefined
    ? undefined
    : { code: 200, status: 403, message: `(#200) Requires ${missing} permission to manage the object` }
}

const deniedAds = (token: Token) => lacks(token, 'ads_management')

const missing = () =>
  graphError({ code: 100, subcode: 33, type: 'GraphMethodException', message: 'Unsupported get request. Object does not exist.' })
const nonexisting = (field: string) => graphError({ code: 100, message: `(#100) Tried accessing nonexisting field (${field})` })

/** One page of what there is, newest first; cursors are always told, `next` only where there is more. */
function paged<Item>(exchange: Exchange, items: readonly Item[], render: (item: Item) => unknown): Answer {
  const { query } = exchange
  const limit = Math.min(Number(query.get('limit') ?? DEFAULT_ON_PAGE), MOST_ON_PAGE)
  const from = query.has('after') ? Number(Buffer.from(query.get('after') ?? '', 'base64url').toString()) : 0
  if (!(limit > 0) || !Number.isSafeInteger(from)) return graphError({ code: 100, message: 'Invalid cursor or limit' })
  const data = items.slice(from, from + limit).map(render)
  if (data.length === 0) return { status: 200, json: { data } }
  const cursor = (at: number) => Buffer.from(String(at)).toString('base64url')
  const cursors = { before: cursor(from), after: cursor(from + data.length) }
  const next = new URLSearchParams(query)
  next.set('after', cursors.after)
  const more = from + limit < items.length && { next: `https://graph.facebook.com${exchange.path}?${next}` }
  return { status: 200, json: { data, paging: { cursors, ...more } } }
}

const operators: Record<string, (at: number, value: number) => boolean> = {
  GREATER_THAN: (at, value) => at > value,
  GREATER_THAN_OR_EQUAL: (at, value) => at >= value,
  LESS_THAN: (at, value) => at < value,
}

/** Undefined: these are no filters. */
function filterOf(text: string | null): ((lead: Lead) => boolean) | undefined {
  if (text === null) return () => true
  const filters: { field?: unknown; operator?: unknown; value?: unknown }[] = JSON.parse(text)
  if (!Array.isArray(filters)) return undefined
  const known = filters.every(
    ({ field, operator, value }) => field === 'time_created' && Object.hasOwn(operators, String(operator)) && Number.isInteger(value),
  )
  if (!known) return undefined
  return ({ at }) => filters.every(({ operator, value }) => operators[String(operator)]?.(Math.floor(at / 1000), Number(value)))
}
