import { dropped, type Normalised } from './normalised.ts'

const invalid = dropped('click_id_invalid')
const noTime = dropped('click_id_no_time')

/**
 * `fbc`: `fb.1.{ms when the click id was first seen}.{fbclid}`, case kept, never hashed (Meta, fbp and fbc parameters; 1 is
 * the index for values built on a server). A complete value passes as it is; a raw fbclid needs its first-seen time.
 */
export const normaliseClickId = (clickId: { value: string; firstSeenAt?: number | undefined }): Normalised => {
  const value = clickId.value.trim()
  if (value === '') return undefined
  if (value.startsWith('fb.')) return /^fb\.[0-2]\.\d{13}\.[\w.-]+$/.test(value) ? value : invalid
  if (!/^[\w-]+$/.test(value)) return invalid
  const seen = clickId.firstSeenAt
  // Thirteen digits of milliseconds: from 2001 to 2286.
  return seen !== undefined && seen >= 1e12 && seen < 1e13 ? `fb.1.${Math.floor(seen)}.${value}` : noTime
}
