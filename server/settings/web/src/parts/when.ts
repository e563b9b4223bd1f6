import { useQuery } from '@tanstack/react-query'
import { resources } from '../api/resources.ts'

/** Writes instants in the time zone that the customer chose; until that is known, in the zone of the browser. */
export function useWhen(): (instant: string | null) => string {
  const { data } = useQuery(resources.digest)
  return (instant) => (instant === null ? '–' : writeInstant(instant, data?.timeZone))
}

/** For example `14 Nov 2026, 10:32 CET`: whoever reads it may be elsewhere. An unknown zone is that of the browser. */
export function writeInstant(instant: string, timeZone: string | undefined): string {
  const format = (zone: string | undefined) =>
    new Intl.DateTimeFormat('en-GB', {
      day: 'numeric',
      month: 'short',
      year: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      timeZoneName: 'short',
      timeZone: zone,
    })
  try {
    return format(timeZone).format(new Date(instant))
  } catch {
    return format(undefined).format(new Date(instant))
  }
}
