import fc from 'fast-check'
import { parse } from 'lossless-json'
import t from 'tap'
import { buildEvent } from '../../mappings/conversion-event.ts'
import { sha256 } from '../../mappings/hash.ts'
import { serialiseEvent } from '../../mappings/serialise.ts'
import type { UserData } from '../../mappings/user-data.ts'

const sorted = (value: unknown): string =>
  JSON.stringify(value, (_, item) =>
    item && typeof item === 'object' && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  )

t.test('the wire says what the event says, whatever its keys and names, with every digit of the lead id', async () => {
  const hashes = fc.array(fc.string().map(sha256), { minLength: 1, maxLength: 3 })
  const leadId = fc.bigInt({ min: 10n ** 14n, max: 10n ** 17n - 1n }).map(String)
  const userData: fc.Arbitrary<UserData> = fc.record(
    {
      lead_id: leadId,
      fbc: fc.constant('fb.1.1554763741205.Ab-c_d.e'),
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
    },
    { requiredKeys: [] },
  )
  const parts = fc.record({
    eventName: fc.string({ unit: 'binary', minLength: 1 }),
    occurredAt: fc.integer({ min: 1_500_000_000_000, max: 2_500_000_000_000 }),
    eventId: fc.constant('0123456789abcdef0123456789abcdef'),
    leadEventSource: fc.string({ unit: 'grapheme' }),
    userData,
    amount: fc.option(fc.record({ value: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }), currency: fc.constant('EUR') }), {
      nil: undefined,
    }),
    limitedDataUse: fc.option(fc.constant({ country: 0 as const, state: 0 }), { nil: undefined }),
  })
  fc.assert(
    fc.property(parts, fc.constantFrom('integer' as const, 'string' as const), (parts, encoding) => {
      const event = buildEvent(parts)
      const json = serialiseEvent(event, encoding)
      const id = event.user_data.lead_id
      const wire = parse(json, null, (text) => (text === id ? `integer ${text}` : Number(text))) as typeof event
      const expected = JSON.parse(JSON.stringify(event)) as typeof event
      if (id !== undefined && encoding === 'integer') expected.user_data.lead_id = `integer ${id}`
      return sorted(wire) === sorted(expected)
    }),
    { numRuns: 500 },
  )
})
