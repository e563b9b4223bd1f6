/** Which days are to be rolled up again. */

const DAY = 86_400_000
const HOUR = 3_600_000
/** The day begins so much before it does in UTC, in the first time zone. */
const EARLIEST_MS = 14 * HOUR
/**
 * Rolling up takes at most this part of the time. Under load that is what decides: a processor that half works for PostgreSQL would spend
 * a tenth of that half on figures with a twentieth.
 */
const PART = 1 / 100
/** Days that one transaction rolls up at most. */
const TOGETHER = 7

/** A day (`YYYY-MM-DD`) that was rolled up before; instants and times in milliseconds. */
export interface RolledDay {
  day: string
  rolledAt: number
  tookMs: number
  /** The ledger does not hold all of it any more. */
  final: boolean
}

/** Both inclusive. */
export interface Span {
  from: string
  to: string
}

/** The first day that the ledger certainly holds, in every time zone and while old partitions are being dropped. */
export const firstHeldDay = (now: number, ledgerDays: number): string => dayOf(now - (ledgerDays - 2) * DAY)

/**
 * The days of which something may have changed: those of now every minute, the days in which events can still be sent every
 * hour, all others that the ledger holds once a day, for what was erased, merged, reached or told of late. Days that stand
 * together come as one span, the latest first.
 *
 * @param ledgerDays for how many days the ledger keeps its rows
 * @param begun of what is before there is nothing to know; undefined: there is nothing at all
 */
export function dueDays(rolled: readonly RolledDay[], now: number, ledgerDays: number, begun: number | undefined): Span[] {
  if (begun === undefined) return []
  const known = new Map(rolled.map((it) => [it.day, it]))
  const first = Math.max(Date.parse(firstHeldDay(now, ledgerDays)), Date.parse(dayOf(begun - EARLIEST_MS)))
  // In some places it is tomorrow already.
  const last = Date.parse(dayOf(now)) + DAY
  const due: number[] = []
  for (let day = last; day >= first; day -= DAY) {
    const before = known.get(dayOf(day))
    if (before === undefined || (!before.final && now - before.rolledAt >= Math.max(pause(now - day), before.tookMs / PART))) due.push(day)
  }
  const spans: { from: number; to: number }[] = []
  for (const day of due) {
    const span = spans.at(-1)
    if (span !== undefined && span.from - day === DAY && span.to - day < TOGETHER * DAY) span.from = day
    else spans.push({ from: day, to: day })
  }
  return spans.map(({ from, to }) => ({ from: dayOf(from), to: dayOf(to) }))
}

/** A span of at least two days as two. */
export function halves({ from, to }: Span): [Span, Span] {
  const middle = Date.parse(from) + Math.floor((Date.parse(to) - Date.parse(from)) / DAY / 2) * DAY
  return [
    { from: dayOf(middle + DAY), to },
    { from, to: dayOf(middle) },
  ]
}

/** @param age milliseconds since the beginning of the day, UTC */
function pause(age: number): number {
  if (age < 2.5 * DAY) return 60_000
  // Meta takes events of seven days.
  return age < 9 * DAY ? HOUR : 24 * HOUR
}

const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10)
