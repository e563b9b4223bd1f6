import fc from 'fast-check'
import t, { type Test } from 'tap'
import { normaliseBirthDate } from '../../../mappings/normalise/birth-date.ts'
import { normaliseCity } from '../../../mappings/normalise/city.ts'
import { normaliseClickId } from '../../../mappings/normalise/click-id.ts'
import { normaliseCountry } from '../../../mappings/normalise/country.ts'
import { normaliseEmail } from '../../../mappings/normalise/email.ts'
import { normaliseExternalId } from '../../../mappings/normalise/external-id.ts'
import { normaliseGender } from '../../../mappings/normalise/gender.ts'
import { normaliseLeadId } from '../../../mappings/normalise/lead-id.ts'
import { normaliseName } from '../../../mappings/normalise/name.ts'
import type { Normalised } from '../../../mappings/normalise/normalised.ts'
import { normalisePostalCode } from '../../../mappings/normalise/postal-code.ts'
import { normaliseState } from '../../../mappings/normalise/state.ts'
import { fieldNotes } from '../../../mappings/reasons.ts'

const now = Date.UTC(2026, 8, 1)
const table = (t: Test, normalise: (text: string) => Normalised, rows: [string, string | undefined | { dropped: string }][]) => {
  for (const [given, expected] of rows) t.same(normalise(given), expected, JSON.stringify(given))
}

t.test('e-mail addresses keep tags and dots and lose nothing but case and outer spaces', async (t) => {
  const invalid = { dropped: 'email_invalid' }
  table(t, normaliseEmail, [
    ['\tMary.Jane+tag@Mail.Example.CO.UK\n', 'mary.jane+tag@mail.example.co.uk'],
    ["o'brien!#$%&*/=?^_`{|}~-@x-y.org", "o'brien!#$%&*/=?^_`{|}~-@x-y.org"],
    ['', undefined],
    ['   ', undefined],
    ['none', invalid],
    ['a@b', invalid],
    ['@example.com', invalid],
    ['a@@example.com', invalid],
    ['a@b@example.com', invalid],
    ['a b@example.com', invalid],
    ['a..b@example.com', invalid],
    ['.a@example.com', invalid],
    ['a.@example.com', invalid],
    ['a@-example.com', invalid],
    ['a@example-.com', invalid],
    ['a@example..com', invalid],
    ['a@example.c', invalid],
    ['a@example.com.', invalid],
    ['a@10.0.0.1', invalid],
    ['a@example.com; b@example.com', invalid],
    ['Mary <a@example.com>', invalid],
    ['jürgen@example.de', invalid],
  ])
})

t.test('lead ids survive digit by digit, and what cannot be one is dropped with its own reason', async (t) => {
  table(t, normaliseLeadId, [
    ['123456789012345', '123456789012345'],
    ['1234567890123456', '1234567890123456'],
    ['12345678901234567', '12345678901234567'],
    ['9007199254740993', '9007199254740993'],
    [' l:12345678901234567 ', '12345678901234567'],
    ['Lead: 12345678901234567', '12345678901234567'],
    ['', undefined],
    ['1.23E+16', { dropped: 'lead_id_rounded' }],
    ['1,23E+16', { dropped: 'lead_id_rounded' }],
    ['12345678901234567.0', { dropped: 'lead_id_rounded' }],
    ['12,345,678,901,234,567', { dropped: 'lead_id_rounded' }],
    ['1e16', { dropped: 'lead_id_rounded' }],
    ['12345678901234', { dropped: 'lead_id_too_short' }],
    ['012345678901234', { dropped: 'lead_id_too_short' }],
    ['123456789012345678', { dropped: 'lead_id_too_long' }],
    ['00Q5g00000ABCDEFGH', { dropped: 'lead_id_not_digits' }],
    ['-12345678901234567', { dropped: 'lead_id_not_digits' }],
    ['l:', { dropped: 'lead_id_not_digits' }],
    ['１２３４５６７８９０１２３４５', { dropped: 'lead_id_not_digits' }],
  ])
})

t.test('a click id is wrapped with the time it was first seen, a complete one passes', async (t) => {
  const seen = 1_554_763_741_205
  t.equal(normaliseClickId({ value: ' IwAR2F4-dbP0l7_Mn1 ', firstSeenAt: seen }), 'fb.1.1554763741205.IwAR2F4-dbP0l7_Mn1')
  t.equal(normaliseClickId({ value: 'fb.1.1554763741205.AbCdEf.token' }), 'fb.1.1554763741205.AbCdEf.token')
  t.same(normaliseClickId({ value: 'IwAR2F4' }), { dropped: 'click_id_no_time' })
  t.same(normaliseClickId({ value: 'fb.1.1554763741.AbCdEf' }), { dropped: 'click_id_invalid' }, 'seconds')
  t.same(normaliseClickId({ value: 'has "quotes"', firstSeenAt: seen }), { dropped: 'click_id_invalid' })
  for (const odd of [0, -seen, 5, 1e21, Number.NaN])
    t.same(normaliseClickId({ value: 'IwAR2', firstSeenAt: odd }), { dropped: 'click_id_no_time' }, `first seen at ${odd}`)
  t.equal(normaliseClickId({ value: '  ', firstSeenAt: seen }), undefined)
})

