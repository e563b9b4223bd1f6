import t from 'tap'
import { check } from '../../../connectors/salesforce/check.ts'
import { salesforce as connector } from '../../../connectors/salesforce/index.ts'
import { writeLeadId } from '../../../connectors/salesforce/lead-id-field.ts'
import type { Salesforce } from '../../simulators/salesforce/start-salesforce.ts'
import { addLead, addOpportunity, contextFor, metaLeadId, openOrg } from './org.ts'

type Given = Parameters<typeof contextFor>[1]
async function findings(salesforce: Salesforce, given?: Given) {
  return (await check(contextFor(salesforce, given))).map(({ code, fatal }) => (fatal ? `${code}!` : code))
}
const polling: Given = { settings: { changes: 'poll' } }

t.test('an org that has all it takes has nothing to be told', async (t) => {
  const salesforce = await openOrg(t)
  salesforce.track({ object: 'Lead', field: 'Status' })
  t.same(await findings(salesforce), [])
  t.same(await findings(salesforce, polling), [])
})

t.test('without API access that is all there is to say', async (t) => {
  t.same(await findings(await openOrg(t, { apiEnabled: false })), ['api_disabled!'])
  t.same(await findings(await openOrg(t, { user: { apiEnabled: false } })), ['api_disabled!'])
})

t.test('a permission that was not granted', async (t) => {
  const salesforce = await openOrg(t)
  salesforce.track({ object: 'Lead', field: 'Status' })
  t.same(await findings(salesforce, { scopes: ['id'] }), ['missing_scope!'])
  t.same(await findings(salesforce, { scopes: ['full', 'refresh_token'] }), [])
})

t.test('a user without View All is told on which object, and that polling needs none', async (t) => {
  const salesforce = await openOrg(t, { user: { viewAll: ['Lead'] } })
  salesforce.track({ object: 'Lead', field: 'Status' })
  const [finding] = await check(contextFor(salesforce))
  t.match(finding, { code: 'view_all_missing', fatal: true, text: /on Opportunity\. .* polling/ })
  t.same(await findings(salesforce, polling), [])
  salesforce.setUser({ viewAll: [] })
  t.match(await check(contextFor(salesforce)), [{ text: /on Lead and Opportunity/ }])
  salesforce.setUser({ viewAllData: true })
  t.same(await findings(salesforce), [])
  salesforce.setUser({ hiddenObjects: ['ObjectPermissions', 'PermissionSetAssignment'] })
  t.same(await findings(salesforce), ['view_all_unknown'])
  salesforce.setUser({ hiddenObjects: [], hiddenFields: ['PermissionSet.PermissionsViewAllData'] })
  t.same(await findings(salesforce), ['view_all_unknown'])
})

t.test('an edition without change events is told to poll', async (t) => {
  const salesforce = await openOrg(t, { edition: 'Professional Edition', changeEvents: false })
  salesforce.track({ object: 'Lead', field: 'Status' })
  t.same(await findings(salesforce), ['no_change_events!', 'channel_missing!'])
  t.same(await findings(salesforce, polling), [])
})

t.test('an org without our package lacks the channel and the field', async (t) => {
  const salesforce = await openOrg(t, { packageInstalled: false })
  salesforce.track({ object: 'Lead', field: 'Status' })
  t.same(await findings(salesforce), ['lead_id_field_missing!', 'channel_missing!'])
  salesforce.addField({ object: 'Lead', field: { name: 'leadcap__Facebook_Lead_Id__c' } })
  const [field] = await check(contextFor(salesforce))
  t.match(field?.text, /may be in leadcap__Facebook_Lead_Id__c.*cannot create it/)
  t.same(await findings(salesforce, { settings: { leadIdField: 'leadcap__Facebook_Lead_Id__c', channel: '/data/ChangeEvents' } }), [])
})

t.test('a channel with a namespace is found, one that carries half is told', async (t) => {
  const salesforce = await openOrg(t)
  salesforce.track({ object: 'Lead', field: 'Status' })
  const context = contextFor(salesforce)
  const member = (EventChannel: string, SelectedEntity: string) => ({ EventChannel, SelectedEntity })
  const withMembers = (...records: object[]) => ({
    ...context,
    client: {
      request: async (request: Parameters<typeof context.client.request>[0]) =>
        request.url.includes('PlatformEventChannelMember')
          ? { status: 200, body: { done: true, totalSize: records.length, records } }
          : context.client.request(request),
    },
  })
  t.match(await check(withMembers(member('ns__Meta_Connector__chn', 'LeadChangeEvent'))), [
    { code: 'channel_missing', fatal: true, text: /Set the channel to "\/data\/ns__Meta_Connector__chn"/ },
  ])
  t.match(await check(withMembers(member('Meta_Connector__chn', 'LeadChangeEvent'))), [
    { code: 'channel_incomplete', fatal: false, text: /changes of opportunities/ },
  ])
})

