import t from 'tap'
import { check } from '../../../connectors/hubspot/check.ts'
import { refresh } from '../../../connectors/hubspot/install.ts'
import { createLeadIdField, writeLeadId } from '../../../connectors/hubspot/lead-id-field.ts'
import { listFields, listStages } from '../../../connectors/hubspot/stages.ts'
import { pipeline } from '../../simulators/hubspot/default-account.ts'
import { allScopes, type HubSpot } from '../../simulators/hubspot/start-hubspot.ts'
import { http } from '../bare-client.ts'
import { account, contextFor, openPortal, refreshToken } from './portal.ts'

let hubspot: HubSpot
t.beforeEach(async () => {
  hubspot = await openPortal({ leadIdField: false })
})
t.afterEach(() => hubspot.close())

t.test('stages are listed by source and pipeline, with what they mean', async (t) => {
  hubspot.setPipelines({
    type: 'deal',
    pipelines: [
      {
        ...pipeline('77', 'Renewals', [
          ['open', '0.5'],
          ['done', '1.0'],
          ['lost', '0.0'],
        ]),
        displayOrder: 1,
      },
      pipeline('default', 'Sales Pipeline', [['first', '0.2']]),
    ],
  })
  const groups = await listStages(contextFor(hubspot))
  t.same(
    groups.map(({ recordType, source, pipelineId, label }) => [recordType, source, pipelineId, label]),
    [
      ['contact', 'lifecyclestage', undefined, 'lifecyclestage'],
      ['contact', 'hs_lead_status', undefined, 'hs_lead_status'],
      ['deal', 'dealstage', 'default', 'Deals: Sales Pipeline'],
      ['deal', 'dealstage', '77', 'Deals: Renewals'],
      ['lead', 'hs_pipeline_stage', 'lead-pipeline-id', 'Leads: Lead Pipeline'],
    ],
  )
  const kinds = (index: number) => Object.fromEntries(groups[index]?.stages.map(({ id, kind }) => [id, kind]) ?? [])
  t.match(kinds(0), { subscriber: 'other', lead: 'open', customer: 'won', evangelist: 'other' })
  t.match(kinds(1), { NEW: 'open', UNQUALIFIED: 'lost', BAD_TIMING: 'lost', CONNECTED: 'open' })
  t.same(kinds(3), { open: 'open', done: 'won', lost: 'lost' })
  t.match(kinds(4), { 'new-stage-id': 'open', 'qualified-stage-id': 'open', 'unqualified-stage-id': 'lost' })
  t.same(
    groups[0]?.stages.slice(0, 3).map(({ id, order }) => [id, order]),
    [
      ['subscriber', 0],
      ['lead', 1],
      ['marketingqualifiedlead', 2],
    ],
  )
})

t.test('what has no place in the display order comes last', async (t) => {
  const stage = (id: string, displayOrder: number) => ({ id, label: id, displayOrder, archived: false, writePermissions: '', metadata: {} })
  const stages = [stage('unplaced', -1), stage('second', 1), stage('first', 0)]
  hubspot.setPipelines({ type: 'deal', pipelines: [{ id: '1', label: 'One', displayOrder: 0, archived: false, stages }] })
  const group = (await listStages(contextFor(hubspot))).find(({ source }) => source === 'dealstage')
  t.same(
    group?.stages.map(({ id }) => id),
    ['first', 'second', 'unplaced'],
  )
})

t.test('without their scope the stages of leads are not asked for', async (t) => {
  const scopes = allScopes.filter((scope) => !scope.includes('leads'))
  hubspot.setScopes({ scopes })
  const groups = await listStages(contextFor(hubspot, { scopes }))
  t.same(
    groups.map(({ source }) => source),
    ['lifecyclestage', 'hs_lead_status', 'dealstage'],
  )
})

t.test('an account without lead status has the other sources', async (t) => {
  hubspot.fail({ status: 404, path: 'hs_lead_status$' })
  t.notOk((await listStages(contextFor(hubspot))).some(({ source }) => source === 'hs_lead_status'))
})

t.test('fields are the properties of contacts with their types', async (t) => {
  hubspot.defineProperty({ type: 'contact', property: { name: 'meta_lead_id', label: 'Meta lead ID' } })
  hubspot.defineProperty({ type: 'contact', property: { name: 'score', type: 'number' } })
  const fields = new Map((await listFields(contextFor(hubspot))).map((field) => [field.name, field]))
  t.same(fields.get('meta_lead_id'), { recordType: 'contact', name: 'meta_lead_id', label: 'Meta lead ID', type: 'text' })
  t.match([fields.get('score')?.type, fields.get('lifecyclestage')?.type, fields.get('createdate')?.type], ['number', 'choice', 'date'])
})

t.test('an account with all permissions and the property has nothing to be told', async (t) => {
  hubspot.defineProperty({ type: 'contact', property: { name: 'meta_lead_id' } })
  t.same(await check(contextFor(hubspot)), [])
})

t.test('missing permissions are named, and only required ones are fatal', async (t) => {
  hubspot.defineProperty({ type: 'contact', property: { name: 'meta_lead_id' } })
  const scopes = ['crm.objects.contacts.read', 'crm.schemas.contacts.read']
  hubspot.setScopes({ scopes })
  t.match(await check(contextFor(hubspot, { scopes })), [
    { code: 'missing_scope', fatal: true, text: /crm\.objects\.deals\.read/ },
    { code: 'leads_not_granted', fatal: false, text: /Sales Hub Professional/ },
  ])
})