t.test('names lose spaces and ASCII punctuation, nothing else', async (t) => {
  table(t, normaliseName, [
    ['  D’Arcy-Smith, Jr. ', 'd’arcysmithjr'],
    ['Anna\u00a0Maria', 'annamaria'],
    ['ÅSA', 'åsa'],
    ['李 小龙', '李小龙'],
    ['Zoë2', 'zoë2'],
    ['...', { dropped: 'name_unusable' }],
    [' ', undefined],
  ])
})

t.test('cities keep letters and digits of any script', async (t) => {
  table(t, normaliseCity, [
    ['Frankfurt (Main)', 'frankfurtmain'],
    ['King’s Lynn', 'kingslynn'],
    ['6th of October', '6thofoctober'],
    ['東京', '東京'],
    ['Malmo\u0308', 'malmö'],
    ['München×', 'münchen'],
    ['-', { dropped: 'city_unusable' }],
    ['', undefined],
  ])
})

t.test('states become codes in the USA and Canada and plain letters elsewhere', async (t) => {
  table(t, (text) => normaliseState(text, 'us'), [
    ['Washington, D.C.', 'dc'],
    ['N.Y.', 'ny'],
    ['texas', 'tx'],
    ['North  Carolina', 'nc'],
    ['Somewhere', 'somewhere'],
    ['12', { dropped: 'state_unusable' }],
    [' ', undefined],
  ])
  t.equal(normaliseState('Québec', 'ca'), 'qc')
  t.equal(normaliseState('Île-de-France', 'fr'), 'îledefrance')
  t.equal(normaliseState('Georgia', 'ge'), 'georgia', 'an American name means nothing in another country')
})

t.test('postal codes are cut at the dash and, in the USA, to five digits', async (t) => {
  table(t, (text) => normalisePostalCode(text, 'us'), [
    ['940351234', '94035'],
    ['94035 1234', '94035'],
    ['94035', '94035'],
    ['ABCDEFG', 'abcdefg'],
    ['9', { dropped: 'postal_code_unusable' }],
    ['-', { dropped: 'postal_code_unusable' }],
    ['', undefined],
  ])
  t.equal(normalisePostalCode('940351234', 'de'), '940351234')
  t.equal(normalisePostalCode('SW1A 2AA'), 'sw1a2aa')
})

t.test('countries are real ISO codes, from codes and from names in several languages', async (t) => {
  table(t, normaliseCountry, [
    ['us', 'us'],
    [' De ', 'de'],
    ['USA', 'us'],
    ['U.S.A.', 'us'],
    ['U.S.', 'us'],
    ['DEU', 'de'],
    ['Deutschland', 'de'],
    ['Côte d’Ivoire', 'ci'],
    ['España', 'es'],
    ['the Netherlands', 'nl'],
    ['Great Britain', 'gb'],
    ['South Korea', 'kr'],
    ['Estados Unidos', 'us'],
    ['XX', { dropped: 'country_unknown' }],
    ['XK', { dropped: 'country_unknown' }],
    ['Atlantis', { dropped: 'country_unknown' }],
    ['49', { dropped: 'country_unknown' }],
    ['', undefined],
  ])
})

t.test('gender is f or m', async (t) => {
  table(t, normaliseGender, [
    [' FEMALE ', 'f'],
    ['f', 'f'],
    ['Male', 'm'],
    ['other', { dropped: 'gender_unknown' }],
    ['', undefined],
  ])
})

t.test('dates of birth are real dates that leave nothing open', async (t) => {
  const invalid = { dropped: 'birth_date_invalid' }
  table(t, (text) => normaliseBirthDate(text, now), [
    ['1997-02-16T00:00:00.000Z', '19970216'],
    ['19970216', '19970216'],
    ['16.02.1997', '19970216'],
    ['5/5/1990', '19900505'],
    ['03/04/1997', invalid],
    ['1997-02-30', invalid],
    ['1899-12-31', invalid],
    ['1900-01-01', '19000101'],
    ['2026-09-01', '20260901'],
    ['2026-09-02', invalid],
    ['1997', invalid],
    ['yesterday', invalid],
    ['', undefined],
  ])
})

t.test('external ids lose case and spaces', async (t) => {
  t.equal(normaliseExternalId(' 0035g 00AB '), '0035g00ab')
  t.equal(normaliseExternalId(' '), undefined)
})

t.test('no text makes a normaliser throw or yield nothing in disguise, and what it yields it leaves alone', async (t) => {
  const normalisers: Record<string, (text: string) => Normalised> = {
    normaliseEmail,
    normaliseLeadId,
    normaliseName,
    normaliseCity,
    normaliseCountry,
    normaliseGender,
    normaliseExternalId,
    normaliseState: (text) => normaliseState(text, 'us'),
    normalisePostalCode: (text) => normalisePostalCode(text, 'us'),
    normaliseBirthDate: (text) => normaliseBirthDate(text, now),
    normaliseClickId: (value) => normaliseClickId({ value, firstSeenAt: 1_554_763_741_205 }),
  }
  for (const [name, normalise] of Object.entries(normalisers)) {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' })), (text) => {
        const value = normalise(text)
        if (value === undefined) return text.trim() === ''
        if (typeof value === 'object') return value.dropped in fieldNotes
        return value !== '' && value === value.normalize('NFC') && normalise(value) === value
      }),
    )
    t.pass(name)
  }
})
