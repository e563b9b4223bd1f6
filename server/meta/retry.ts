const BASE_MS = 30_000
const CAP_MS = 3_600_000

/**
 * How long to wait before a request that failed without its own fault is tried again: exponential with full jitter, base
 * 30 s, factor 2, never over an hour. Full jitter keeps the datasets that failed together from coming back together.
 *
 * @param attempt how many times it has failed, from 1
 * @param random a number in [0, 1)
 * @returns milliseconds
 */
export function retryDelay(attempt: number, random: () => number = Math.random): number {
  const ceiling = Math.min(CAP_MS, BASE_MS * 2 ** (Math.max(1, attempt) - 1))
  return Math.floor(random() * ceiling)
}
