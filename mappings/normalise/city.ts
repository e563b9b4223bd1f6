import { lettersAndDigits } from './letters.ts'
import { dropped, type Normalised } from './normalised.ts'

const unusable = dropped('city_unusable')

/**
 * `ct`: lower case, nothing but letters (of any script) and digits (Meta, customer information parameters: no punctuation,
 * special characters or spaces).
 */
export const normaliseCity = (text: string): Normalised => lettersAndDigits(text) || (text.trim() === '' ? undefined : unusable)
