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
  if (isLeadId(text)) return text
  const id = text.trim().replace(/^[a-z]+:\s*/i, '')
  if (isLeadId(id)) return id
  if (id === '') return text.trim() === '' ? undefined : notDigits
  if (/^[+-]?\d[\d.,]*(?:e[+-]?\d+)?$/i.test(id) && /[.,e]/i.test(id)) return rounded
  if (!/^\d+$/.test(id)) return notDigits
  return id.length > 17 ? tooLong : tooShort
}

/** Whether text is a lead id digit by digit: 15 to 17 of them, no leading zero (it would not be a JSON integer). */
export const isLeadId = (text: string): boolean => {
  if (text.length < 15 || text.length > 17 || text.charCodeAt(0) === 48) return false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 48 || code > 57) return false
  }
  return true
}
