/** Of many processes that work one after the other is awake for all: who finds nobody awake at its start knows that nobody worked. */
import type { Database } from '../database/pool.ts'
import { createLeaseSet, type LeaseOptions } from './lease.ts'

export interface Vigil {
  /** Resolves when it has looked for the first time. */
  start(): Promise<void>
  /** Leaves it to the others. */
  stop(): Promise<void>
}

const KEY = 'awake'
/** So soon another one is awake after the last one has let go, ms. */
const LOOK_MS = 2_000

/**
 * @param alone told once, after a start at which no other process was awake; one that has died counts as awake until its lease has run out
 */
export function createVigil(db: Database, alone: () => Promise<void>, options: LeaseOptions & { lookMs?: number } = {}): Vigil {
  let awake = false
  let starting = true
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  const leases = createLeaseSet(
    db,
    () => {
      awake = false
    },
    options,
  )

  async function look(): Promise<void> {
    if (awake) return
    awake = (await leases.take([KEY])).size > 0
    if (awake && starting) await alone()
    starting = false
  }

  async function keepLooking(): Promise<void> {
    // What fails is tried again.
    await look().catch(() => undefined)
    if (!stopped) timer = setTimeout(keepLooking, options.lookMs ?? LOOK_MS)
  }

  return {
    start: keepLooking,
    async stop() {
      stopped = true
      clearTimeout(timer)
      await leases.close().catch(() => undefined)
    },
  }
}
