/**
 * How long a backfill will still read, from how fast it has read since it was last begun or resumed. Milliseconds;
 * undefined where nothing can be said yet. All instants in milliseconds since the epoch. Pure.
 */
export function timeRemaining(
  { total, records, resumedAt, resumedRecords }: { total: number; records: number; resumedAt: number; resumedRecords: number },
  now: number,
): number | undefined {
  const read = records - resumedRecords
  if (read <= 0 || now <= resumedAt) return undefined
  return Math.round(((now - resumedAt) / read) * Math.max(0, total - records))
}
