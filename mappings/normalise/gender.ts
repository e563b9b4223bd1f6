import { dropped, type Normalised } from './normalised.ts'

const unknown = dropped('gender_unknown')

/** `ge`: `f` or `m`; anything else is left out (Meta, customer information parameters). */
export const normaliseGender = (text: string): Normalised => {
  switch (text.trim().toLowerCase()) {
    case '':
      return undefined
    case 'f':
    case 'female':
    case 'woman':
      return 'f'
    case 'm':
    case 'male':
    case 'man':
      return 'm'
    default:
      return unknown
  }
}
