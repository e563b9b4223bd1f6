/** Pages with instant forms: what the stand-in for Meta knows of them, and what tests let happen there. */
import type { Answer, Exchange } from '../../listen.ts'
import { Budget, type BudgetOptions } from './budget.ts'
import { LeadEdges } from './lead-edges.ts'
import { type LeadgenOptions, LeadgenSender, leadgenDefaults } from './leadgen-sender.ts'
import { type Ad, allPermissions, type Form, type Lead, type LeadAccess, type Page, PageBook } from './page-book.ts'
import { PageLogin, type PagesApp } from './page-login.ts'

export interface NewPage {
  id: string
  name?: string
  tasks?: string[]
  budget?: BudgetOptions
}
export interface NewForm {
  page: string
  id?: string
  name?: string
  questions?: Form['questions']
  checkboxes?: Form['checkboxes']
}
export interface NewLead {
  form: string
  id?: string
  /** Milliseconds; default: now. */
  at?: number
  answers?: Record<string, string | string[]>
  consents?: Record<string, boolean>
  /** Undefined: somebody found the form without an ad. */
  ad?: Ad
  platform?: 'fb' | 'ig'
  test?: boolean
  /** Nobody is told of it. */
  silent?: boolean
}

export const demoPagesApp: PagesApp = { id: '123450000000001', secret: 'meta-app-secret-of-the-stand-in', redirectUris: [] }

const mayRead: LeadAccess = {
  can_access_lead: true,
  app_has_leads_permission: true,
  user_has_leads_permission: true,
  enabled_lead_access_manager: false,
}

/** `born` hears of every lead that is no test. */
export function openLeadAds(app: PagesApp, clock: () => number, born: (lead: { id: string; generatedAt: number }) => void) {
  const book = new PageBook()
  const login = new PageLogin(app, book)
  const edges = new LeadEdges(book, login, app, clock)
  const sender = new LeadgenSender({ ...leadgenDefaults, secret: app.secret })

  const commands = {
    /** Adds a page. Returns a token of it, of a person who allowed everything. */
    addPage({ id, name = `Page ${id}`, tasks = ['ADVERTISE', 'ANALYZE', 'CREATE_CONTENT', 'MANAGE'], budget }: NewPage): { token: string } {
      book.pages.set(id, { id, name, tasks, access: { ...mayRead }, ...(budget && { budget: new Budget(budget, clock()) }) })
      return { token: book.pageToken(id, allPermissions) }
    },
    addForm({ page, id = book.newId(), name = `Form ${id}`, questions = [], checkboxes = [] }: NewForm): { id: string } {
      book.forms.set(id, { id, page, name, questions, checkboxes, leads: [] })
      return { id }
    },
    /** Somebody submits a form. Whoever is subscribed is told. */
    submit(given: NewLead): { id: string } {
      const form = book.forms.get(given.form)
      if (form === undefined) throw new Error(`there is no form ${given.form}`)
      if (given.test && form.leads.some(({ test }) => test)) throw new Error('a form has one test lead at a time')
      const { id = book.newId(), at = clock(), answers = {}, consents = {}, ad, platform = 'fb', test = false } = given
      const lead: Lead = { id, form: form.id, at, answers, consents, ad: test ? undefined : ad, platform, test }
      book.leads.set(id, lead)
      form.leads.push(lead)
      if (!test) born({ id, generatedAt: at })
      if (given.silent !== true) commands.tell({ id })
      return { id }
    },
    /** Tells of a lead, perhaps once more, where the page is subscribed. */
    tell({ id }: { id: string }): void {
      const lead = book.leads.get(id)
      const page = lead && book.pageOf(lead)
      if (lead === undefined || !page?.subscribed?.includes('leadgen')) return
      sender.tell({ id, page: page.id, form: lead.form, ad: lead.ad?.ad_id, createdTime: Math.floor(lead.at / 1000) })
    },
    removeLead({ id }: { id: string }): void {
      const lead = book.leads.get(id)
      book.leads.delete(id)
      const form = book.forms.get(lead?.form ?? '')
      if (form !== undefined) form.leads = form.leads.filter((other) => other.id !== id)
    },
    removeForm: ({ id }: { id: string }): void => void book.forms.delete(id),
    /** Takes a permission away from all tokens, or gives it back. */
    permit({ permission, on }: { permission: string; on: boolean }): void {
      for (const { scopes } of book.tokens.values()) on ? scopes.add(permission) : scopes.delete(permission)
    },
    leadAccess({ page, ...access }: { page: string } & Partial<LeadAccess>): void {
      Object.assign((book.pages.get(page) as Page).access, access)
    },
    /** Makes all tokens of a page fail with code 190 and this subcode; 0: they work again. */
    breakPage({ page, subcode = 460 }: { page: string; subcode?: number }): void {
      for (const token of book.tokens.values())
        if (token.page === page) {
          if (subcode === 0) delete token.broken
          else token.broken = subcode
        }
    },
    pageBudget({ page, ...budget }: { page: string } & BudgetOptions): void {
      ;(book.pages.get(page) as Page).budget = new Budget(budget, clock())
    },
    /** Calls that a page's budget let through, and refused. */
    budgetCounts: ({ page }: { page: string }): { taken: number; refused: number } => {
      const { taken = 0, refused = 0 } = book.pages.get(page)?.budget ?? {}
      return { taken, refused }
    },
    subscription: ({ page }: { page: string }): { fields: string[] | null } => ({ fields: book.pages.get(page)?.subscribed ?? null }),
    /** How webhooks are sent from now on. */
    leadgenWebhooks: (options: Partial<LeadgenOptions>): void => void Object.assign(sender.options, options),
    leadgenAttempts: () => sender.attempts,
    leadgenIdle: () => sender.idle(),
    leadgenStats: () => sender.stats(),
    /** Has Meta ask the address with this word whether it is the app's, as the dashboard does. */
    async verifyCallback({ url, verifyToken }: { url: string; verifyToken: string }): Promise<{ verified: boolean; status: number }> {
      const challenge = String(Math.floor(Math.random() * 2 ** 31))
      const query = new URLSearchParams({ 'hub.mode': 'subscribe', 'hub.challenge': challenge, 'hub.verify_token': verifyToken })
      const answer = await fetch(`${url}?${query}`)
      return { verified: answer.status === 200 && (await answer.text()) === challenge, status: answer.status }
    },
    graphReads: () => edges.reads,
    tokensInUrls: () => edges.tokensInUrls,
  }

  return {
    commands,
    /** The answer to what concerns pages; undefined for all else. `parts`: the path behind the version. */
    route(exchange: Exchange, parts: readonly string[]): Answer | undefined {
      const [first, second] = parts
      if (first === 'dialog' && second === 'oauth')
        return exchange.query.get('scope')?.includes('leads_') ? login.dialog(exchange) : undefined
      if (first === 'oauth' && second === 'access_token') return login.token(exchange)
      return edges.answer(exchange, parts)
    },
    close: () => sender.close(),
  }
}
export type LeadAds = ReturnType<typeof openLeadAds>
