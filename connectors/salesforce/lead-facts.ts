import { type Row, readInstant, text } from './query.ts'
import type { LeadFacts } from './transitions.ts'

/** A conversion is dated by the day, in the time zone of who converted; an opportunity that it made was made on that day. */
const SAME_DAY_MS = 36 * 3_600_000

/** What the stages of a lead are told from; undefined without its creation. */
export function leadFacts(row: Row): LeadFacts | undefined {
  const createdAt = readInstant(row.CreatedDate)
  if (createdAt === undefined) return undefined
  return {
    createdAt,
    modifiedAt: readInstant(row.LastModifiedDate) ?? Number.POSITIVE_INFINITY,
    status: text(row.Status),
    isConverted: row.IsConverted === true,
    convertedAt: conversionTime(row, createdAt),
  }
}

/**
 * When the conversion made the opportunity, in ms. One that was there before says nothing: a lead may be converted to an
 * opportunity of long ago.
 */
function conversionTime(row: Row, createdAt: number): number | undefined {
  const made = readInstant((row.ConvertedOpportunity as Row | null | undefined)?.CreatedDate)
  const noon = readInstant(`${text(row.ConvertedDate)}T12:00:00.000Z`)
  if (made === undefined || noon === undefined || made < createdAt || Math.abs(made - noon) > SAME_DAY_MS) return undefined
  return made
}
