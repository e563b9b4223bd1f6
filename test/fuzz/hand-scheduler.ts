/** A scheduler that runs what it is told to, when it is told to: wake-ups are all lost. */
import type { Run } from '../../server/schedule/scheduler.ts'

export function handScheduler() {
  const kinds = new Map<string, Run>()
  const going = new Set<Promise<unknown>>()
  const failures: unknown[] = []
  const never = new AbortController().signal
  const idle = async () => {
    while (going.size > 0) await Promise.allSettled(going)
  }
  return {
    /** What the runs threw. */
    failures,
    /** Begins a run; whoever wants to may wait for its end. Never rejects. */
    run(kind: string, key: string | number): Promise<void> {
      const run = kinds.get(kind)
      if (run === undefined) throw new Error(`no such kind of work: ${kind}`)
      const ending = Promise.resolve(run(String(key), never))
        .then(() => undefined)
        .catch((error: unknown) => void failures.push(error))
        .finally(() => going.delete(ending))
      going.add(ending)
      return ending
    },
    /** Resolves when nothing runs. */
    idle,
    register: (kind: string, run: Run) => void kinds.set(kind, run),
    wake: () => undefined,
    wakeAt: () => undefined,
    every: () => undefined,
    start: () => undefined,
    stop: idle,
    depths: async () => undefined,
  }
}
