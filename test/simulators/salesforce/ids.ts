const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const CHECKSUM = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345'

/** The 18 characters of an id given with 15 or 18: the last three spell which letters are upper case. */
export function longId(id: string): string {
  if (id.length !== 15) return id
  let suffix = ''
  for (let group = 0; group < 15; group += 5) {
    let bits = 0
    for (let index = 0; index < 5; index += 1) {
      const code = id.charCodeAt(group + index)
      if (code >= 65 && code <= 90) bits |= 1 << index
    }
    suffix += CHECKSUM[bits]
  }
  return id + suffix
}

/** An id as the orgs of the real service make them: the key prefix of the object, the org's own part, a running number. */
export function makeId(prefix: string, org: number, serial: number): string {
  return longId(prefix + base62(org + 1_000_000, 5) + base62(serial, 7))
}

function base62(number: number, width: number): string {
  let text = ''
  for (let left = number; text.length < width; left = Math.floor(left / 62)) text = ALPHABET[left % 62] + text
  return text
}
