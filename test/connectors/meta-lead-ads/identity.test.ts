import t from 'tap'
import { readIdentity } from '../../../connectors/meta-lead-ads/identity.ts'

t.test('standard questions tell who the person is', async (t) => {
  t.same(
    readIdentity('123456789012345', {
      ...{ email: ['ana@example.com'], work_email: ['ana@work.example', 'ana@example.com'], phone_number: ['+4915112345678'] },
      ...{ first_name: ['Ana'], last_name: ['Almond'], gender: ['female'], date_of_birth: ['1985-11-03'] },
      ...{ city: ['Köln'], province: ['NRW'], post_code: ['50667'], country: ['DE'], 'which_trip?': ['the long one'] },
    }),
    {
      ...{ metaLeadId: '123456789012345', emails: ['ana@example.com', 'ana@work.example'], phones: ['+4915112345678'] },
      ...{ firstName: 'Ana', lastName: 'Almond', gender: 'female', dateOfBirth: '1985-11-03' },
      ...{ city: 'Köln', state: 'NRW', postalCode: '50667', country: 'DE' },
    },
  )
})

t.test('a full name is parted only where there is one way to do it', async (t) => {
  t.match(readIdentity('1', { full_name: [' Ana  Almond '] }), { firstName: 'Ana', lastName: 'Almond' })
  for (const name of ['Ana', 'Ana María Almond', '']) t.same(readIdentity('1', { full_name: [name] }), { metaLeadId: '1' }, name)
  t.match(readIdentity('1', { full_name: ['Ana Almond'], first_name: ['Anna'] }), { firstName: 'Anna', lastName: 'Almond' })
})

t.test('answers that are empty are none', async (t) => {
  t.same(readIdentity('1', { email: ['', ' '], phone_number: [] }), { metaLeadId: '1' })
})
