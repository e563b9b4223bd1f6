import { withoutSpaces } from './letters.ts'
import { dropped, type Normalised } from './normalised.ts'

const unusable = dropped('postal_code_unusable')

/**
 * `zp`: lower case, no spaces, cut at the dash, five digits in the USA (Meta, customer information parameters). `country` is
 * the normalised code, where known.
 */
export const normalisePostalCode = (text: string, country?: string): Normalised => {
  let code = withoutSpaces(text)
  if (code === '') return undefined
  const dash = code.indexOf('-')
  if (dash >= 0) code = code.slice(0, dash)
  if (code.length > 5 && country === 'us' && /^\d{5}/.test(code)) code = code.slice(0, 5)
  return code.length < 2 ? unusable : code
}
