/** How far what was before a connection has been read, in words. */
import type { PastStanding } from './connections.ts'

const day = (at: Date) => at.toISOString().slice(0, 10)

export function pastText({ coveredFrom, reading }: PastStanding): string {
  if (reading === null) return `read back to ${day(coveredFrom)}`
  return `still being read back to ${day(reading.from)}: ${reading.records} records so far`
}
