import { dropped, type Normalised } from './normalised.ts'

const rounded = dropped('lead_id_rounded')
const tooShort = dropped('lead_id_too_short')
const tooLong = dropped('lead_id_too_long')
const notDigits = dropped('lead_id_not_digits')

/**
 * `lead_id`: 15 to 17 digits as text, never hashed (Meta, conversion leads payload). The label prefix of Meta's CSV export
 * (`l:`) is cut. What a number field or a spreadsheet has rounded or formatted is dropped: the lost digits cannot be known.
 */
export const normaliseLeadId = (text: string): Normalised => {
  let id = text.trim()
  if (id === '') return undefined
  if (/^[1-9]\d{14,16}$/.test(id)) return id
  id = id.replace(/^[a-z]+:\s*/i, '')
  if (/^[1-9]\d{14,16}$/.test(id)) return id
  if (/^[+-]?\d[\d.,]*(?:e[+-]?\d+)?$/i.test(id) && /[.,e]/i.test(id)) return rounded
  if (!/^\d+$/.test(id)) return notDigits
  return id.length > 17 ? tooLong : tooShort
}
