/** One way of going wrong, and for which requests. Everything a real service does on a bad day can be asked for. */
export interface Misbehaviour {
  /**
   * `answer`: this status, headers and body instead of the true ones. `silence`: nothing is ever answered. `drop`: the
   * connection ends without an answer. `cut`: it ends in the middle of the true answer. `slow`: the true answer, `delayMs`
   * late, or as soon as what it is `held` by has happened. `short`: the request is handled, but only
   * in part (what that means is the simulator's matter).
   */
  how: 'answer' | 'silence' | 'drop' | 'cut' | 'slow' | 'short'
  /** Only requests with this method. */
  method?: string
  /** Only requests whose path matches this regular expression. */
  path?: string
  /** How many matching requests go wrong; 0 means all until cleared. Default 1. */
  times?: number
  /** How many matching requests pass first. Default 0. */
  after?: number
  delayMs?: number
  /** The answer, or what comes instead, waits until this has happened, which is asked for when the request is there. In process only. */
  held?: () => Promise<unknown>
  /** Do what the request asks for before going wrong, as a service does that dies on the way back. Default false. */
  handled?: boolean
  status?: number
  headers?: Record<string, string>
  /** Body of `answer`, as JSON or as text with the content type in `headers`. */
  json?: unknown
  text?: string
  /** For `short`: how many of the request's items get lost. Default 1. */
  lose?: number
}

/** The list of misbehaviours still to come. */
export class MisbehaviourBook {
  #entries: { rule: Misbehaviour; left: number; skip: number; path: RegExp | undefined }[] = []

  add(rule: Misbehaviour): void {
    const left = rule.times === 0 ? Number.POSITIVE_INFINITY : (rule.times ?? 1)
    this.#entries.push({ rule, left, skip: rule.after ?? 0, path: rule.path === undefined ? undefined : new RegExp(rule.path) })
  }

  clear(): void {
    this.#entries = []
  }

  /** The misbehaviour due for this request, used up by asking. */
  take(method: string, path: string): Misbehaviour | undefined {
    for (const entry of this.#entries) {
      if (entry.rule.method !== undefined && entry.rule.method !== method) continue
      if (entry.path !== undefined && !entry.path.test(path)) continue
      if (entry.skip > 0) {
        entry.skip -= 1
        continue
      }
      entry.left -= 1
      if (entry.left <= 0) this.#entries = this.#entries.filter((other) => other !== entry)
      return entry.rule
    }
    return undefined
  }
}
