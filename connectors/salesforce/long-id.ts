/** Ids of Salesforce come with 15 characters, where case matters, or with three more that repeat the case (standard field types: ID). */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345'

/** The id with 18 characters; undefined for what is no id. */
export function longId(id: string): string | undefined {
  if (!/^(?:[A-Za-z0-9]{15}|[A-Za-z0-9]{18})$/.test(id)) return undefined
  const short = id.slice(0, 15)
  const suffix = [0, 5, 10].map((from) => {
    const bits = [...short.slice(from, from + 5)].reduce((sum, letter, bit) => sum + (/[A-Z]/.test(letter) ? 2 ** bit : 0), 0)
    return ALPHABET[bits]
  })
  return short + suffix.join('')
}
