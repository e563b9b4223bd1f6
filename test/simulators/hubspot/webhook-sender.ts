import { Agent, request } from 'undici'
import { signV3 } from './sign.ts'
import type { WebhookEvent } from './webhook-events.ts'

export interface SenderOptions {
  /** Where requests really go. Without it nothing is sent. */
  targetUrl?: string | undefined
  /** The address as the app configured it, which is what gets signed; `targetUrl` by default. */
  publicUrl?: string | undefined
  /** Events of this many milliseconds travel together. */
  windowMs: number
  /** Largest number of events in one body; HubSpot's is 100. */
  batchSize: number
  maxConcurrentRequests: number
  /** Time limit of one request; HubSpot's is 5 s. */
  timeoutMs: number
  retries: number
  /** Factor on the spacing of retries, which really spans 24 hours. */
  retryScale: number
  /** In place of that spacing: a retry every so many milliseconds, for proofs that outlast any schedule. */
  retryEveryMs?: number
  /** Share of events (0 to 1) that are sent a second time with the same event id. */
  duplicateRate: number
  /** Share of events that are sent a second time under another event id. */
  reissueRate: number
  /** Share of events that are never sent. */
  lossRate: number
  /** Send the events of a window in random order. */
  shuffle: boolean
  /** Put events of several accounts into one body. */
  mixPortals: boolean
  /** Added to the signature's timestamp. */
  signatureSkewMs: number
}
/** One request that was made. */
export interface Attempt {
  at: number
  delivery: number
  attempt: number
  events: number
  status?: number
  error?: string
}
export interface SenderStats {
  /** Events made by changes, before any were lost or doubled. */
  events: number
  lost: number
  /** Extra copies sent on purpose. */
  duplicates: number
  requests: number
  /** Requests that were repeats of a failed one. */
  retried: number
  /** Events, copies included, that were answered with 2xx. */
  delivered: number
  /** Events given up after the last retry. */
  failed: number
  pending: number
}

export const hubspotSender: SenderOptions = {
  windowMs: 20,
  batchSize: 100,
  maxConcurrentRequests: 10,
  timeoutMs: 5000,
  retries: 10,
  retryScale: 1e-4,
  duplicateRate: 0,
  reissueRate: 0,
  lossRate: 0,
  shuffle: false,
  mixPortals: false,
  signatureSkewMs: 0,
}

interface Delivery {
  number: number
  attempt: number
  events: WebhookEvent[]
}

/** Sends webhook events as HubSpot does: batched, signed, repeated until answered with 2xx or given up. */
export class WebhookSender {
  readonly attempts: Attempt[] = []
  readonly options: SenderOptions
  readonly #clientSecret: () => string
  readonly #random: () => number
  readonly #agent = new Agent({ connections: 64, headersTimeout: 0, bodyTimeout: 0 })
  readonly #stats = { events: 0, lost: 0, duplicates: 0, requests: 0, retried: 0, delivered: 0, failed: 0 }
  #pending = 0
  #deliveries = 0
  #running = 0
  #window: WebhookEvent[] = []
  #ready: Delivery[] = []
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #abort = new AbortController()
  #waiters: (() => void)[] = []

  constructor(options: SenderOptions, clientSecret: () => string, random: () => number) {
    this.options = options
    this.#clientSecret = clientSecret
    this.#random = random
  }

