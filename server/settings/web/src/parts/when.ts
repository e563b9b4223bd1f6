import { useQuery } from '@tanstack/react-query'
import { resources } from '../api/resources.ts'
import { writeInstant } from './write-instant.ts'

/** Writes instants in the time zone that the customer chose; until that is known, in the zone of the browser. */
export function useWhen(): (instant: string | null) => string {
  const { data } = useQuery(resources.digest)
  return (instant) => (instant === null ? '–' : writeInstant(instant, data?.timeZone))
}
