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
  if (rules.whichLeads === 'lead_id_only') {
    return { userData: data, limitedDataUse: limitedDataUse(rules.limitedDataUse, undefined, undefined), notes }
  }
  if (identity.clickId !== undefined) {
    const fbc = normaliseClickId(identity.clickId)
    if (typeof fbc === 'string') data.fbc = fbc
    else note(fbc, 'fbc', notes)
  }

  const { emails, phones, firstName, lastName, gender, dateOfBirth, city, postalCode, externalId } = identity
  const country = identity.country === undefined ? undefined : (alreadyHashed(identity.country) ?? normaliseCountry(identity.country))
  const region = typeof country === 'string' && country.length === 2 ? country : rules.defaultCountry?.toLowerCase()
  const state = identity.state === undefined ? undefined : (alreadyHashed(identity.state) ?? normaliseState(identity.state, region))

  // All the normalising first and all the hashing after it, spelled out key by key: a loop over the keys that hashes each at
  // once takes a fifth longer, by property lookups and by code falling out of the processor's cache.
  const em = emails?.map((text) => alreadyHashed(text) ?? normaliseEmail(text))
  const ph = phones?.map((text) => alreadyHashed(text) ?? normalisePhone(text, region))
  const fn = firstName === undefined ? undefined : (alreadyHashed(firstName) ?? normaliseName(firstName))
  const ln = lastName === undefined ? undefined : (alreadyHashed(lastName) ?? normaliseName(lastName))
  const ge = gender === undefined ? undefined : (alreadyHashed(gender) ?? normaliseGender(gender))
  const db = dateOfBirth === undefined ? undefined : (alreadyHashed(dateOfBirth) ?? normaliseBirthDate(dateOfBirth, now))
  const ct = city === undefined ? undefined : (alreadyHashed(city) ?? normaliseCity(city))
  const zp = postalCode === undefined ? undefined : (alreadyHashed(postalCode) ?? normalisePostalCode(postalCode, region))
  const id = !rules.externalId || externalId === undefined ? undefined : (alreadyHashed(externalId) ?? normaliseExternalId(externalId))

  const emailHashes = em && hashedAll(em, 'em', notes)
  if (emailHashes !== undefined) data.em = emailHashes
  const phoneHashes = ph && hashedAll(ph, 'ph', notes)
  if (phoneHashes !== undefined) data.ph = phoneHashes
  if (typeof fn === 'string') data.fn = [hashed(fn)]
  else note(fn, 'fn', notes)
  if (typeof ln === 'string') data.ln = [hashed(ln)]
  else note(ln, 'ln', notes)
  if (typeof ge === 'string') data.ge = [hashed(ge)]
  else note(ge, 'ge', notes)
  if (typeof db === 'string') data.db = [hashed(db)]
  else note(db, 'db', notes)
  if (typeof ct === 'string') data.ct = [hashed(ct)]
  else note(ct, 'ct', notes)
  if (typeof state === 'string') data.st = [hashed(state)]
  else note(state, 'st', notes)
  if (typeof zp === 'string') data.zp = [hashed(zp)]
  else note(zp, 'zp', notes)
  if (typeof country === 'string') data.country = [hashed(country)]
  else note(country, 'country', notes)
  if (typeof id === 'string') data.external_id = [hashed(id)]
  else note(id, 'external_id', notes)

  const known = typeof state === 'string' && state.length < 64 ? state : undefined
  return { userData: data, limitedDataUse: limitedDataUse(rules.limitedDataUse, region, known), notes }
}

/** The hash of a normalised value that may be one already. */
const hashed = (value: string): string => (value.length === 64 && isSha256(value) ? value : sha256(value))

/** Each hash once, in the order given; `undefined` where nothing could be used. */
const hashedAll = (values: readonly Normalised[], field: string, notes: FieldNote[]): string[] | undefined => {
  let hashes: string[] | undefined
  for (const value of values) {
    if (typeof value !== 'string') note(value, field, notes)
    else {
      const hash = hashed(value)
      if (hashes === undefined) hashes = [hash]
      else if (!hashes.includes(hash)) hashes.push(hash)
    }
  }
  return hashes
}

const note = (value: Dropped | undefined, field: string, notes: FieldNote[]) => {
  if (value !== undefined) notes.push({ field, code: value.dropped })
}
