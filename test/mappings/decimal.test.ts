import fc from 'fast-check'
import t from 'tap'
import { decimal } from '../../mappings/decimal.ts'

t.test('the halves make the same digits as the whole number', async () => {
  const boundary = fc.constantFrom(0, 1, 999_999_999, 1e9, 1e9 + 1, 10_000_000_000, 1_790_000_000_000, Number.MAX_SAFE_INTEGER)
  fc.assert(fc.property(fc.oneof(boundary, fc.maxSafeNat()), (value) => decimal(value) === BigInt(value).toString()))
})
