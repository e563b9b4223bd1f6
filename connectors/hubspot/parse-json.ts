/**
 * JSON text to a value. Integers beyond 2^53 come back as strings with all their digits (Meta lead ids and HubSpot's own
 * ids are 64-bit). Throws what `JSON.parse` throws.
 */
export function parseJson(text: string): unknown {
  // A reviver costs several times the plain parse, and only a run of 16 digits can be an integer beyond 2^53.
  return /\d{16}/.test(text) ? JSON.parse(text, keepDigits) : JSON.parse(text)
}

function keepDigits(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  const source = context?.source
  return source !== undefined && /^-?\d+$/.test(source) ? source : value
}
