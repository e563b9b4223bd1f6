import { dropped, type Normalised } from './normalised.ts'

const invalid = dropped('email_invalid')
// One @, no spaces, a dotted ASCII domain: the common ground of the patterns in Meta's own libraries.
const pattern =
  /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z](?:[a-z0-9-]*[a-z0-9])$/

/** `em`: trimmed and in lower case; plus-tags and dots stay (Meta, customer information parameters). */
export const normaliseEmail = (text: string): Normalised => {
  const email = text.trim().toLowerCase()
  if (email === '') return undefined
  return pattern.test(email) ? email : invalid
}
