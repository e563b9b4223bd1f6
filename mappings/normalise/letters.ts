/**
 * Unicode NFC: composed and decomposed accents look alike but hash differently. Text below U+0300 is NFC already, which
 * spares most text the call.
 */
export const nfc = (text: string): string => {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x300) return text.normalize('NFC')
  return text
}

/** NFC, lower case, nothing but letters of any script. */
export const letters = (text: string): string =>
  nfc(text)
    .toLowerCase()
    .replace(/[^\p{L}\p{M}]+/gu, '')
