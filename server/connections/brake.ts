import type { RateGate } from './rate-gate.ts'

export interface Brake {
  /** How much of the budget an answer says is used, 0 to 1; undefined where it does not say. */
  note(used: number | undefined): void
}

const LEAST_MS = 50
const MOST_MS = 60_000

/**
 * Holds requests that can wait to a share of a budget that fills up again by itself, at a rate that nobody tells: after each answer
 * that shows more than `yieldsAt` used, the next request rests twice as long, and half as long after one that shows less.
 */
export function createBrake(yieldsAt: number, gate: Pick<RateGate, 'pause'>): Brake {
  let restMs = 0
  return {
    note(used) {
      if (used === undefined) return
      restMs = used > yieldsAt ? Math.min(MOST_MS, Math.max(LEAST_MS, restMs * 2)) : restMs / 2
      if (restMs >= LEAST_MS) gate.pause(restMs)
      else restMs = 0
    },
  }
}
