import { Client } from '@hubspot/api-client'
import t, { type Test } from 'tap'
import { startChild } from '../child.ts'
import { allScopes, demoApp, type HubSpot, type HubSpotOptions, startHubSpot } from './start-hubspot.ts'

type Json = Record<string, unknown>
const writing = [
  ...allScopes,
  'crm.objects.contacts.write',
  'crm.objects.deals.write',
  'crm.objects.leads.write',
  'crm.objects.companies.read',
]

async function start(test: Test, options: HubSpotOptions = {}): Promise<HubSpot> {
  const hubspot = await startHubSpot({
    portals: [{ portalId: 3003003, refreshToken: 'refresh', scopes: writing }],
    limits: false,
    ...options,
  })
  test.teardown(hubspot.close)
  return hubspot
}

async function refresh(hubspot: { url: string }, changes: Record<string, string> = {}, version = '2026-09') {
  const { clientId: client_id, clientSecret: client_secret } = demoApp
  const form = { grant_type: 'refresh_token', refresh_token: 'refresh', client_id, client_secret, ...changes }
  const response = await fetch(`${hubspot.url}/oauth/${version}/token`, { method: 'POST', body: new URLSearchParams(form) })
  return { status: response.status, json: (await response.json()) as Json }
}

async function connect(hubspot: HubSpot) {
  const { accessToken } = hubspot.accessToken({ refreshToken: 'refresh' })
  const call = async (method: string, path: string, body?: unknown, token = accessToken) => {
    const response = await fetch(`${hubspot.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, json: text === '' ? undefined : JSON.parse(text) }
  }
  return { call, sdk: new Client({ accessToken, basePath: hubspot.url, numberOfApiCallRetries: 1 }) }
}

t.test('The API client of HubSpot reads contacts, history and what is missing', async (t) => {
  const hubspot = await start(t)
  const { sdk } = await connect(hubspot)
  const at = Date.parse('2026-01-02T03:04:05.678Z')
  const { id } = hubspot.create({ type: 'contacts', at, properties: { email: 'ana@example.com', lifecyclestage: 'lead' } })
  hubspot.change({ type: 'contacts', id, at: at + 1000, properties: { lifecyclestage: 'customer' } })

  const one = await sdk.crm.contacts.basicApi.getById(id, ['email', 'phone', 'not_defined'], ['lifecyclestage'])
  t.match(one, { id, archived: false, createdAt: new Date(at) })
  t.equal(one.properties.email, 'ana@example.com')
  t.equal(one.properties.phone, null, 'a defined property without value is null')
  t.notOk('not_defined' in one.properties, 'an undefined one is left out')
  t.match(one.propertiesWithHistory?.lifecyclestage, [
    { value: 'customer', timestamp: new Date(at + 1000) },
    { value: 'lead', timestamp: new Date(at) },
  ])

  const batch = await sdk.crm.contacts.batchApi.read({ inputs: [{ id }, { id: '404' }], properties: ['email'], propertiesWithHistory: [] })
  t.match(batch, { status: 'COMPLETE', numErrors: 1, errors: [{ category: 'OBJECT_NOT_FOUND', context: { ids: ['404'] } }] })
  t.match(batch.results, [{ id, properties: { email: 'ana@example.com' } }])
  t.equal(batch.results.length, 1)

  await t.rejects(sdk.crm.contacts.basicApi.getById('404'), { code: 404 })
  t.equal((await sdk.crm.contacts.basicApi.getById('ana@example.com', [], undefined, undefined, false, 'email')).id, id)
  hubspot.remove({ type: 'contacts', id })
  await t.rejects(sdk.crm.contacts.basicApi.getById(id), { code: 404 })
  t.equal((await sdk.crm.contacts.basicApi.getById(id, undefined, undefined, undefined, true)).archived, true)
})

t.test('The API client lists and searches, page by page', async (t) => {
  const hubspot = await start(t)
  const { sdk } = await connect(hubspot)
  const begin = Date.parse('2026-03-01T00:00:00Z')
  for (let n = 0; n < 25; n += 1)
    hubspot.create({
      type: 'contacts',
      at: begin + n * 1000,
      properties: { email: `n${n}@example.com`, hs_lead_status: n % 2 ? 'NEW' : 'OPEN' },
    })
  t.equal((await sdk.crm.contacts.getAll(10, undefined, ['email'])).length, 25)

  const request = {
    filterGroups: [
      {
        filters: [
          { propertyName: 'hs_lead_status', operator: 'EQ' as never, value: 'NEW' },
          { propertyName: 'lastmodifieddate', operator: 'GTE' as never, value: String(begin + 10_000) },
        ],
      },
    ],
    sorts: ['-createdate'],
    properties: ['email'],
    limit: 5,
  }
  const first = await sdk.crm.contacts.searchApi.doSearch(request)
  t.equal(first.total, 7)
  t.strictSame(
    first.results.map((each) => each.properties.email),
    ['n23@example.com', 'n21@example.com', 'n19@example.com', 'n17@example.com', 'n15@example.com'],
  )
  const second = await sdk.crm.contacts.searchApi.doSearch({ ...request, after: first.paging?.next?.after ?? '' })
  t.equal(second.results.length, 2)
  t.equal(second.paging, undefined)
})

t.test('The API client reads deals, leads, pipelines, properties and associations', async (t) => {
  const hubspot = await start(t)
  const { sdk } = await connect(hubspot)
  const contact = hubspot.create({ type: 'contacts', properties: { email: 'a@example.com' } })
  const other = hubspot.create({ type: 'contacts' })
  const deal = hubspot.create({ type: 'deals', properties: { dealname: 'One', amount: '10' } })
  const lead = hubspot.create({ type: 'leads', properties: { hs_lead_name: 'One' } })
  hubspot.associate({ from: { type: 'deals', id: deal.id }, to: { type: 'contacts', id: contact.id } })
  hubspot.associate({ from: { type: 'deals', id: deal.id }, to: { type: 'contacts', id: other.id }, primary: true })
  hubspot.associate({ from: { type: 'leads', id: lead.id }, to: { type: 'contacts', id: contact.id }, primary: true })

  const pipelines = await sdk.crm.pipelines.pipelinesApi.getAll('deals')
  t.match(pipelines.results[0]?.stages.at(-2), { id: 'closedwon', metadata: { probability: '1.0', isClosed: 'true' } })
  t.match((await sdk.crm.pipelines.pipelinesApi.getAll('0-136')).results[0]?.stages[0], { id: 'new-stage-id' })
  t.match((await sdk.crm.deals.basicApi.getById(deal.id, ['dealstage', 'pipeline'])).properties, {
    dealstage: 'appointmentscheduled',
    pipeline: 'default',
  })
  const withContacts = await sdk.crm.deals.basicApi.getById(deal.id, undefined, undefined, ['contacts'])
  t.match(
    withContacts.associations?.contacts?.results.map((each) => each.id),
    [contact.id, other.id],
  )
  t.match((await sdk.crm.objects.leads.basicApi.getById(lead.id, ['hs_pipeline_stage'])).properties, { hs_pipeline_stage: 'new-stage-id' })

  const links = await sdk.crm.associations.v4.batchApi.getPage('deals', 'contacts', { inputs: [{ id: deal.id }, { id: '404' }] })
  t.match(links.results, [
    {
      _from: { id: deal.id },
      to: [{ associationTypes: [{ typeId: 3, label: null }] }, { associationTypes: [{ label: 'Primary' }, { typeId: 3 }] }],
    },
  ])
  t.equal(String(links.results[0]?.to[0]?.toObjectId), contact.id)
  t.match(links, { numErrors: 1 })
  const primary = await sdk.crm.associations.v4.batchApi.getPage('leads', 'contacts', { inputs: [{ id: lead.id }] })
  t.match(primary.results[0]?.to[0]?.associationTypes, [{ typeId: 578 }, { typeId: 608 }])

  const stage = await sdk.crm.properties.coreApi.getByName('contacts', 'lifecyclestage')
  t.equal(stage.options.length, 8)
  await t.rejects(sdk.crm.properties.coreApi.getByName('contacts', 'meta_lead_id'), { code: 404 })
  await sdk.crm.properties.groupsApi.create('contacts', { name: 'meta_capi', label: 'Meta', displayOrder: -1 })
  const definition = {
    groupName: 'meta_capi',
    name: 'meta_lead_id',
    label: 'Meta lead ID',
    type: 'string' as never,
    fieldType: 'text' as never,
  }
  await sdk.crm.properties.coreApi.create('contacts', definition)
  await t.rejects(sdk.crm.properties.coreApi.create('contacts', definition), { code: 409 })
  await sdk.crm.contacts.basicApi.update(contact.id, { properties: { meta_lead_id: '12345678901234567' } })
  t.equal(hubspot.record({ type: 'contacts', id: contact.id })?.properties.meta_lead_id, '12345678901234567')
  const unknown = sdk.crm.contacts.basicApi.update(contact.id, { properties: { nothing: '1' } })
  await t.rejects(unknown, { code: 400, body: { errors: [{ code: 'PROPERTY_DOESNT_EXIST' }] } })
  await t.rejects(sdk.crm.contacts.basicApi.update(contact.id, { properties: { lifecyclestage: 'nothing' } }), { code: 400 })
})

t.test('Dated paths of both versions answer like the older names', async (t) => {
  const hubspot = await start(t)
  const { call } = await connect(hubspot)
  const contact = hubspot.create({ type: 'contacts' })
  const deal = hubspot.create({ type: 'deals' })
  hubspot.associate({ from: { type: 'deals', id: deal.id }, to: { type: 'contacts', id: contact.id } })
  const body = { inputs: [{ id: contact.id }], properties: [], propertiesWithHistory: [] }
  for (const version of ['2026-09', '2026-03']) {
    t.match(await call('POST', `/crm/objects/${version}/contacts/batch/read`, body), {
      status: 200,
      json: { results: [{ id: contact.id }] },
    })
    t.match(await call('GET', `/account-info/${version}/details`), { status: 200, json: { portalId: 3003003, companyCurrency: 'USD' } })
    const links = await call('POST', `/crm/associations/${version}/deals/contacts/batch/read`, { inputs: [{ id: deal.id }] })
    t.strictSame(links.json.results[0].to[0].toObjectId, contact.id)
  }
  t.equal((await call('GET', `/crm/objects/2026-03/deals/${deal.id}/associations/contacts`)).json.results.length, 1)
  t.equal((await call('GET', `/crm/objects/2026-09/deals/${deal.id}/associations/contacts`)).status, 404)
  const v4 = await call('POST', '/crm/v4/associations/deals/contacts/batch/read', { inputs: [{ id: deal.id }] })
  t.strictSame(v4.json.results[0].to[0].toObjectId, Number(contact.id))
  t.equal((await call('GET', '/crm/objects/2025-01/contacts')).status, 404)
})

t.test('Input beyond the rules is a validation error', async (t) => {
  const hubspot = await start(t)
  const { call } = await connect(hubspot)
  const inputs = (count: number) => Array.from({ length: count }, (_, index) => ({ id: String(index) }))
  const filter = { propertyName: 'email', operator: 'HAS_PROPERTY' }
  const cases: [name: string, path: string, body: Json][] = [
    ['history left out', 'objects/2026-09/contacts/batch/read', { inputs: inputs(1), properties: [] }],
    ['properties left out', 'objects/2026-09/contacts/batch/read', { inputs: inputs(1), propertiesWithHistory: [] }],
    ['101 records', 'objects/2026-09/contacts/batch/read', { inputs: inputs(101), properties: [], propertiesWithHistory: [] }],
    ['51 with history', 'objects/2026-09/contacts/batch/read', { inputs: inputs(51), properties: [], propertiesWithHistory: ['email'] }],
    ['1001 associations', 'associations/2026-09/deals/contacts/batch/read', { inputs: inputs(1001) }],
    ['an unknown type', 'objects/2026-09/things/batch/read', { inputs: inputs(1), properties: [], propertiesWithHistory: [] }],
    ['a page of 201', 'objects/2026-09/contacts/search', { limit: 201 }],
    ['beyond 10,000', 'objects/2026-09/contacts/search', { limit: 200, after: '9801' }],
    ['two sorts', 'objects/2026-09/contacts/search', { sorts: ['a', 'b'] }],
    ['six groups', 'objects/2026-09/contacts/search', { filterGroups: Array(6).fill({ filters: [filter] }) }],
    ['seven filters', 'objects/2026-09/contacts/search', { filterGroups: [{ filters: Array(7).fill(filter) }] }],
    ['an unknown operator', 'objects/2026-09/contacts/search', { filterGroups: [{ filters: [{ ...filter, operator: 'LIKE' }] }] }],
    ['a long body', 'objects/2026-09/contacts/search', { query: 'x'.repeat(3000) }],
    ['a lead without contact', 'objects/2026-09/leads', { properties: { hs_lead_name: 'x' } }],
    [
      'a property without type',
      'properties/2026-09/contacts',
      { name: 'x', label: 'x', fieldType: 'text', groupName: 'contactinformation' },
    ],
    ['an upper-case name', 'properties/2026-09/contacts/groups', { name: 'X', label: 'x' }],
  ]
  for (const [name, path, body] of cases)
    t.match(
      await call('POST', `/crm/${path}`, body),
      { status: 400, json: { status: 'error', category: 'VALIDATION_ERROR', correlationId: String } },
      name,
    )
})

t.test('Searches compare and combine as documented', async (t) => {
  const hubspot = await start(t)
  const { call } = await connect(hubspot)
  const ids = ['1', '20', '300'].map((amount) => hubspot.create({ type: 'deals', properties: { dealname: `Deal ${amount}`, amount } }).id)
  const contact = hubspot.create({ type: 'contacts' })
  hubspot.associate({ from: { type: 'deals', id: ids[0] as string }, to: { type: 'contacts', id: contact.id } })
  const found = async (filter: Json) => {
    const answer = await call('POST', '/crm/objects/2026-09/deals/search', { filterGroups: [{ filters: [filter] }], sorts: ['amount'] })
    return answer.json.results.map((each: { id: string }) => ids.indexOf(each.id))
  }
  const amount = (operator: string, more: Json) => found({ propertyName: 'amount', operator, ...more })
  t.strictSame(await amount('EQ', { value: '20' }), [1])
  t.strictSame(await amount('NEQ', { value: '20' }), [0, 2])
  t.strictSame(await amount('GT', { value: '20' }), [2])
  t.strictSame(await amount('LTE', { value: '20' }), [0, 1])
  t.strictSame(await amount('BETWEEN', { value: '2', highValue: '299' }), [1])
  t.strictSame(await amount('IN', { values: ['1', '300'] }), [0, 2])
  t.strictSame(await amount('NOT_IN', { values: ['1', '300'] }), [1])
  t.strictSame(await amount('HAS_PROPERTY', {}), [0, 1, 2])
  t.strictSame(await found({ propertyName: 'closedate', operator: 'HAS_PROPERTY' }), [])
  t.strictSame(await found({ propertyName: 'dealname', operator: 'CONTAINS_TOKEN', value: '300' }), [2])
  t.strictSame(await found({ propertyName: 'associations.contact', operator: 'EQ', value: contact.id }), [0])
})

t.test('The search index may lag behind what was written', async (t) => {
  const hubspot = await start(t, { searchLagMs: 60_000 })
  const { call } = await connect(hubspot)
  const { id } = hubspot.create({ type: 'contacts' })
  t.equal((await call('POST', '/crm/objects/2026-09/contacts/search', {})).json.total, 0)
  t.equal((await call('GET', `/crm/objects/2026-09/contacts/${id}`)).status, 200)
})

t.test('Tokens are refreshed, expire and are refused by the error table', async (t) => {
  let now = Date.now()
  const hubspot = await start(t, { clock: () => now })
  const { call } = await connect(hubspot)
  const grant = await refresh(hubspot)
  t.match(grant, {
    status: 200,
    json: { refresh_token: 'refresh', expires_in: 1800, token_type: 'bearer', hub_id: 3003003, scopes: writing },
  })
  const token = String(grant.json.access_token)
  const details = '/account-info/2026-09/details'
  t.equal((await call('GET', details, undefined, token)).status, 200)
  now += 1800_000
  t.match(await call('GET', details, undefined, token), { status: 401, json: { category: 'EXPIRED_AUTHENTICATION' } })
  t.match(await call('GET', details, undefined, 'unknown'), { status: 401, json: { category: 'INVALID_AUTHENTICATION' } })

  t.match(await refresh(hubspot, { client_id: 'x' }), { status: 400, json: { status: 'BAD_CLIENT_ID', error: 'invalid_client' } })
  t.match(await refresh(hubspot, { client_secret: 'x' }), { status: 400, json: { status: 'BAD_CLIENT_SECRET', error: 'invalid_client' } })
  t.match(await refresh(hubspot, { refresh_token: 'x' }), { status: 400, json: { status: 'BAD_REFRESH_TOKEN', error: 'invalid_grant' } })
  t.match(await refresh(hubspot, { grant_type: 'x' }), { status: 400 })
  t.equal((await refresh(hubspot, {}, 'v3')).status, 200)

  const { code } = hubspot.install({ scopes: ['oauth'] })
  const redirect_uri = demoApp.redirectUris[0] as string
  const exchange = (changes: Record<string, string> = {}) =>
    refresh(hubspot, { grant_type: 'authorization_code', code, redirect_uri, ...changes })
  t.match(await exchange({ redirect_uri: `${redirect_uri}/` }), { status: 400, json: { status: 'BAD_REDIRECT_URI' } })
  t.match(await exchange(), { status: 200, json: { scopes: ['oauth'] } })
  t.match(await exchange(), { status: 400, json: { status: 'BAD_AUTH_CODE' } }, 'a code works once')
  t.strictSame(hubspot.tokenCounts(), { exchanges: 1, refreshes: 2, refused: 6 })

  hubspot.rotateRefreshTokens({ on: true })
  const rotated = await refresh(hubspot)
  t.match(await refresh(hubspot), { json: { status: 'BAD_REFRESH_TOKEN' } })
  t.equal((await refresh(hubspot, { refresh_token: String(rotated.json.refresh_token) })).status, 200)
})

t.test('Revoking, uninstalling and vanishing accounts differ', async (t) => {
  const hubspot = await start(t)
  hubspot.addPortal({ portalId: 2, refreshToken: 'second' })
  const { call } = await connect(hubspot)
  const { clientId: client_id, clientSecret: client_secret } = demoApp
  const token = hubspot.accessToken({ refreshToken: 'refresh' }).accessToken
  const form = async (path: string, fields: Record<string, string>) => {
    const body = new URLSearchParams({ client_id, client_secret, ...fields })
    const response = await fetch(`${hubspot.url}/oauth/2026-09/token/${path}`, { method: 'POST', body })
    return response.status === 204 ? undefined : response.json()
  }
  t.match(await form('introspect', { token }), { active: true, hub_id: 3003003, token_use: 'access_token' })
  t.match(await form('introspect', { token: 'unknown' }), { active: false })
  await form('revoke', { token: 'refresh' })
  t.match(await refresh(hubspot), { status: 400, json: { status: 'BAD_REFRESH_TOKEN' } })
  t.equal((await call('GET', '/account-info/2026-09/details')).status, 200, 'access tokens live on after a revoke')
  t.equal((await call('DELETE', '/appinstalls/2026-09/external-install')).status, 204)
  t.equal((await call('GET', '/account-info/2026-09/details')).status, 401, 'not after an uninstall')
  t.equal((await refresh(hubspot, { refresh_token: 'second' })).status, 200, 'other accounts do not notice')
  hubspot.removePortal({ portalId: 2 })
  t.match(await refresh(hubspot, { refresh_token: 'second' }), { status: 400, json: { status: 'BAD_HUB' } })
})

t.test('A call without its scope says which one is missing', async (t) => {
  const hubspot = await start(t)
  const { call } = await connect(hubspot)
  hubspot.setScopes({ scopes: ['oauth', 'crm.objects.contacts.read'] })
  const missing = (scope: string) => ({
    status: 403,
    json: { category: 'MISSING_SCOPES', errors: [{ context: { requiredGranularScopes: [scope] } }] },
  })
  t.equal((await call('GET', '/crm/objects/2026-09/contacts')).status, 200)
  t.equal((await call('GET', '/crm/properties/2026-09/contacts')).status, 200)
  t.match(await call('GET', '/crm/objects/2026-09/deals'), missing('crm.objects.deals.read'))
  t.match(await call('GET', '/crm/pipelines/2026-09/leads'), missing('crm.objects.leads.read'))
  t.match(await call('POST', '/crm/properties/2026-09/contacts', {}), missing('crm.schemas.contacts.write'))
  t.match(await call('PATCH', '/crm/objects/2026-09/contacts/1', {}), missing('crm.objects.contacts.write'))
  t.match(await call('POST', '/crm/associations/2026-09/deals/contacts/batch/read', { inputs: [] }), missing('crm.objects.deals.read'))
})

t.test('Limits hold for each account, with the documented answers', async (t) => {
  const hubspot = await start(t, { limits: { burst: { count: 3, perMs: 60_000 }, search: { count: 2, perMs: 60_000 } } })
  const { accessToken } = hubspot.accessToken({ refreshToken: hubspot.addPortal({ portalId: 2 }).refreshToken })
  const { call } = await connect(hubspot)
  const first = await call('GET', '/crm/objects/2026-09/contacts')
  t.equal(first.headers.get('x-hubspot-ratelimit-max'), '3')
  t.equal(first.headers.get('x-hubspot-ratelimit-remaining'), '2')
  t.equal(first.headers.get('x-hubspot-ratelimit-interval-milliseconds'), '60000')
  for (const _ of [2, 3]) t.equal((await call('GET', '/crm/objects/2026-09/contacts')).status, 200)
  const fourth = await call('GET', '/crm/objects/2026-09/contacts')
  t.match(fourth, { status: 429, json: { status: 'error', errorType: 'RATE_LIMIT', policyName: 'TEN_SECONDLY_ROLLING' } })
  for (const _ of [1, 2]) {
    const search = await call('POST', '/crm/objects/2026-09/contacts/search', {})
    t.equal(search.status, 200, 'searches have a limit of their own')
    t.equal(search.headers.get('x-hubspot-ratelimit-max'), null)
  }
  t.match(await call('POST', '/crm/objects/2026-09/deals/search', {}), { status: 429, json: { policyName: 'SECONDLY' } })
  t.equal((await call('GET', '/crm/objects/2026-09/contacts', undefined, accessToken)).status, 200, 'the other account is free')
  hubspot.setLimits({ limits: false })
  t.equal((await call('GET', '/crm/objects/2026-09/contacts')).status, 200)
})

t.test('Failures come on demand, on chosen paths', async (t) => {
  const hubspot = await start(t)
  const { call } = await connect(hubspot)
  hubspot.fail({ status: 477, retryAfter: 30, path: 'contacts', times: 1 })
  hubspot.fail({ status: 423, path: '/oauth/' })
  t.equal((await call('GET', '/crm/objects/2026-09/deals')).status, 200)
  const moving = await call('GET', '/crm/objects/2026-09/contacts')
  t.equal(moving.status, 477)
  t.equal(moving.headers.get('retry-after'), '30')
  t.equal((await call('GET', '/crm/objects/2026-09/contacts')).status, 200)
  t.match(await refresh(hubspot), { status: 423, json: { category: 'LOCKED' } })
  hubspot.misbehave({ how: 'drop' })
  await t.rejects(call('GET', '/crm/objects/2026-09/contacts'))
  t.match(
    hubspot.requests().map((request) => [request.path, request.status, request.misbehaved]),
    [
      ['/crm/objects/2026-09/deals', 200, undefined],
      ['/crm/objects/2026-09/contacts', 477, 'answer'],
      ['/crm/objects/2026-09/contacts', 200, undefined],
      ['/oauth/2026-09/token', 423, 'answer'],
      ['/crm/objects/2026-09/contacts', 0, 'drop'],
    ],
  )
})

t.test('As a process of its own it is driven over HTTP', async (t) => {
  const child = await startChild('hubspot', { portals: [{ portalId: 7, refreshToken: 'refresh', scopes: writing }] })
  t.teardown(child.close)
  const contacts = Array.from({ length: 3 }, (_, n) => ({
    type: 'contact',
    properties: { email: `${n}@example.com` },
    at: 1_700_000_000_000 + n,
  }))
  const created = await child.control<{ id: string }[]>('create', contacts)
  t.equal(created.length, 3)
  await child.control('change', { type: 'contact', id: created[0]?.id, properties: { lifecyclestage: 'lead' } })
  t.match(await child.control('record', { type: 'contact', id: created[0]?.id }), {
    createdAt: 1_700_000_000_000,
    properties: { lifecyclestage: 'lead' },
  })
  t.match(await refresh(child), { status: 200, json: { hub_id: 7 } })
  t.match(await child.control('idle'), { pending: 0 })
})
