import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/min'
import { dropped, type Normalised } from './normalised.ts'

const invalid = dropped('phone_invalid')
const noCountry = dropped('phone_no_country')

/**
 * `ph`: digits with the country code, no leading zeros, 7 to 15 of them (Meta, customer information parameters). A leading
 * `+` or `00` means international; a national number is read with `country` (normalised code) and dropped where that is
 * unknown. Extensions and the `(0)` of `+44 (0)…` are cut.
 */
export const normalisePhone = (text: string, country?: string): Normalised => {
  const number = text.trim()
  if (number === '') return undefined
  const international = /^[^\d+]*(?:\+|00)/.test(number)
  const main = number.replace(/(?<=\d.*?)(?:;?\s*ext|x|#).*$/i, '')
  if (international) {
    const digits = main.replace(/\(0\)/, '').replace(/\D/g, '').replace(/^0+/, '')
    return digits.length >= 7 && digits.length <= 15 ? digits : invalid
  }
  const region = country?.toUpperCase() as CountryCode | undefined
  if (region === undefined || !isSupportedCountry(region)) return /\d/.test(main) ? noCountry : invalid
  const parsed = parsePhoneNumberFromString(main, { defaultCountry: region, extract: false })
  return parsed?.isValid() ? parsed.number.slice(1) : invalid
}
