/** The hashed match keys of one person, made once from an identity, kept as JSON and reused for every later event. */
import { z } from 'zod'
import type { LeadIdentity } from '../connectors/record.ts'
import { sha256 } from './hash.ts'
import { type LimitedDataUse, limitedDataUse } from './limited-data-use.ts'
import { normaliseBirthDate } from './normalise/birth-date.ts'
import { normaliseCity } from './normalise/city.ts'
import { normaliseClickId } from './normalise/click-id.ts'
import { normaliseCountry } from './normalise/country.ts'
import { normaliseEmail } from './normalise/email.ts'
import { normaliseExternalId } from './normalise/external-id.ts'
import { normaliseGender } from './normalise/gender.ts'
import { normaliseLeadId } from './normalise/lead-id.ts'
import { normaliseName } from './normalise/name.ts'
import type { Normalised } from './normalise/normalised.ts'
import { normalisePhone } from './normalise/phone.ts'
import { normalisePostalCode } from './normalise/postal-code.ts'
import { normaliseState } from './normalise/state.ts'
import type { FieldNote } from './reasons.ts'
import type { Rules } from './rules.ts'

const hashes = z
  .array(z.string().regex(/^[0-9a-f]{64}$/))
  .min(1)
  .optional()

/** `user_data` as Meta spells it. `lead_id` is text here and becomes an integer literal on the wire. */
export const userData = z.strictObject({
  lead_id: z
    .string()
    .regex(/^[1-9]\d{14,16}$/)
    .optional(),
  fbc: z
    .string()
    .regex(/^fb\.[0-2]\.\d+\.[\w.-]+$/)
    .optional(),
  em: hashes,
  ph: hashes,
  fn: hashes,
  ln: hashes,
  ge: hashes,
  db: hashes,
  ct: hashes,
  st: hashes,
  zp: hashes,
  country: hashes,
  external_id: hashes,
})
export type UserData = z.infer<typeof userData>
type HashedKey = Exclude<keyof UserData, 'lead_id' | 'fbc'>

/** What is kept of a person: no readable contact data but Meta's own ids and, where data use is limited, the state. */
export interface HashedIdentity {
  userData: UserData
  limitedDataUse?: LimitedDataUse
  /** Fields that were there but could not be used. */
  notes: FieldNote[]
}

/**
 * Normalises and hashes an identity under the rules of its connection. Never throws: a field that fails is left out with a
 * note. In lead-id-only mode nothing but the lead id is looked at. `now` in ms (bounds the date of birth).
 */
export const hashIdentity = (identity: LeadIdentity, rules: Rules, now: number): HashedIdentity => {
  const data: UserData = {}
  const notes: FieldNote[] = []
  const add = (key: HashedKey, given: string | undefined, normalise: (text: string) => Normalised) => {
    if (given === undefined) return
    const value = hashed(given, normalise)
    if (value === undefined) return
    if (typeof value === 'object') notes.push({ field: key, code: value.dropped })
    else if (data[key] === undefined) data[key] = [value]
    else if (!data[key].includes(value)) data[key].push(value)
  }

  if (identity.metaLeadId !== undefined) {
    const id = normaliseLeadId(identity.metaLeadId)
    if (typeof id === 'string') data.lead_id = id
    else if (id !== undefined) notes.push({ field: 'lead_id', code: id.dropped })
  }
  if (rules.whichLeads === 'lead_id_only') return { userData: data, notes }
  if (identity.clickId !== undefined) {
    const fbc = normaliseClickId(identity.clickId)
    if (typeof fbc === 'string') data.fbc = fbc
    else if (fbc !== undefined) notes.push({ field: 'fbc', code: fbc.dropped })
  }

  const stated = identity.country === undefined ? undefined : normaliseCountry(identity.country)
  const country = typeof stated === 'string' ? stated : rules.defaultCountry?.toLowerCase()
  for (const email of identity.emails ?? []) add('em', email, normaliseEmail)
  for (const phone of identity.phones ?? []) add('ph', phone, (text) => normalisePhone(text, country))
  add('fn', identity.firstName, normaliseName)
  add('ln', identity.lastName, normaliseName)
  add('ge', identity.gender, normaliseGender)
  add('db', identity.dateOfBirth, (text) => normaliseBirthDate(text, now))
  add('ct', identity.city, normaliseCity)
  add('st', identity.state, (text) => normaliseState(text, country))
  add('zp', identity.postalCode, (text) => normalisePostalCode(text, country))
  add('country', identity.country, normaliseCountry)
  if (rules.externalId) add('external_id', identity.externalId, normaliseExternalId)

  const state = identity.state === undefined ? undefined : normaliseState(identity.state, country)
  const limited = limitedDataUse(rules.limitedDataUse, country, typeof state === 'string' ? state : undefined)
  return limited === undefined ? { userData: data, notes } : { userData: data, limitedDataUse: limited, notes }
}

const md5 = { dropped: 'already_md5' } as const
/** Hashes a normalised value; text that is a SHA-256 already passes in lower case (Meta: never hash twice). */
const hashed = (text: string, normalise: (text: string) => Normalised): Normalised => {
  if (text.length >= 32) {
    const bare = text.trim()
    if (/^[0-9a-f]{64}$/i.test(bare)) return bare.toLowerCase()
    if (/^[0-9a-f]{32}$/i.test(bare)) return md5
  }
  const value = normalise(text)
  return typeof value === 'string' ? sha256(value) : value
}
