import { withoutSpaces } from './letters.ts'
import type { Normalised } from './normalised.ts'

/** `external_id`: lower case without whitespace, the form that Meta's newer library hashes. */
export const normaliseExternalId = (text: string): Normalised => withoutSpaces(text) || undefined
