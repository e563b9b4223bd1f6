import type { Refusal } from './refusal.ts'

/** Limits of the time rule, in ms. */
export interface TimeLimits {
  maxAgeMs: number
  maxFutureMs: number
}
/**
 * Meta takes events of the last seven days, and one older event fails its whole request: ten minutes of it are kept as a
 * margin. A clock that is up to five minutes ahead is waited for.
 */
export const defaultTimeLimits: TimeLimits = { maxAgeMs: 7 * 86_400_000 - 600_000, maxFutureMs: 300_000 }

export type TimeVerdict =
  | { kind: 'ok' }
  | { kind: 'waits'; reason: 'ahead_of_clock'; until: number }
  | (Refusal & { reason: 'before_lead' | 'in_future' | 'too_old' })

const ok = { kind: 'ok' } as const

/**
 * Judges an instant at send time; it is never altered. All times in ms. `leadGeneratedAt`: when Meta generated the lead,
 * where known (Meta may silently discard events from before it).
 */
export const judgeTime = (
  occurredAt: number,
  leadGeneratedAt: number | undefined,
  now: number,
  limits = defaultTimeLimits,
): TimeVerdict => {
  if (occurredAt > now) {
    return occurredAt - now <= limits.maxFutureMs
      ? { kind: 'waits', reason: 'ahead_of_clock', until: occurredAt }
      : { kind: 'refused', reason: 'in_future' }
  }
  if (leadGeneratedAt !== undefined && occurredAt < leadGeneratedAt) return { kind: 'refused', reason: 'before_lead' }
  return occurredAt < now - limits.maxAgeMs ? { kind: 'refused', reason: 'too_old' } : ok
}

/** `event_time`: whole seconds since the epoch, cut, so that it never lies after the instant it stands for. */
export const eventTime = (occurredAt: number): number => Math.floor(occurredAt / 1000)
