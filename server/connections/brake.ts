import type { RateGate } from './rate-gate.ts'

export interface Brake {
  /** How much of the budget an answer says is used, 0 to 1; undefined where it does not say. */
  note(used: number | undefined): void
}

const MOST_MS = 300_000

/**
 * Holds requests that can wait to a share of a budget that fills up again by itself, at a pace that nobody tells: after an answer that
 * shows more than `yieldsAt` used, the next request rests, the longer the nearer the end is. A small budget is near its end after
 * few requests, and a large one finds the rest that keeps it where it is.
 */
export function createBrake(yieldsAt: number, gate: Pick<RateGate, 'pause'>): Brake {
  return {
    note(used = 0) {
      const over = (Math.min(1, used) - yieldsAt) / (1 - yieldsAt)
      if (over > 0) gate.pause(MOST_MS * over ** 4)
    },
  }
}
