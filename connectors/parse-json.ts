/**
 * JSON without loss: integers beyond 2^53 come back as strings with all their digits. Throws `SyntaxError` for what is no
 * JSON.
 */
export function parseJson(text: string): unknown {
  return longInteger.test(text) ? JSON.parse(text, wholeInteger) : JSON.parse(text)
}

/**
 * Reviving every value costs several times the parsing, and only a number of 16 digits can go beyond 2^53. Looking for where
 * a number begins spares trying again at each of its digits.
 */
const longInteger = /(?:^|[\s:,[-])\d{16}/

function wholeInteger(_name: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  const source = context?.source ?? ''
  return /^-?\d+$/.test(source) ? source : value
}
