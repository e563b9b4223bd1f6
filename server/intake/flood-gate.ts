/** Keeps one sender that has gone wild from taking the server away from the others. Counted in memory, for this process. */

export interface FloodGate {
  /** Takes a request in: 0, or the seconds after which the sender may try again. */
  enter(key: string, now: number): number
}

const MOST_KEYS = 10_000

/** @param count requests that a key may make in every window of `perMs` milliseconds */
export function createFloodGate(count: number, perMs: number): FloodGate {
  const windows = new Map<string, { from: number; count: number }>()
  return {
    enter(key, now) {
      const window = windows.get(key)
      if (window === undefined || now >= window.from + perMs || now < window.from) {
        if (windows.size >= MOST_KEYS) windows.clear()
        windows.set(key, { from: now, count: 1 })
        return 0
      }
      window.count += 1
      return window.count <= count ? 0 : Math.ceil((window.from + perMs - now) / 1000)
    },
  }
}
