import { writeInstant } from './write-instant.ts'

/** Writes an instant in the time zone of the HubSpot account. */
export const when = (instant: string | null, timeZone: string): string => (instant === null ? '–' : writeInstant(instant, timeZone))
