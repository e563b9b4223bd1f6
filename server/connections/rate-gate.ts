import type { RateLimit } from '../../connectors/connector.ts'
import { CodedError } from '../../connectors/errors.ts'

export interface RateGate {
  /** Waits for its turn, first come first served. Call what it resolves to when the request has ended, however it did. */
  enter(): Promise<() => void>
  /** Lets nobody in for so many ms, because the other side said so. */
  pause(ms: number): void
}

interface Waiting {
  until: number
  enter(leave: () => void): void
  refuse(error: CodedError): void
}

/**
 * Holds requests to a limit: at most `count` in any span of `perMs`, `concurrent` at a time. The other side counts a request
 * at some moment between our start and its answer, so one takes its place in the span from its start to `perMs` after its
 * end; then no delay on the way can push too many into one span. Counts this process only.
 *
 * @param maxWaitMs who would wait longer is refused with `CodedError` `crm_limit_reached` and the time left in `retry`
 */
export function createRateGate({ count, perMs, concurrent }: RateLimit, maxWaitMs: number): RateGate {
  const queue: Waiting[] = []
  /** When requests ended, oldest first. */
  const ended: number[] = []
  let running = 0
  let pausedUntil = 0
  let timer: NodeJS.Timeout | undefined

  function leave(): void {
    running--
    ended.push(performance.now())
    admit()
  }

  function admit(): void {
    clearTimeout(timer)
    const now = performance.now()
    while (ended.length > 0 && (ended[0] as number) + perMs <= now) ended.shift()
    for (let head = queue[0]; head !== undefined; head = queue[0]) {
      const opens = opensAt(now)
      if (opens <= now) {
        queue.shift()
        running++
        head.enter(once(leave))
      } else if (head.until <= now || (opens > head.until && opens !== Number.POSITIVE_INFINITY)) {
        queue.shift()
        head.refuse(limitReached(opens === Number.POSITIVE_INFINITY ? perMs : opens - now))
      } else {
        timer = setTimeout(admit, Math.min(opens, head.until) - now + 1)
        return
      }
    }
  }

  /** When the next request may start; infinite while that depends on another one's end. */
  function opensAt(now: number): number {
    if (running >= concurrent) return Number.POSITIVE_INFINITY
    if (running + ended.length < count) return Math.max(now, pausedUntil)
    const first = ended[0]
    return first === undefined ? Number.POSITIVE_INFINITY : Math.max(first + perMs, pausedUntil)
  }

  return {
    enter: () =>
      new Promise((enter, refuse) => {
        queue.push({ until: performance.now() + maxWaitMs, enter, refuse })
        admit()
      }),
    pause(ms) {
      pausedUntil = Math.max(pausedUntil, performance.now() + ms)
      admit()
    },
  }
}

function once(action: () => void): () => void {
  let done = false
  return () => {
    if (!done) action()
    done = true
  }
}

/** @param waitMs until there is a place again */
export function limitReached(waitMs: number): CodedError {
  return new CodedError({
    code: 'crm_limit_reached',
    retry: { afterMs: Math.ceil(waitMs) },
    scope: 'connection',
    userText: 'As many requests as the CRM allows are under way or waiting. Work goes on when it allows more.',
  })
}
