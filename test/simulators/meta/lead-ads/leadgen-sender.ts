/** Tells an app of new leads as Meta does: signed, several in one body, again and again until it is answered with 200. */
import { createHmac } from 'node:crypto'
import { Agent, request } from 'undici'

export interface LeadgenOptions {
  /** Where requests go; without it nobody is told. */
  targetUrl?: string | undefined
  secret: string
  /** Leads of so many milliseconds travel together, those of several pages too. */
  windowMs: number
  /** Most changes in one body; Meta's are up to 1,000. */
  batchSize: number
  timeoutMs: number
  retries: number
  /** Factor on the 36 hours over which Meta tries again. */
  retryScale: number
  /** Share of leads (0 to 1) that are told twice, and never. */
  duplicateRate: number
  lossRate: number
}
export interface ToldLead {
  id: string
  page: string
  form: string
  ad?: string | undefined
  /** Seconds. */
  createdTime: number
}
export interface LeadgenAttempt {
  at: number
  delivery: number
  attempt: number
  leads: number
  /** 0: no answer. */
  status: number
}

export const leadgenDefaults = {
  windowMs: 20,
  batchSize: 100,
  timeoutMs: 5_000,
  retries: 12,
  retryScale: 1e-4,
  duplicateRate: 0,
  lossRate: 0,
}

const DAY_AND_A_HALF_MS = 36 * 3_600_000

/** The body for these leads: an entry for each page, ids as bare numbers. */
export function leadgenBody(leads: readonly ToldLead[], now = Date.now()): string {
  const number = (id: string) => `#${id}#`
  const entry = [...Map.groupBy(leads, ({ page }) => page)].map(([page, told]) => ({
    id: page,
    time: Math.floor(now / 1000),
    changes: told.map(({ id, form, ad, createdTime }) => ({
      field: 'leadgen',
      value: {
        ...{ leadgen_id: number(id), page_id: number(page), form_id: number(form), created_time: createdTime },
        ...(ad !== undefined && { adgroup_id: number(ad), ad_id: number(ad) }),
      },
    })),
  }))
  return JSON.stringify({ object: 'page', entry }).replace(/"#(\d+)#"/g, '$1')
}

/** The value of `X-Hub-Signature-256`. */
export const signLeadgen = (secret: string, body: string | Buffer): string =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`

interface Delivery {
  number: number
  attempt: number
  leads: ToldLead[]
}

export class LeadgenSender {
  readonly attempts: LeadgenAttempt[] = []
  readonly options: LeadgenOptions
  readonly #agent = new Agent({ connections: 16, headersTimeout: 0, bodyTimeout: 0 })
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #abort = new AbortController()
  #window: ToldLead[] = []
  #open = false
  #deliveries = 0
  #pending = 0
  #told = 0
  #waiters: (() => void)[] = []

  constructor(options: LeadgenOptions) {
    this.options = options
  }

  tell(lead: ToldLead): void {
    if (this.options.targetUrl === undefined || Math.random() < this.options.lossRate) return
    for (let times = Math.random() < this.options.duplicateRate ? 2 : 1; times > 0; times--) {
      this.#pending += 1
      this.#window.push(lead)
    }
    if (this.#open) return
    this.#open = true
    this.#later(this.options.windowMs, () => this.#closeWindow())
  }

  /** Leads that are still to be told of; leads told of, as often as they were; requests. */
  stats(): { pending: number; told: number; requests: number } {
    return { pending: this.#pending, told: this.#told, requests: this.attempts.length }
  }

  /** Resolves when everything was answered or given up. */
  idle(): Promise<void> {
    return this.#pending === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiters.push(resolve))
  }

  async close(): Promise<void> {
    this.#abort.abort()
    for (const timer of this.#timers) clearTimeout(timer)
    await this.#agent.destroy()
  }

  #closeWindow(): void {
    this.#open = false
    const leads = this.#window.splice(0)
    for (let from = 0; from < leads.length; from += this.options.batchSize) {
      this.#deliveries += 1
      void this.#deliver({ number: this.#deliveries, attempt: 0, leads: leads.slice(from, from + this.options.batchSize) })
    }
  }

  async #deliver(delivery: Delivery): Promise<void> {
    const status = await this.#post(delivery)
    if (this.#abort.signal.aborted) return
    if (status !== 200 && status !== 202 && delivery.attempt < this.options.retries) {
      delivery.attempt += 1
      this.#later(this.#spacing(delivery.attempt), () => void this.#deliver(delivery))
      return
    }
    this.#pending -= delivery.leads.length
    this.#told += delivery.leads.length
    if (this.#pending === 0) for (const wake of this.#waiters.splice(0)) wake()
  }

  async #post({ number, attempt, leads }: Delivery): Promise<number> {
    const body = leadgenBody(leads)
    const entry: LeadgenAttempt = { at: Date.now(), delivery: number, attempt, leads: leads.length, status: 0 }
    this.attempts.push(entry)
    try {
      const answer = await request(this.options.targetUrl as string, {
        method: 'POST',
        dispatcher: this.#agent,
        signal: AbortSignal.any([this.#abort.signal, AbortSignal.timeout(this.options.timeoutMs)]),
        headers: { 'content-type': 'application/json', 'x-hub-signature-256': signLeadgen(this.options.secret, body) },
        body,
      })
      await answer.body.dump()
      entry.status = answer.statusCode
    } catch {
      // No answer is one more failure.
    }
    return entry.status
  }

  /** At once, then ever more rarely, all within 36 hours. */
  #spacing(attempt: number): number {
    return ((DAY_AND_A_HALF_MS * (2 ** (attempt - 1) - 1)) / (2 ** this.options.retries - 1)) * this.options.retryScale
  }

  #later(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      run()
    }, ms)
    this.#timers.add(timer)
  }
}
