/**
 * Work is "run this kind for this key". A run reads its work from the database, is safe to repeat, and says when it wants
 * to run next; a wake-up is only a hint, carries no data and may be lost. The scheduler decides where and when.
 */

/** `again`: when to run next, milliseconds since the epoch. `rest`: and not before, whoever wakes it meanwhile. */
export interface Next {
  again?: number
  rest?: boolean
}

/** After so long a run that has more to do asks to come again at once, so that all keys get their turn and a stop need not wait, ms. */
export const SLICE_MS = 500

/** One run. `signal` is aborted when the process stops and can wait no longer. */
export type Run = (key: string, signal: AbortSignal) => Promise<Next> | Promise<void>

/** Runs of a kind, over all processes that share the work. */
export interface Depth {
  kind: string
  waiting: number
  running: number
  later: number
}

export interface Scheduler {
  /**
   * Tells how to run a kind of work; before any wake-up of that kind.
   * @param options.concurrent runs of this kind at most in one process, over all keys
   */
  register(kind: string, run: Run, options?: { concurrent?: number }): void
  /** There may be work now. One that arrives while its run is going leads to another run afterwards. */
  wake(kind: string, key: string): void
  /** There will be work at `at` (milliseconds since the epoch). The earliest of several wins. */
  wakeAt(kind: string, key: string, at: number): void
  /** Runs at the start and then `ms` after the end of each run. */
  every(kind: string, key: string, ms: number): void
  start(): void
  /** Starts no more runs and waits for those that are going; after `graceMs` their signal is aborted. */
  stop(options: { graceMs: number }): Promise<void>
  /** How much there is to do; undefined where nobody knows. Never rejects. */
  depths(): Promise<Depth[] | undefined>
}
