import { hash } from 'node:crypto'
import { type Dropped, dropped } from './normalise/normalised.ts'

const md5 = dropped('already_md5')

/** SHA-256 of the UTF-8 bytes, 64 lower-case hex characters. */
export const sha256 = (text: string): string => hash('sha256', text)

/** Whether text is a SHA-256 in lower-case hex. */
export const isSha256 = (text: string): boolean => /^[0-9a-f]{64}$/.test(text)

/**
 * What a CRM stored hashed already: a SHA-256 in any letter case comes back in lower case (Meta: never hash twice), an MD5 is
 * dropped (Meta documents SHA-256 only), everything else is `undefined` and has to be normalised.
 */
export const alreadyHashed = (text: string): string | Dropped | undefined => {
  if (text.length < 32) return undefined
  const value = text.trim().toLowerCase()
  if (isSha256(value)) return value
  return /^[0-9a-f]{32}$/.test(value) ? md5 : undefined
}
