import { setTimeout as sleep } from 'node:timers/promises'

const MOST_MS = 30_000

/**
 * How long to wait after so many failures in a row: not at all after the first, then `firstMs`, doubled each time; half of it is
 * random.
 */
export function backOff(firstMs: number, failures: number): number {
  if (failures < 2) return 0
  return Math.min(MOST_MS, firstMs * 2 ** (failures - 2)) * (0.5 + Math.random() / 2)
}

/** Resolves after `ms`, or as soon as `signal` is aborted. */
export const pause = (ms: number, signal: AbortSignal): Promise<unknown> =>
  sleep(ms, undefined, { signal, ref: false }).catch(() => undefined)
