/** An instant as CRMs write it: ISO 8601 with an offset, or Unix time. */

/** Below it a number is seconds (until the year 5138), from it on milliseconds (from 1973). */
const FIRST_MS = 1e11
/** September 2001: what is less was not meant as a time in seconds. */
const FIRST_SECOND = 1e9

/** Milliseconds since the epoch; undefined for what is no instant. A time without an offset is none: it may be anywhere. */
export function readInstant(value: string | number): number | undefined {
  const text = String(value).trim()
  if (/^\d+(\.\d+)?$/.test(text)) {
    const number = Number(text)
    if (number < FIRST_SECOND || number > 8.64e15) return undefined
    return Math.round(number < FIRST_MS ? number * 1000 : number)
  }
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/i.test(text)) return undefined
  const at = Date.parse(text.replace(/(\.\d{3})\d+/, '$1').replace(/([+-]\d\d)(\d\d)$/, '$1:$2'))
  return Number.isNaN(at) ? undefined : at
}
