import t from 'tap'
import { readIdentity } from '../../../connectors/hubspot/identity.ts'
import { leadIdentity } from '../../../connectors/record.ts'

const read = (properties: Record<string, string>, clickSeenAt?: number) =>
  readIdentity('138017000001', (name) => properties[name], 'meta_lead_id', clickSeenAt)

t.test('a full contact becomes a full identity', async (t) => {
  const identity = read(
    {
      meta_lead_id: '1234567890123456',
      hs_facebook_click_id: 'IwAR0',
      email: 'ana@example.com',
      hs_additional_emails: 'a@example.com; ana@example.com;;b@example.com',
      phone: '089 123',
      hs_calculated_phone_number: '+4989123',
      mobilephone: '0170 1',
      firstname: 'Ana',
      lastname: 'Müller',
      gender: 'female',
      date_of_birth: '1990-01-31',
      city: 'München',
      state: 'Bayern',
      hs_state_code: 'BY',
      zip: '80331',
      country: 'Germany',
      hs_country_region_code: 'DE',
    },
    1_700_000_000_000,
  )
  t.same(identity, {
    metaLeadId: '1234567890123456',
    clickId: { value: 'IwAR0', firstSeenAt: 1_700_000_000_000 },
    emails: ['ana@example.com', 'a@example.com', 'b@example.com'],
    phones: ['+4989123', '0170 1'],
    firstName: 'Ana',
    lastName: 'Müller',
    gender: 'female',
    dateOfBirth: '1990-01-31',
    city: 'München',
    state: 'Bayern',
    postalCode: '80331',
    country: 'DE',
    externalId: '138017000001',
  })
  t.ok(leadIdentity.safeParse(identity).success, 'which the lead-stage record accepts')
})

t.test('an empty contact is no more than its id', async (t) => {
  t.same(read({}), { externalId: '138017000001' })
})

t.test('in the United States the code of the state goes before its name', async (t) => {
  t.equal(read({ hs_country_region_code: 'US', hs_state_code: 'CA', state: 'California' }).state, 'CA')
  t.equal(read({ hs_country_region_code: 'US', state: 'California' }).state, 'California')
  t.equal(read({ hs_state_code: 'BY' }).state, 'BY')
})

t.test('the lead id comes from the configured property', async (t) => {
  const identity = readIdentity('1', (name) => ({ fb_lead: '99', meta_lead_id: '11' })[name], 'fb_lead')
  t.equal(identity.metaLeadId, '99')
})
