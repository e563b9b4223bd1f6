import { nfc } from './letters.ts'
import { dropped, type Normalised } from './normalised.ts'

const unusable = dropped('city_unusable')

/**
 * `ct`: lower case, nothing but letters (of any script) and digits (Meta, customer information parameters: no punctuation,
 * special characters or spaces).
 */
export const normaliseCity = (text: string): Normalised => {
  const city = nfc(text)
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, '')
  if (city !== '') return city
  return text.trim() === '' ? undefined : unusable
}
