/**
 * Text with the characters taken out that a field does not want: lower case, Unicode NFC (composed and decomposed accents
 * look alike but hash differently). One pass over the character codes; only scripts beyond Latin need a regular expression.
 */
const keep = 0
const drop = 1
/** Beyond the table, and signs of Latin-1 that are rare enough not to be told apart here. */
const look = 2

const tableOf = (dropped: RegExp): Uint8Array => {
  const table = new Uint8Array(0x250)
  for (let code = 0; code < table.length; code++) {
    const letter = code >= 0xc0 && code !== 0xd7 && code !== 0xf7
    table[code] = code < 0x80 ? (dropped.test(String.fromCharCode(code)) ? drop : keep) : letter ? keep : look
  }
  return table
}

const without = (unwanted: RegExp): ((text: string) => string) => {
  const table = tableOf(new RegExp(unwanted.source, 'u'))
  return (text) => {
    const lower = text.toLowerCase()
    let kept = ''
    let start = 0
    for (let i = 0; i < lower.length; i++) {
      const code = lower.charCodeAt(i)
      const kind = code < 0x250 ? table[code] : look
      if (kind === keep) continue
      if (kind === look) return lower.normalize('NFC').replace(unwanted, '')
      if (i > start) kept += lower.slice(start, i)
      start = i + 1
    }
    if (start === 0) return lower
    return start < lower.length ? kept + lower.slice(start) : kept
  }
}

/** Without whitespace and ASCII punctuation; accents, digits and other scripts stay. */
export const withoutPunctuation = without(/[\s!-/:-@[-`{-~]+/gu)
/** Letters of any script and digits. */
export const lettersAndDigits = without(/[^\p{L}\p{M}\p{N}]+/gu)
/** Letters of any script. */
export const letters = without(/[^\p{L}\p{M}]+/gu)
/** Without whitespace. */
export const withoutSpaces = without(/\s+/gu)
