/** At most `count` requests within any `perMs` milliseconds. */
export interface Limit {
  count: number
  perMs: number
}

export class RollingLimit {
  readonly limit: Limit
  #times: number[] = []
  constructor(limit: Limit) {
    this.limit = limit
  }

  /** Takes one place if there is one; a refused request takes none. Returns the places left, or undefined when refused. */
  take(now: number): number | undefined {
    const from = this.#times.findIndex((time) => time > now - this.limit.perMs)
    this.#times = from < 0 ? [] : this.#times.slice(from)
    if (this.#times.length >= this.limit.count) return undefined
    this.#times.push(now)
    return this.limit.count - this.#times.length
  }
}
