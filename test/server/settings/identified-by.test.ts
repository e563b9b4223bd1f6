import t from 'tap'
import { rules as rulesSchema } from '../../../mappings/rules.ts'
import { identifiedBy } from '../../../server/settings/identified-by.ts'

const rules = rulesSchema.parse({ confirmedSources: [{ field: 'source', equals: 'facebook' }] })
const profile = (lead_id?: string, source: string | null = null) => ({
  identity: { userData: { ...(lead_id !== undefined && { lead_id }) }, limitedDataUse: undefined, notes: [] },
  fields: { source },
})
const LEAD = '123456789012345'

t.test('how a lead was found follows from what the record carries', async (t) => {
  t.equal(identifiedBy(LEAD, profile(LEAD), [], rules).by, 'lead_id')
  t.match(identifiedBy(LEAD, profile(), ['em', 'ph'], rules), { by: 'shared_keys', text: /e-mail address and phone number/ })
  t.equal(identifiedBy(LEAD, profile('543210987654321'), ['em'], rules).by, 'shared_keys')
  t.equal(identifiedBy(null, profile(undefined, 'Facebook'), ['em'], rules).by, 'confirmed_source')
  t.equal(identifiedBy(null, profile(), ['em'], rules).by, 'contact_data')
  t.equal(identifiedBy(null, null, [], rules).by, 'contact_data')
})
