/** Whatever a CRM holds about a person, it becomes what Meta takes, or is left out with a reason; normalising twice changes nothing. */
import fc from 'fast-check'
import t from 'tap'
import type { LeadIdentity } from '../../connectors/record.ts'
import { buildEvent } from '../../mappings/conversion-event.ts'
import { normaliseBirthDate } from '../../mappings/normalise/birth-date.ts'
import { normaliseCity } from '../../mappings/normalise/city.ts'
import { normaliseClickId } from '../../mappings/normalise/click-id.ts'
import { normaliseCountry } from '../../mappings/normalise/country.ts'
import { normaliseEmail } from '../../mappings/normalise/email.ts'
import { normaliseExternalId } from '../../mappings/normalise/external-id.ts'
import { normaliseGender } from '../../mappings/normalise/gender.ts'
import { normaliseLeadId } from '../../mappings/normalise/lead-id.ts'
import { normaliseName } from '../../mappings/normalise/name.ts'
import type { Normalised } from '../../mappings/normalise/normalised.ts'
import { normalisePhone } from '../../mappings/normalise/phone.ts'
import { normalisePostalCode } from '../../mappings/normalise/postal-code.ts'
import { normaliseState } from '../../mappings/normalise/state.ts'
import { fieldNotes } from '../../mappings/reasons.ts'
import { rules } from '../../mappings/rules.ts'
import { serialiseEvent } from '../../mappings/serialise.ts'
import { hashIdentity, userData } from '../../mappings/user-data.ts'
import { holds } from './holds.ts'

const now = Date.UTC(2026, 10, 1)
const countries = fc.constantFrom(undefined, 'us', 'de', 'it', 'gb', 'fr', 'in', 'br', 'ca', 'aq')

/** Text of any kind, and text that nearly looks like something. */
const digits = fc.stringMatching(/^[+(]?[0-9 ()./-]{3,20}(x\d{1,4})?$/)
const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ maxLength: 40 }),
  digits,
  fc.emailAddress(),
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  fc.constantFrom(
    '',
    ' ',
    '\u0000',
    '\ud800',
    'İSTANBUL',
    'ﬁ',
    'ß',
    'São Tomé',
    '١٢٣٤٥٦٧٨٩',
    'L:123456789012345',
    'fb.1.1795000000000.abc',
    'x'.repeat(5_000),
  ),
)

interface Case {
  normalise: (text: string, country: string | undefined) => Normalised
  shape: RegExp
  /** How what came out is given in again. */
  again?: (out: string) => string
}

const cases: Record<string, Case> = {
  email: { normalise: normaliseEmail, shape: /^[^\s@A-Z]+@[^\s@A-Z]+\.[a-z][^\s@A-Z]*$/ },
  // Digits alone would be read as a national number.
  phone: { normalise: normalisePhone, shape: /^[1-9]\d{6,14}$/, again: (out) => `+${out}` },
  'lead id': { normalise: normaliseLeadId, shape: /^[1-9]\d{14,16}$/ },
  'click id': { normalise: (value) => normaliseClickId({ value, firstSeenAt: now }), shape: /^fb\.[0-2]\.\d{13}\.[\w.-]+$/ },
  name: { normalise: normaliseName, shape: /^[^\s!-/:-@[-`{-~A-Z]+$/u },
  city: { normalise: normaliseCity, shape: /^[\p{L}\p{M}\p{N}]+$/u },
  state: { normalise: normaliseState, shape: /^[\p{L}\p{M}]+$/u },
  'postal code': { normalise: normalisePostalCode, shape: /^[^\s-]{2,}$/ },
  country: { normalise: normaliseCountry, shape: /^[a-z]{2}$/ },
  gender: { normalise: normaliseGender, shape: /^[fm]$/ },
  'birth date': { normalise: (text) => normaliseBirthDate(text, now), shape: /^(19|20)\d\d[01]\d[0-3]\d$/ },
  'external id': { normalise: normaliseExternalId, shape: /^\S+$/ },
}

for (const [name, { normalise, shape, again = (out: string) => out }] of Object.entries(cases)) {
  t.test(name, async (t) => {
    await holds(
      t,
      2_000,
      fc.property(texts, countries, (text, country) => {
        const out = normalise(text, country)
        if (out === undefined) return true
        if (typeof out !== 'string') return out.dropped in fieldNotes
        return shape.test(out) && normalise(again(out), country) === out
      }),
    )
  })
}

t.test('a whole person: what comes out is what Meta takes, and shows nothing readable', async (t) => {
  const seen = fc.option(fc.record({ value: texts, firstSeenAt: fc.option(fc.double(), { nil: undefined }) }), { nil: undefined })
  const maybe = fc.option(texts, { nil: undefined })
  const identity = fc.record(
    {
      ...{ metaLeadId: texts, clickId: seen, emails: fc.array(texts, { maxLength: 3 }), phones: fc.array(texts, { maxLength: 3 }) },
      ...{ firstName: maybe, lastName: maybe, gender: maybe, dateOfBirth: maybe, city: maybe, state: maybe, postalCode: maybe },
      ...{ country: maybe, externalId: maybe },
    },
    { requiredKeys: [] },
  )
  const settings = fc.record({
    whichLeads: fc.constantFrom('meta_leads', 'lead_id_only', 'anyone'),
    limitedDataUse: fc.constantFrom('off', 'us_states', 'always'),
    defaultCountry: fc.constantFrom(undefined, 'US', 'de'),
    externalId: fc.boolean(),
    leadIdEncoding: fc.constantFrom('integer', 'string'),
  })
  await holds(
    t,
    2_000,
    fc.property(identity, settings, texts, (identity, settings, eventName) => {
      const rule = rules.parse(settings)
      const hashed = hashIdentity(identity as LeadIdentity, rule, now)
      const event = buildEvent({
        ...{ eventName, occurredAt: now, eventId: 'e', userData: hashed.userData, limitedDataUse: hashed.limitedDataUse },
        leadEventSource: eventName,
      })
      const wire = serialiseEvent(event, rule.leadIdEncoding)
      const { lead_id, fbc, ...rest } = hashed.userData
      const onlyHashes = Object.values(rest)
        .flat()
        .every((hash) => /^[0-9a-f]{64}$/.test(hash))
      const onlyId = rule.whichLeads !== 'lead_id_only' || (fbc === undefined && Object.keys(rest).length === 0)
      const literal =
        lead_id === undefined || wire.includes(rule.leadIdEncoding === 'integer' ? `"lead_id":${lead_id}` : `"lead_id":"${lead_id}"`)
      return userData.safeParse(hashed.userData).success && onlyHashes && onlyId && literal && JSON.parse(wire).event_name === eventName
    }),
  )
})
