import { withoutPunctuation } from './letters.ts'
import { dropped, type Normalised } from './normalised.ts'

const unusable = dropped('name_unusable')

/**
 * `fn`, `ln`: lower case without whitespace and ASCII punctuation; accents and other scripts stay (Meta, customer
 * information parameters).
 */
export const normaliseName = (text: string): Normalised => withoutPunctuation(text) || (text.trim() === '' ? undefined : unusable)
