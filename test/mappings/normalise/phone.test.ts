import fc from 'fast-check'
import { getCountries } from 'libphonenumber-js/min'
import t from 'tap'
import { byLibrary, withCallingCode } from '../../../mappings/normalise/national-number.ts'
import { normalisePhone } from '../../../mappings/normalise/phone.ts'

const invalid = { dropped: 'phone_invalid' }

t.test('international numbers need no country', async (t) => {
  const table: [string, unknown][] = [
    ['+16505551212', '16505551212'],
    ['tel:+1-650-555-1212', '16505551212'],
    ['+1 (650) 555-1212 x99', '16505551212'],
    ['+1 650 555 1212;ext=7', '16505551212'],
    ['+1 650 555 1212 #7', '16505551212'],
    ['+49(0)30 123456', '4930123456'],
    ['+39 (0)6 1234 5678', '390612345678'],
    ['00 (44) 7700 900123', '447700900123'],
    ['+٤٤ ٧٧٠٠ ٩٠٠١٢٣', '447700900123'],
    ['＋８１ ９０ １２３４ ５６７８', '819012345678'],
    ['+123456', invalid],
    ['+1234567', '1234567'],
    ['+123456789012345', '123456789012345'],
    ['+1234567890123456', invalid],
    ['+0000000000', invalid],
    ['+', invalid],
    ['n/a', invalid],
    ['  ', undefined],
    ['', undefined],
  ]
  for (const [given, expected] of table) t.same(normalisePhone(given), expected, given)
})

t.test('national numbers are read with the country', async (t) => {
  const table: [string, string, unknown][] = [
    ['07700 900123', 'gb', '447700900123'],
    ['020 7946 0958 ext 12', 'gb', '442079460958'],
    ['0151 23456789', 'de', '4915123456789'],
    ['06 1234 5678', 'it', '390612345678'],
    ['(11) 91234-5678', 'br', '5511912345678'],
    ['0 11 15 2345-6789', 'ar', '5491123456789'],
    ['1 (650) 555-1212', 'us', '16505551212'],
    ['011 44 7700 900123', 'us', '447700900123'],
    ['447700900123', 'gb', '447700900123'],
    ['555-1212', 'us', invalid],
    ['0612345678', 'us', invalid],
    ['0000000000', 'us', invalid],
    ['650-555-CALL', 'us', invalid],
    ['12', 'de', invalid],
    ['0612345678', 'aq', { dropped: 'phone_no_country' }],
  ]
  for (const [given, country, expected] of table) t.same(normalisePhone(given, country), expected, `${given} in ${country}`)
})

t.test('whatever is given, a phone is dropped or 7 to 15 digits without a leading zero', async () => {
  const country = fc.option(fc.constantFrom(...getCountries().map((code) => code.toLowerCase())), { nil: undefined })
  const messy = fc.string({ unit: fc.constantFrom(...'0123456789+() -.x#extabc') })
  fc.assert(
    fc.property(fc.oneof(messy, fc.string({ unit: 'grapheme' })), country, (text, country) => {
      const phone = normalisePhone(text, country)
      return typeof phone === 'string' ? /^[1-9]\d{6,14}$/.test(phone) : phone === undefined ? text.trim() === '' : true
    }),
    { numRuns: 2000 },
  )
})

t.test('the short way for national numbers agrees with the library in every country', async () => {
  const digits = fc.tuple(
    fc.constantFrom('', '0', '1', '8', '00'),
    fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 3, maxLength: 14 }),
  )
  fc.assert(
    fc.property(fc.constantFrom(...getCountries()), digits, (country, [prefix, rest]) => {
      const ours = withCallingCode(prefix + rest, country.toLowerCase())
      const theirs = byLibrary(prefix + rest, country)
      return ours === undefined ? theirs === undefined || theirs.national.startsWith('0') : ours === theirs?.digits
    }),
    { numRuns: 5000 },
  )
})
