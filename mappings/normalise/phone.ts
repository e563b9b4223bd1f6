import { hasNumberingPlan, withCallingCode } from './national-number.ts'
import { dropped, type Normalised } from './normalised.ts'

const invalid = dropped('phone_invalid')
const noCountry = dropped('phone_no_country')

/**
 * `ph`: digits with the country code, no leading zeros, 7 to 15 of them (Meta, customer information parameters). A leading
 * `+` or `00` means international; a national number is read with `country` (normalised code) and dropped where that is
 * unknown. Extensions and the `(0)` of `+44 (0)…` are cut.
 */
export const normalisePhone = (text: string, country?: string): Normalised => {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 43 || code === 0xff0b) return internationalDigits(text, i + 1)
    const digit = digitOf(code)
    if (digit < 0) continue
    return digit === 0 && digitOf(text.charCodeAt(i + 1)) === 0 ? internationalDigits(text, i + 2) : nationalDigits(text, i, country)
  }
  return text.trim() === '' ? undefined : invalid
}

/** Digits up to an extension, cut out in runs: digit by digit takes twice as long. */
const internationalDigits = (text: string, from: number): Normalised => {
  let digits = ''
  let start = from
  let i = from
  for (; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code >= 48 && code <= 57) {
      if (code === 48 && i === start && digits === '') start++ // zeros in front say nothing
      continue
    }
    if (digitOf(code) >= 0) return internationalDigits(withAsciiDigits(text), from)
    if (i > start) digits += text.slice(start, i)
    start = i + 1
    if (code === 40) {
      // Italy keeps the zero of its area codes behind the country code, everyone else drops it.
      if (text.startsWith('0)', start) && digits !== '39') {
        i += 2
        start += 2
      }
    } else if (digits !== '' && startsExtension(text, i)) break
  }
  if (i > start) digits += text.slice(start, i)
  return digits.length < 7 || digits.length > 15 ? invalid : digits
}

const withAsciiDigits = (text: string): string =>
  text.replace(/\p{Nd}/gu, (digit) => {
    const value = digitOf(digit.charCodeAt(0))
    return value < 0 ? digit : String(value)
  })

const nationalDigits = (text: string, from: number, country: string | undefined): Normalised => {
  if (country === undefined || !hasNumberingPlan(country)) return noCountry
  let digits = ''
  for (let i = from; i < text.length; i++) {
    const digit = digitOf(text.charCodeAt(i))
    if (digit >= 0) digits += digit
    else if (startsExtension(text, i)) break
  }
  const number = withCallingCode(digits, country)
  return number !== undefined && number.length >= 7 && number.length <= 15 ? number : invalid
}

/** The value of a decimal digit: ASCII, Arabic-Indic, Persian or full-width; -1 for everything else. */
const digitOf = (code: number): number => {
  if (code < 0x80) return code >= 48 && code <= 57 ? code - 48 : -1
  if (code >= 0x660 && code <= 0x669) return code - 0x660
  if (code >= 0x6f0 && code <= 0x6f9) return code - 0x6f0
  return code >= 0xff10 && code <= 0xff19 ? code - 0xff10 : -1
}

/** `x5`, `ext. 5`, `;ext=5`, `#5` behind a number. */
const startsExtension = (text: string, at: number): boolean => {
  const code = text.charCodeAt(at) | 32
  return code === 120 || code === 35 || (code === 101 && (text.charCodeAt(at + 1) | 32) === 120)
}
