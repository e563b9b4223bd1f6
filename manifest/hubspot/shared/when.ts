/** Writes an instant in the time zone of the HubSpot account, for example `14 Nov 2026, 10:32 CET`. */
export function when(instant: string | null, timeZone: string): string {
  if (instant === null) return '–'
  const form: Intl.DateTimeFormatOptions = {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZoneName: 'short',
  }
  try {
    return new Intl.DateTimeFormat('en-GB', { ...form, timeZone }).format(new Date(instant))
  } catch {
    // HubSpot may know zones that this browser does not.
    return new Intl.DateTimeFormat('en-GB', { ...form, timeZone: 'UTC' }).format(new Date(instant))
  }
}
