/** Facebook pages with their instant forms and leads, as Meta keeps them, and the tokens by which they can be seen. */
import { randomBytes } from 'node:crypto'
import type { Budget } from './budget.ts'

export interface LeadAccess {
  can_access_lead: boolean
  app_has_leads_permission: boolean
  user_has_leads_permission: boolean
  enabled_lead_access_manager: boolean
}
export interface Page {
  id: string
  name: string
  /** What the person who connects it may do there. */
  tasks: string[]
  access: LeadAccess
  /** Fields of which our app is told; undefined: it is not installed on the page. */
  subscribed?: string[] | undefined
  budget?: Budget | undefined
}
export interface Form {
  id: string
  page: string
  name: string
  questions: { key: string; label: string }[]
  checkboxes: { key: string; text: string }[]
  /** Newest last. */
  leads: Lead[]
}
export interface Ad {
  ad_id: string
  ad_name: string
  adset_id: string
  adset_name: string
  campaign_id: string
  campaign_name: string
}
export interface Lead {
  id: string
  form: string
  /** Milliseconds; Meta tells seconds. */
  at: number
  answers: Record<string, string | string[]>
  consents: Record<string, boolean>
  ad?: Ad | undefined
  platform: 'fb' | 'ig'
  test: boolean
}
export interface Token {
  kind: 'user' | 'page'
  /** Of a page token: the page. */
  page?: string
  /** Of a user token: the pages that were chosen. */
  pages: string[]
  scopes: Set<string>
  /** A user token that was exchanged for one that lasts. */
  lasting: boolean
  /** Why it no longer works, as a subcode of 190. */
  broken?: number
}

export const allPermissions = [
  ...['leads_retrieval', 'pages_show_list', 'pages_read_engagement', 'pages_manage_ads', 'pages_manage_metadata', 'ads_management'],
]

export class PageBook {
  readonly pages = new Map<string, Page>()
  readonly forms = new Map<string, Form>()
  readonly leads = new Map<string, Lead>()
  readonly tokens = new Map<string, Token>()
  #lastId = 300_000_000_000_000n

  /** Ids of 15 to 17 digits, as Meta gives them. */
  newId(): string {
    this.#lastId += 7_919n
    return String(this.#lastId)
  }

  newToken(token: Token): string {
    const name = `EAA${randomBytes(40).toString('hex')}`
    this.tokens.set(name, token)
    return name
  }

  /** A token of a page, of a person who allowed these permissions. */
  pageToken(page: string, scopes: Iterable<string>): string {
    return this.newToken({ kind: 'page', page, pages: [], scopes: new Set(scopes), lasting: true })
  }

  pageOf(lead: Lead): Page | undefined {
    return this.pages.get(this.forms.get(lead.form)?.page ?? '')
  }

  formsOf(page: string): Form[] {
    return [...this.forms.values()].filter((form) => form.page === page)
  }
}
