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