  enqueue(events: WebhookEvent[]): void {
    for (const event of events) {
      this.#stats.events += 1
      if (this.options.targetUrl === undefined) continue
      if (this.#chance(this.options.lossRate)) {
        this.#stats.lost += 1
        continue
      }
      this.#take(event)
      if (this.#chance(this.options.duplicateRate)) this.#copy({ ...event })
      if (this.#chance(this.options.reissueRate)) this.#copy({ ...event, eventId: event.eventId + 1_000_000_000 })
    }
  }

  stats(): SenderStats {
    return { ...this.#stats, pending: this.#pending }
  }

  /** Resolves when every event has been delivered or given up. */
  idle(): Promise<void> {
    if (this.#pending === 0) return Promise.resolve()
    return new Promise((resolve) => this.#waiters.push(resolve))
  }

  async close(): Promise<void> {
    this.#abort.abort()
    for (const timer of this.#timers) clearTimeout(timer)
    await this.#agent.destroy()
  }

  #chance(rate: number): boolean {
    return rate > 0 && this.#random() < rate
  }

  #copy(event: WebhookEvent): void {
    this.#stats.duplicates += 1
    this.#take(event)
  }

  #take(event: WebhookEvent): void {
    this.#pending += 1
    this.#window.push(event)
    if (this.#window.length === 1) this.#later(this.options.windowMs, () => this.#closeWindow())
  }

  #closeWindow(): void {
    const events = this.#window
    this.#window = []
    if (this.options.shuffle)
      for (let last = events.length - 1; last > 0; last -= 1) {
        const other = Math.floor(this.#random() * (last + 1))
        ;[events[last], events[other]] = [events[other] as WebhookEvent, events[last] as WebhookEvent]
      }
    const groups = this.options.mixPortals ? [events] : [...Map.groupBy(events, (event) => event.portalId).values()]
    for (const group of groups)
      for (let start = 0; start < group.length; start += this.options.batchSize) {
        this.#deliveries += 1
        this.#ready.push({ number: this.#deliveries, attempt: 0, events: group.slice(start, start + this.options.batchSize) })
      }
    this.#pump()
  }

  #pump(): void {
    while (this.#running < this.options.maxConcurrentRequests) {
      const delivery = this.#ready.shift()
      if (delivery === undefined) return
      this.#running += 1
      void this.#post(delivery).then((delivered) => {
        this.#running -= 1
        this.#settle(delivery, delivered)
        this.#pump()
      })
    }
  }

  async #post(delivery: Delivery): Promise<boolean> {
    const target = this.options.targetUrl as string
    const body = JSON.stringify(delivery.events.map((event) => ({ ...event, attemptNumber: delivery.attempt })))
    const timestamp = Date.now() + this.options.signatureSkewMs
    const attempt: Attempt = { at: Date.now(), delivery: delivery.number, attempt: delivery.attempt, events: delivery.events.length }
    this.attempts.push(attempt)
    this.#stats.requests += 1
    if (delivery.attempt > 0) this.#stats.retried += 1
    try {
      const response = await request(target, {
        method: 'POST',
        dispatcher: this.#agent,
        signal: AbortSignal.any([this.#abort.signal, AbortSignal.timeout(this.options.timeoutMs)]),
        headers: {
          'content-type': 'application/json',
          'x-hubspot-signature-v3': signV3(this.#clientSecret(), 'POST', this.options.publicUrl ?? target, body, timestamp),
          'x-hubspot-request-timestamp': String(timestamp),
        },
        body,
      })
      await response.body.dump()
      attempt.status = response.statusCode
      return response.statusCode >= 200 && response.statusCode < 300
    } catch (error) {
      attempt.error = error instanceof Error ? error.name : String(error)
      return false
    }
  }

  #settle(delivery: Delivery, delivered: boolean): void {
    if (this.#abort.signal.aborted) return
    if (!delivered && delivery.attempt < this.options.retries) {
      delivery.attempt += 1
      this.#later(this.#spacing(delivery.attempt), () => {
        this.#ready.push(delivery)
        this.#pump()
      })
      return
    }
    this.#stats[delivered ? 'delivered' : 'failed'] += delivery.events.length
    this.#pending -= delivery.events.length
    if (this.#pending > 0) return
    for (const wake of this.#waiters) wake()
    this.#waiters = []
  }

  /** Spacing before a retry, milliseconds: doubling and random, all together within 24 hours. */
  #spacing(attempt: number): number {
    const { retryEveryMs } = this.options
    if (retryEveryMs !== undefined) return retryEveryMs * (0.5 + this.#random() / 2)
    const day = 86_400_000
    return ((day * 2 ** (attempt - 1)) / (2 ** this.options.retries - 1)) * (0.5 + this.#random() / 2) * this.options.retryScale
  }

  #later(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      run()
    }, ms)
    this.#timers.add(timer)
  }
}
