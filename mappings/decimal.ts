/**
 * The decimal digits of a whole number up to 2^53. In two halves, because engines turn numbers of more than 31 bits into text
 * by way of floating point, which takes as long as half a hash.
 */
export const decimal = (value: number): string => {
  if (value < 1e9) return String(value)
  const high = Math.floor(value / 1e7)
  const low = (value - high * 1e7) | 0
  return String(high) + String(low + 1e7).slice(1)
}
