/** The hashed match keys of one person, made once from an identity, kept as JSON and reused for every later event. */
import { z } from 'zod'
import type { LeadIdentity } from '../connectors/record.ts'
import { alreadyHashed, isSha256, sha256 } from './hash.ts'
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
import type { Dropped, Normalised } from './normalise/normalised.ts'
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
  limitedDataUse: LimitedDataUse | undefined
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

  if (identity.metaLeadId !== undefined) {
    const id = normaliseLeadId(identity.metaLeadId)
    if (typeof id === 'string') data.lead_id = id
    else note(id, 'lead_id', notes)
  }
  if (rules.whichLeads === 'lead_id_only') return { userData: data, limitedDataUse: undefined, notes }
  if (identity.clickId !== undefined) {
    const fbc = normaliseClickId(identity.clickId)
    if (typeof fbc === 'string') data.fbc = fbc
    else note(fbc, 'fbc', notes)
  }

  const { firstName, lastName, gender, dateOfBirth, city, postalCode, externalId } = identity
  const stated = identity.country === undefined ? undefined : (alreadyHashed(identity.country) ?? normaliseCountry(identity.country))
  const country = typeof stated === 'string' && stated.length === 2 ? stated : rules.defaultCountry?.toLowerCase()
  const state = identity.state === undefined ? undefined : (alreadyHashed(identity.state) ?? normaliseState(identity.state, country))

  // Key by key and by name: one loop over all of them would be shorter and cost a tenth of the whole way.
  for (const text of identity.emails ?? none) {
    const em = hashed(alreadyHashed(text) ?? normaliseEmail(text), 'em', notes)
    if (em !== undefined) data.em = joined(data.em, em)
  }
  for (const text of identity.phones ?? none) {
    const ph = hashed(alreadyHashed(text) ?? normalisePhone(text, country), 'ph', notes)
    if (ph !== undefined) data.ph = joined(data.ph, ph)
  }
  if (firstName !== undefined) {
    const fn = hashed(alreadyHashed(firstName) ?? normaliseName(firstName), 'fn', notes)
    if (fn !== undefined) data.fn = [fn]
  }
  if (lastName !== undefined) {
    const ln = hashed(alreadyHashed(lastName) ?? normaliseName(lastName), 'ln', notes)
    if (ln !== undefined) data.ln = [ln]
  }
  if (gender !== undefined) {
    const ge = hashed(alreadyHashed(gender) ?? normaliseGender(gender), 'ge', notes)
    if (ge !== undefined) data.ge = [ge]
  }
  if (dateOfBirth !== undefined) {
    const db = hashed(alreadyHashed(dateOfBirth) ?? normaliseBirthDate(dateOfBirth, now), 'db', notes)
    if (db !== undefined) data.db = [db]
  }
  if (city !== undefined) {
    const ct = hashed(alreadyHashed(city) ?? normaliseCity(city), 'ct', notes)
    if (ct !== undefined) data.ct = [ct]
  }
  const st = hashed(state, 'st', notes)
  if (st !== undefined) data.st = [st]
  if (postalCode !== undefined) {
    const zp = hashed(alreadyHashed(postalCode) ?? normalisePostalCode(postalCode, country), 'zp', notes)
    if (zp !== undefined) data.zp = [zp]
  }
  const stated256 = hashed(stated, 'country', notes)
  if (stated256 !== undefined) data.country = [stated256]
  if (rules.externalId && externalId !== undefined) {
    const id = hashed(alreadyHashed(externalId) ?? normaliseExternalId(externalId), 'external_id', notes)
    if (id !== undefined) data.external_id = [id]
  }

  const known = typeof state === 'string' && state.length < 64 ? state : undefined
  return { userData: data, limitedDataUse: limitedDataUse(rules.limitedDataUse, country, known), notes }
}

const none: readonly string[] = []

/** The hash of a normalised value; a drop leaves its note. */
const hashed = (value: Normalised, field: HashedKey, notes: FieldNote[]): string | undefined => {
  if (typeof value === 'string') return value.length === 64 && isSha256(value) ? value : sha256(value)
  note(value, field, notes)
  return undefined
}

const note = (value: Dropped | undefined, field: string, notes: FieldNote[]) => {
  if (value !== undefined) notes.push({ field, code: value.dropped })
}

/** Each hash once, in the order given. */
const joined = (present: string[] | undefined, hash: string): string[] => {
  if (present === undefined) return [hash]
  if (!present.includes(hash)) present.push(hash)
  return present
}
