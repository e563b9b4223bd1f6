import t from 'tap'
import { hashIdentity, userData } from '../../mappings/user-data.ts'
import { exampleRecord, exampleSettings, now } from './example.ts'

t.test('a hashed identity survives being kept as JSON and is checked when it comes back', async (t) => {
  const { rules } = exampleSettings({ limitedDataUse: 'always' })
  const identity = hashIdentity(
    exampleRecord({ identity: { metaLeadId: '12345678901234567', emails: ['a@example.com'], country: 'US', state: 'CA' } }).identity,
    rules,
    now,
  )
  t.same(JSON.parse(JSON.stringify(identity)), identity)
  t.same(identity.limitedDataUse, { country: 1, state: 1000 })
  t.same(userData.parse(JSON.parse(JSON.stringify(identity.userData))), identity.userData)
})

t.test('what is not a match key does not pass for one', async (t) => {
  t.throws(() => userData.parse({ em: ['a@example.com'] }))
  t.throws(() => userData.parse({ em: [] }))
  t.throws(() => userData.parse({ lead_id: '012345678901234' }))
  t.throws(() => userData.parse({ fbc: 'fb.1.1."' }))
  t.throws(() => userData.parse({ email: 'x' }))
})

t.test('an empty identity yields nothing', async (t) => {
  t.same(hashIdentity({}, exampleSettings().rules, now), { userData: {}, limitedDataUse: undefined, notes: [] })
})
