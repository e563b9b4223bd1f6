const DAY_MS = 86_400_000

/** Start and end (exclusive) of a named span, milliseconds, in the time zone of users: UTC. Weeks begin on Sunday. */
export function spanOf(name: string, count: number, now: number): [number, number] {
  const today = Math.floor(now / DAY_MS) * DAY_MS
  const date = new Date(today)
  const month = (offset: number) => Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + offset)
  const year = (offset: number) => Date.UTC(date.getUTCFullYear() + offset, 0)
  const week = today - date.getUTCDay() * DAY_MS
  const known: Record<string, [number, number]> = {
    TODAY: [today, today + DAY_MS],
    YESTERDAY: [today - DAY_MS, today],
    TOMORROW: [today + DAY_MS, today + 2 * DAY_MS],
    THIS_WEEK: [week, week + 7 * DAY_MS],
    LAST_WEEK: [week - 7 * DAY_MS, week],
    THIS_MONTH: [month(0), month(1)],
    LAST_MONTH: [month(-1), month(0)],
    THIS_YEAR: [year(0), year(1)],
    LAST_YEAR: [year(-1), year(0)],
    LAST_90_DAYS: [today - 90 * DAY_MS, today + DAY_MS],
    LAST_N_DAYS: [today - count * DAY_MS, today + DAY_MS],
    NEXT_N_DAYS: [today + DAY_MS, today + (count + 1) * DAY_MS],
    N_DAYS_AGO: [today - count * DAY_MS, today - (count - 1) * DAY_MS],
  }
  return known[name] as [number, number]
}
