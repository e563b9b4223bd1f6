/** What a line of the audit trail says beside its text, for example `whichLeads: anyone, consent: []`. */
export const detailOf = (detail: Readonly<Record<string, unknown>>): string =>
  Object.entries(detail)
    .filter(([, value]) => value !== null && value !== undefined && value !== '')
    .map(([name, value]) =>
      name === 'changed' && typeof value === 'object' ? detailOf(value as Record<string, unknown>) : `${name}: ${textOf(value)}`,
    )
    .join(', ')

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
