import t from 'tap'
import { hubspot } from '../../../connectors/hubspot/index.ts'
import { hubspotSettings } from '../../../connectors/hubspot/settings.ts'
import { connectorFor, connectors, leadEventSource } from '../../../connectors/registry.ts'

t.test('the registry knows connectors by their id and nothing else', async (t) => {
  t.equal(connectorFor('hubspot'), hubspot)
  t.equal(leadEventSource('hubspot'), 'HubSpot')
  for (const crm of ['', 'HubSpot', 'constructor', '__proto__', 'toString']) t.throws(() => connectorFor(crm), { code: 'unknown_crm' }, crm)
  t.throws(() => leadEventSource('nocrm'), { code: 'unknown_crm' })
  for (const [id, connector] of Object.entries(connectors)) t.equal(connector.manifest.id, id)
})

t.test('no API version is less than 90 days from its sunset', async (t) => {
  for (const { displayName, api } of Object.values(connectors).map(({ manifest }) => manifest))
    t.ok(api === undefined || Date.parse(api.sunset) - Date.now() > 90 * 86_400_000, `${displayName} ${api?.version}`)
})

t.test('the limits stay below those of HubSpot', async (t) => {
  const { default: all, search } = hubspot.manifest.limits
  t.ok(all.count <= 100 && all.perMs >= 10_000, 'associations of small plans: 100 in ten seconds')
  t.ok(search && search.count < 5 && search.perMs >= 1_000, 'searches: 5 a second, shared with other apps')
})

t.test('settings have defaults and refuse what HubSpot would', async (t) => {
  t.same(hubspotSettings.parse({}), { leadIdField: 'meta_lead_id', contactChoice: ['primary', 'lead_id'] })
  for (const wrong of [
    { leadIdField: '' },
    { leadIdField: 'Meta Lead' },
    { leadIdField: '../x' },
    { contactChoice: ['newest'] },
    { other: 1 },
  ])
    t.notOk(hubspotSettings.safeParse(wrong).success, JSON.stringify(wrong))
})

t.test('only stages of deals and leads need their pipeline', async (t) => {
  t.same(['dealstage', 'hs_pipeline_stage', 'lifecyclestage', 'hs_lead_status', 'other'].map(hubspot.needsPipeline), [
    true,
    true,
    false,
    false,
    false,
  ])
})

t.test('records are linked by type', async (t) => {
  const link = (type: string) => hubspot.recordUrl?.('3003003', { type, id: '5' })
  t.equal(link('contact'), 'https://app.hubspot.com/contacts/3003003/record/0-1/5')
  t.equal(link('deal'), 'https://app.hubspot.com/contacts/3003003/record/0-3/5')
  t.equal(link('lead'), 'https://app.hubspot.com/contacts/3003003/record/0-136/5')
})