t.test('an account that may not read properties is not told that one is missing', async (t) => {
  hubspot.setScopes({ scopes: [] })
  t.same(
    (await check(contextFor(hubspot, { scopes: [] }))).map(({ code }) => code),
    ['missing_scope', 'leads_not_granted'],
  )
})

t.test('a missing lead id property is told with the remedy at hand', async (t) => {
  t.match(await check(contextFor(hubspot)), [
    { code: 'lead_id_field_missing', fatal: false, text: /"meta_lead_id".*can create it for you/ },
  ])
  const scopes = allScopes.filter((scope) => scope !== 'crm.schemas.contacts.write')
  t.match(await check(contextFor(hubspot, { scopes })), [{ code: 'lead_id_field_missing', text: /single-line text property/ }])
})

t.test('a lead id property of numbers is told to be unfit, and is not taken for ours', async (t) => {
  hubspot.defineProperty({ type: 'contact', property: { name: 'lead_number', type: 'number', fieldType: 'number' } })
  const context = contextFor(hubspot, { settings: { leadIdField: 'lead_number' } })
  t.match(await check(context), [{ code: 'lead_id_field_unfit', fatal: false, text: /"lead_number" is of type number/ }])
  await t.rejects(createLeadIdField(context), { code: 'lead_id_field_unfit', retry: 'never' })
})

t.test('the lead id property is created as text, once', async (t) => {
  const context = contextFor(hubspot)
  t.equal(await createLeadIdField(context), 'meta_lead_id')
  t.same(await check(context), [])
  const created = hubspot.requests().find(({ method, path }) => method === 'POST' && path.endsWith('/contacts'))
  t.match(JSON.parse(created?.body ?? ''), { name: 'meta_lead_id', type: 'string', fieldType: 'text', groupName: 'meta_capi' })

  hubspot.reset()
  t.equal(await createLeadIdField(context), 'meta_lead_id')
  t.ok(
    hubspot.requests().every(({ method }) => method === 'GET'),
    'what is there is left alone',
  )
})

t.test('a group that exists and a property that someone else just created are no failure', async (t) => {
  const context = contextFor(hubspot)
  await createLeadIdField(context)
  // A second name finds the group there.
  t.equal(await createLeadIdField(contextFor(hubspot, { settings: { leadIdField: 'fb_lead' } })), 'fb_lead')
  for (const status of [400, 409]) {
    // The first look is from before the property was there.
    hubspot.fail({ status: 404, method: 'GET', path: 'meta_lead_id$' })
    hubspot.fail({ status, method: 'POST', path: '/contacts$' })
    t.equal(await createLeadIdField(context), 'meta_lead_id', `HTTP ${status}`)
  }
})

t.test('a refusal to create the property says what to do by hand', async (t) => {
  hubspot.fail({ status: 400, method: 'POST', path: '/contacts$' })
  await t.rejects(createLeadIdField(contextFor(hubspot)), { code: 'lead_id_field_refused', userText: /single-line text property/ })
})

t.test('without the permission to create properties nothing is tried', async (t) => {
  const scopes = allScopes.filter((scope) => scope !== 'crm.schemas.contacts.write')
  await t.rejects(createLeadIdField(contextFor(hubspot, { scopes })), { code: 'missing_scope', userText: /crm\.schemas\.contacts\.write/ })
  t.ok(hubspot.requests().every(({ method }) => method === 'GET'))
})

t.test('a lead id is written into the contact', async (t) => {
  const scopes = [...allScopes, 'crm.objects.contacts.write']
  hubspot.setScopes({ scopes })
  const context = contextFor(hubspot, { scopes })
  const { id } = hubspot.create({ type: 'contact' })
  await t.rejects(writeLeadId(context, { type: 'contact', id }, '1234567890123456'), { code: 'unknown_field', retry: 'never' })

  await createLeadIdField(context)
  await writeLeadId(context, { type: 'contact', id }, '1234567890123456')
  t.equal(hubspot.record({ type: 'contact', id })?.properties.meta_lead_id, '1234567890123456')
  await t.rejects(writeLeadId(context, { type: 'contact', id: '1' }, '1234567890123456'), { code: 'not_found' })
  await t.rejects(writeLeadId(context, { type: 'deal', id }, '1234567890123456'), { code: 'not_a_contact' })
})

t.test('without the permission to write contacts no lead id is written', async (t) => {
  const { id } = hubspot.create({ type: 'contact' })
  await t.rejects(writeLeadId(contextFor(hubspot), { type: 'contact', id }, '1234567890123456'), { code: 'missing_scope', retry: 'never' })
  t.same(hubspot.requests(), [])
})

t.test('tokens are renewed at the token endpoint until the app is uninstalled', async (t) => {
  const { appId, clientId, clientSecret } = hubspot.app
  const app = { appId: String(appId), clientId, clientSecrets: [clientSecret, 'an earlier one'], baseUrl: hubspot.url }
  const now = Date.now()
  const grant = await refresh(app, { refreshToken }, http, now)
  t.match(grant, { account, refreshToken, expiresAt: now + 1_800_000, scopes: allScopes })

  hubspot.rotateRefreshTokens({ on: true })
  const rotated = await refresh(app, { refreshToken }, http, now)
  t.not(rotated.refreshToken, refreshToken, 'what comes back is kept')

  await t.rejects(refresh({ ...app, clientSecrets: ['wrong'] }, rotated, http, now), { code: 'app_misconfigured' })
  hubspot.uninstall({})
  await t.rejects(refresh(app, rotated, http, now), { code: 'grant_revoked', retry: 'never' })
})
