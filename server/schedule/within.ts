import { setTimeout as sleep } from 'node:timers/promises'

/** True when `done` settles within `ms` milliseconds, however it does. */
export async function within(done: Promise<unknown>, ms: number): Promise<boolean> {
  const timeout = new AbortController()
  const late = sleep(ms, false, { signal: timeout.signal }).catch(() => false)
  const settled = await Promise.race([Promise.allSettled([done]).then(() => true), late])
  timeout.abort()
  return settled
}
