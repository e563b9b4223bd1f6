/**
 * How unusual a silence is. Days of the working week are compared with each other, and days of the weekend; a connection is
 * expected to be active in an hour of the day as often as it was on the days of that kind among the 14 before its last change.
 */

const HOUR_MS = 3_600_000
const DAY_HOURS = 24
const BASE_DAYS = 14

/**
 * In how many of the hours since the last active one something would usually have happened: the sum, over those hours, of the
 * share of comparable days on which their hour was active. Were hours independent, a silence of `n` would be one in e^n.
 * The hour that is going on does not count. Pure.
 *
 * @param active the hours in which something happened, in hours since the epoch (UTC), ascending
 * @param now milliseconds since the epoch
 */
export function missedHours(active: readonly number[], now: number): number {
  const last = active.at(-1)
  if (last === undefined) return 0
  const usual = usualHours(active, last)
  const thisHour = Math.floor(now / HOUR_MS)
  let missed = 0
  for (let hour = last + 1; hour < thisHour; hour++) missed += usual.get(kindOf(hour)) ?? 0
  return missed
}

/** The share of active ones among the hours of each kind, in the two weeks that end with `last`. */
function usualHours(active: readonly number[], last: number): Map<string, number> {
  const known = new Set(active)
  const counts = new Map<string, { active: number; all: number }>()
  for (let hour = last - BASE_DAYS * DAY_HOURS + 1; hour <= last; hour++) {
    const kind = kindOf(hour)
    const count = counts.get(kind) ?? { active: 0, all: 0 }
    counts.set(kind, { active: count.active + (known.has(hour) ? 1 : 0), all: count.all + 1 })
  }
  return new Map([...counts].map(([kind, { active, all }]) => [kind, active / all]))
}

/** `weekend 9`: hours that are alike. */
function kindOf(hour: number): string {
  const at = new Date(hour * HOUR_MS)
  const day = at.getUTCDay()
  return `${day === 0 || day === 6 ? 'weekend' : 'week'} ${at.getUTCHours()}`
}
