/** What may be asked of one page: every call fills it, and it empties evenly by itself (rate limiting, business use cases). */
export interface BudgetOptions {
  /** Calls that fill it. */
  calls: number
  /** In so many milliseconds a full one empties. */
  perMs: number
  /** How long it stays shut once it was full; each call meanwhile starts that anew. */
  blockMs: number
}

export class Budget {
  readonly #options: BudgetOptions
  #used = 0
  #at: number
  #shutUntil = 0
  /** Calls that were let through, and refused. */
  taken = 0
  refused = 0

  constructor(options: BudgetOptions, now: number) {
    this.#options = options
    this.#at = now
  }

  /** Takes the calls, if there is room for them. */
  take(calls: number, now: number): boolean {
    const { calls: most, perMs, blockMs } = this.#options
    this.#used = Math.max(0, this.#used - ((now - this.#at) * most) / perMs)
    this.#at = now
    if (now < this.#shutUntil || this.#used + calls > most) {
      this.#shutUntil = now + blockMs
      this.refused += calls
      return false
    }
    this.#used += calls
    this.taken += calls
    return true
  }

  /** As the usage header tells: per cent, and minutes until it opens again. */
  standing(now: number): { percent: number; minutes: number } {
    const shut = now < this.#shutUntil
    return {
      percent: shut ? 100 : Math.min(100, Math.ceil((this.#used / this.#options.calls) * 100)),
      minutes: shut ? Math.ceil((this.#shutUntil - now) / 60_000) : 0,
    }
  }
}