t.test('fields that are mapped and hidden, or that cannot hold an id', async (t) => {
  const salesforce = await openOrg(t, { user: { hiddenFields: ['Lead.Meta_Lead_ID__c', 'Lead.LeadSource'] } })
  salesforce.track({ object: 'Lead', field: 'Status' })
  t.same(await findings(salesforce), ['lead_id_field_missing!'])
  salesforce.addField({ object: 'Lead', field: { name: 'FB_Lead_ID__c', type: 'double' } })
  const settings = { leadIdField: 'FB_Lead_ID__c', clickIdField: 'Click__c' }
  t.same(await findings(salesforce, { settings, ruleFields: ['Rating', 'LeadSource', 'Consent__c'] }), [
    'lead_id_field_unfit',
    'field_hidden!',
    'field_hidden!',
  ])
})

t.test('contact fields that are hidden make matches rarer', async (t) => {
  const salesforce = await openOrg(t, { user: { hiddenFields: ['Lead.Email', 'Lead.MobilePhone'] } })
  salesforce.track({ object: 'Lead', field: 'Status' })
  t.match(await check(contextFor(salesforce)), [{ code: 'contact_fields_hidden', fatal: false, text: /Email, MobilePhone\./ }])
})

t.test('objects that are hidden', async (t) => {
  const salesforce = await openOrg(t, { user: { hiddenObjects: ['Opportunity'] } })
  salesforce.track({ object: 'Lead', field: 'Status' })
  t.same(await findings(salesforce, polling), ['opportunities_hidden'])
  salesforce.setUser({ hiddenObjects: ['Lead'] })
  t.same(await findings(salesforce, polling), ['leads_hidden!', 'tracking_hidden'])
})

t.test('what is lost where statuses are not tracked depends on how changes arrive', async (t) => {
  const salesforce = await openOrg(t)
  t.match(await check(contextFor(salesforce)), [{ code: 'tracking_off', fatal: false, text: /interrupted.*Set History Tracking/ }])
  t.match(await check(contextFor(salesforce, polling)), [{ code: 'tracking_off', text: /between two looks are missed/ }])
})

t.test('allocations that are nearly used up', async (t) => {
  const salesforce = await openOrg(t, { dailyRequests: 1_000 })
  salesforce.track({ object: 'Lead', field: 'Status' })
  salesforce.setRequestsUsed({ used: 700 })
  t.same(await findings(salesforce), [])
  salesforce.setRequestsUsed({ used: 850 })
  Object.assign(salesforce.org().deliveries, { used: salesforce.org().deliveries.max * 0.9 })
  t.same(await findings(salesforce), ['api_allocation_low', 'event_allocation_low'])
  t.same(await findings(salesforce, polling), ['api_allocation_low'])
  salesforce.setUser({ viewSetup: false })
  t.same(await findings(salesforce), [], 'who may not see limits is told by the answers themselves')
})

t.test('a lead id is written into the mapped field of a lead or an opportunity', async (t) => {
  const salesforce = await openOrg(t)
  const [lead, deal] = [addLead(salesforce, Date.now()), addOpportunity(salesforce, Date.now())]
  const context = contextFor(salesforce)
  await writeLeadId(context, { type: 'lead', id: lead }, metaLeadId)
  await writeLeadId(context, { type: 'opportunity', id: deal }, metaLeadId)
  t.equal(salesforce.record({ object: 'Lead', id: lead })?.Meta_Lead_ID__c, metaLeadId)
  t.equal(salesforce.record({ object: 'Opportunity', id: deal })?.Meta_Lead_ID__c, metaLeadId)
  await t.rejects(writeLeadId(context, { type: 'contact', id: lead }, metaLeadId), { code: 'not_a_lead' })
  salesforce.convert({ leads: [lead] })
  await t.rejects(writeLeadId(context, { type: 'lead', id: lead }, metaLeadId), { code: 'read_only', scope: 'event' })
  salesforce.setUser({ edits: false })
  await t.rejects(writeLeadId(context, { type: 'opportunity', id: deal }, metaLeadId), { code: 'read_only', scope: 'event' })
})

t.test('the manifest says how changes arrive and what history is worth', async (t) => {
  const { manifest } = connector
  t.match(manifest, { leadEventSource: 'Salesforce', arrival: ['stream', 'poll'], history: { quality: 'exact' }, pollMs: 60_000 })
  t.equal(connector.arrival?.(contextFor(await openOrg(t)).settings), 'stream')
  t.notOk(connector.createLeadIdField ?? connector.recordUrl, 'neither can be done with what we are granted and know')
})
