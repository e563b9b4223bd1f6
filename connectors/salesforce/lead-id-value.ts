/** Number fields hold 15 digits exactly; longer ids are rounded when they are shown or saved (Salesforce, number fields). */
const EXACT_BELOW = 1e15

/**
 * The Meta lead id that a field holds; undefined if it is empty. From a number field an id that may have lost digits comes in
 * scientific notation, which nobody takes for an id.
 * @param isNumber whether the field is one for numbers
 */
export function readLeadId(value: unknown, isNumber = typeof value === 'number'): string | undefined {
  const plain = typeof value === 'number' ? String(value) : typeof value === 'string' ? value.trim() : ''
  if (plain === '' || !isNumber) return plain || undefined
  const number = Number(plain)
  return number < EXACT_BELOW ? String(number) : number.toExponential()
}
