/** The fields of a form or a query that came once, as text; all else is as good as not there. */
export function textsOf(given: unknown): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(given ?? {}).filter(([, value]) => typeof value === 'string'))
}
