/** How long after their lead stages were reached, as counts that can be added up: by hour on the first day, by day up to Meta's 28. */
import { type RawBuilder, sql } from 'kysely'

/** Counts by bucket: 0 to 23 are hours, 24 to 50 the second day to the 28th, 51 is all that took longer. */
export type Delays = Readonly<Record<string, number>>

const HOURS = 24
const DAYS = 28
const LATER = HOURS + DAYS - 1

/** The bucket of an interval (SQL); null for null. Less than nothing counts as nothing. */
export const bucket = (delay: RawBuilder<unknown>): RawBuilder<number | null> => sql`
  case when ${delay} is null then null
    when ${delay} < interval '1 hour' then 0
    when ${delay} < interval '24 hours' then floor(extract(epoch from ${delay}) / 3600)::int
    when ${delay} < make_interval(days => ${sql.lit(DAYS)}) then ${sql.lit(HOURS - 1)} + floor(extract(epoch from ${delay}) / 86400)::int
    else ${sql.lit(LATER)} end`

/** Both together. */
export function addDelays(a: Delays, b: Delays | null): Delays {
  const sum: Record<string, number> = { ...a }
  for (const [name, count] of Object.entries(b ?? {})) sum[name] = (sum[name] ?? 0) + count
  return sum
}

/** How many took no longer than 28 days. */
export const within28Days = (delays: Delays): number =>
  Object.entries(delays).reduce((sum, [name, count]) => (Number(name) < LATER ? sum + count : sum), 0)

/** The median in hours, found within its bucket as if that were evenly filled; null where it is over 28 days, and of nothing. */
export function medianHours(delays: Delays): number | null {
  const buckets = Object.entries(delays)
    .map(([name, count]) => [Number(name), count] as const)
    .sort(([a], [b]) => a - b)
  const half = buckets.reduce((sum, [, count]) => sum + count, 0) / 2
  let before = 0
  for (const [name, count] of buckets) {
    if (before + count >= half) {
      if (name >= LATER) return null
      const share = (half - before) / count
      return name < HOURS ? name + share : (name - HOURS + 1 + share) * 24
    }
    before += count
  }
  return null
}
