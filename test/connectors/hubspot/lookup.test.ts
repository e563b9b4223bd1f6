import t, { type Test } from 'tap'
import type { LookupRequest, RecordSnapshot } from '../../../connectors/connector.ts'
import { lookup } from '../../../connectors/hubspot/lookup.ts'
import type { HubSpot } from '../../simulators/hubspot/start-hubspot.ts'
import { contextFor, openPortal } from './portal.ts'

const day = 86_400_000
const start = Date.UTC(2026, 8, 1)
const ask = (type: string, id: string, history = false): LookupRequest => ({ ref: { type, id }, history })
const of = (snapshots: RecordSnapshot[], type: string, id: string) => snapshots.filter(({ ref }) => ref.type === type && ref.id === id)
const paths = (hubspot: HubSpot) =>
  hubspot
    .requests()
    .map(({ path }) => path)
    .sort()

async function portal(t: Test, options?: Parameters<typeof openPortal>[0]): Promise<HubSpot> {
  const hubspot = await openPortal(options)
  t.teardown(() => hubspot.close())
  return hubspot
}

t.test('a contact comes with its identity, stages, creation time and rule fields', async (t) => {
  const hubspot = await portal(t)
  hubspot.defineProperty({ type: 'contact', property: { name: 'consent' } })
  const { id } = hubspot.create({
    type: 'contact',
    at: start,
    properties: {
      meta_lead_id: '1234567890123456',
      email: 'ana@example.com',
      hs_calculated_phone_number: '+4989123456',
      phone: '089 123456',
      lifecyclestage: 'lead',
      consent: 'yes',
    },
  })
  const snapshots = await lookup(contextFor(hubspot, { ruleFields: ['consent', 'hs_analytics_source', 'no_such_field'] }), [
    ask('contact', id),
  ])
  t.same(snapshots, [
    {
      ref: { type: 'contact', id },
      found: true,
      createdAt: start,
      stages: [{ source: 'lifecyclestage', pipelineId: undefined, stageId: 'lead' }],
      fields: { consent: 'yes', hs_analytics_source: null },
      identity: { metaLeadId: '1234567890123456', emails: ['ana@example.com'], phones: ['+4989123456'], externalId: id },
    },
  ])
})

t.test('a hundred contacts are one call, and with history two of fifty', async (t) => {
  const hubspot = await portal(t)
  const ids = Array.from({ length: 100 }, () => hubspot.create({ type: 'contact', at: start }).id)
  const context = contextFor(hubspot)
  const plain = await lookup(
    context,
    [...ids, ...ids].map((id) => ask('contact', id)),
  )
  t.equal(plain.length, 100, 'each once, however often it was asked for')
  t.equal(hubspot.requests().length, 1)

  hubspot.reset()
  const withHistory = await lookup(
    context,
    ids.map((id) => ask('contact', id, true)),
  )
  t.ok(withHistory.every(({ transitions }) => transitions !== undefined))
  t.equal(hubspot.requests().length, 2)
  t.ok(hubspot.requests().every(({ status }) => status === 200))
})

t.test('a record asked for with and without history comes with it', async (t) => {
  const hubspot = await portal(t)
  const { id } = hubspot.create({ type: 'contact', at: start, properties: { lifecyclestage: 'lead' } })
  const snapshots = await lookup(contextFor(hubspot), [ask('contact', id, true), ask('contact', id)])
  t.match(snapshots, [{ transitions: [{ occurredAt: start }] }])
  t.equal(snapshots.length, 1)
})

t.test('stage history tells every earlier stage, oldest first', async (t) => {
  const hubspot = await portal(t)
  const { id } = hubspot.create({ type: 'contact', at: start, properties: { lifecyclestage: 'lead' } })
  hubspot.change({ type: 'contact', id, at: start + day, properties: { lifecyclestage: 'opportunity', hs_lead_status: 'OPEN' } })
  hubspot.change({ type: 'contact', id, at: start + 2 * day, properties: { lifecyclestage: '' } })
  hubspot.change({ type: 'contact', id, at: start + 2 * day + 1, properties: { lifecyclestage: 'lead' } })
  const [snapshot] = await lookup(contextFor(hubspot), [ask('contact', id, true)])
  t.same(
    snapshot?.transitions?.map(({ stage, occurredAt }) => [stage.stageId, occurredAt]),
    [
      ['lead', start],
      ['opportunity', start + day],
      ['OPEN', start + day],
      ['lead', start + 2 * day + 1],
    ],
  )
})

t.test('a click id comes with the time it was first seen, asked for only where there is one', async (t) => {
  const hubspot = await portal(t)
  const clicked = hubspot.create({ type: 'contact', at: start, properties: { hs_facebook_click_id: 'first' } }).id
  hubspot.change({ type: 'contact', id: clicked, at: start + day, properties: { hs_facebook_click_id: 'IwAR1' } })
  const other = hubspot.create({ type: 'contact', at: start }).id
  const context = contextFor(hubspot)
  const click = { value: 'IwAR1', firstSeenAt: start + day }

  const plain = await lookup(context, [ask('contact', clicked), ask('contact', other)])
  t.same(of(plain, 'contact', clicked)[0]?.identity?.clickId, click)
  t.equal(of(plain, 'contact', other)[0]?.identity?.clickId, undefined)
  t.equal(hubspot.requests().length, 2)
  t.same(JSON.parse(hubspot.requests()[1]?.body ?? '').inputs, [{ id: clicked }])

  hubspot.reset()
  const [withHistory] = await lookup(context, [ask('contact', clicked, true)])
  t.same(withHistory?.identity?.clickId, click)
  t.equal(hubspot.requests().length, 1, 'where history is read it tells this too')
})

t.test('a deal comes with its pipeline, its amount and the person behind it', async (t) => {
  const hubspot = await portal(t)
  const person = hubspot.create({ type: 'contact', at: start, properties: { email: 'ana@example.com', lifecyclestage: 'opportunity' } }).id
  const priced = hubspot.create({
    type: 'deal',
    at: start + 1,
    properties: { amount: '1200.50', deal_currency_code: 'CHF', dealstage: 'contractsent' },
  }).id
  const plain = hubspot.create({ type: 'deal', at: start + 2, properties: { amount: '7' } }).id
  const empty = hubspot.create({ type: 'deal', at: start + 3 }).id
  for (const id of [priced, plain]) hubspot.associate({ from: { type: 'deal', id }, to: { type: 'contact', id: person } })

  const snapshots = await lookup(contextFor(hubspot), [ask('deal', priced, true), ask('deal', plain), ask('deal', empty)])
  t.same(of(snapshots, 'deal', priced), [
    {
      ref: { type: 'deal', id: priced },
      found: true,
      createdAt: start + 1,
      stages: [{ source: 'dealstage', pipelineId: 'default', stageId: 'contractsent' }],
      fields: {},
      person: { type: 'contact', id: person },
      amount: { value: 1200.5, currency: 'CHF' },
      transitions: [{ stage: { source: 'dealstage', pipelineId: 'default', stageId: 'contractsent' }, occurredAt: start + 1 }],
    },
  ])
  t.same(of(snapshots, 'deal', plain)[0]?.amount, { value: 7, currency: 'EUR' }, 'in the currency of the account')
  t.match(of(snapshots, 'deal', empty)[0], { found: true, person: undefined, personAmbiguous: undefined, amount: undefined })
  t.equal(of(snapshots, 'contact', person).length, 1, 'the person comes once')
  t.match(of(snapshots, 'contact', person)[0], {
    identity: { emails: ['ana@example.com'] },
    transitions: [{ stage: { stageId: 'opportunity' }, occurredAt: start }],
  })
  t.same(paths(hubspot), [
    '/account-info/2026-09/details',
    '/crm/associations/2026-09/deals/contacts/batch/read',
    '/crm/objects/2026-09/contacts/batch/read',
    '/crm/objects/2026-09/deals/batch/read',
    '/crm/objects/2026-09/deals/batch/read',
  ])
})

t.test('the currency of the account is read only when a deal needs it, and its absence costs nothing else', async (t) => {
  const hubspot = await portal(t)
  const { id } = hubspot.create({ type: 'deal', properties: { amount: '7', deal_currency_code: 'USD' } })
  await lookup(contextFor(hubspot), [ask('deal', id)])
  t.notOk(paths(hubspot).includes('/account-info/2026-09/details'))

  hubspot.change({ type: 'deal', id, properties: { deal_currency_code: '' } })
  hubspot.fail({ status: 403, path: '/account-info/' })
  t.match((await lookup(contextFor(hubspot), [ask('deal', id)]))[0]?.amount, { value: 7, currency: undefined })
})

t.test('a lead comes with its pipeline and its primary contact', async (t) => {
  const hubspot = await portal(t)
  const [first, primary] = [start, start + day].map((at) => hubspot.create({ type: 'contact', at }).id) as [string, string]
  const { id } = hubspot.create({ type: 'lead', at: start, properties: { hs_pipeline_stage: 'connected-stage-id' } })
  hubspot.associate({ from: { type: 'lead', id }, to: { type: 'contact', id: first } })
  hubspot.associate({ from: { type: 'lead', id }, to: { type: 'contact', id: primary }, primary: true })
  const snapshots = await lookup(contextFor(hubspot), [ask('lead', id)])
  t.match(of(snapshots, 'lead', id)[0], {
    found: true,
    createdAt: start,
    person: { type: 'contact', id: primary },
    stages: [{ source: 'hs_pipeline_stage', pipelineId: 'lead-pipeline-id', stageId: 'connected-stage-id' }],
  })
  t.same(of(snapshots, 'contact', first), [], 'the other contact need not be read')
})

t.test('the primary contact of a lead is known by the type of the link, whatever its label', async (t) => {
  const hubspot = await portal(t)
  const [other, primary] = [start, start + day].map((at) => hubspot.create({ type: 'contact', at }).id) as [string, string]
  const { id } = hubspot.create({ type: 'lead' })
  const link = (toObjectId: string, typeId: number) => ({
    toObjectId,
    associationTypes: [{ category: 'HUBSPOT_DEFINED', typeId, label: null }],
  })
  hubspot.misbehave({
    how: 'answer',
    path: '/associations/',
    status: 200,
    json: { status: 'COMPLETE', results: [{ from: { id }, to: [link(other, 608), link(primary, 578)] }] },
  })
  t.equal(of(await lookup(contextFor(hubspot), [ask('lead', id)]), 'lead', id)[0]?.person?.id, primary)
})

t.test('of several contacts the setting picks one, or none', async (t) => {
  const hubspot = await portal(t)
  const oldest = hubspot.create({ type: 'contact', at: start }).id
  const withLeadId = hubspot.create({ type: 'contact', at: start + day, properties: { meta_lead_id: '1234567890123456' } }).id
  const labelled = hubspot.create({ type: 'contact', at: start + 2 * day }).id
  const { id } = hubspot.create({ type: 'deal' })
  const link = (contact: string, label?: string) =>
    hubspot.associate({ from: { type: 'deal', id }, to: { type: 'contact', id: contact }, ...(label && { label }) })
  const choice = async (contactChoice?: ('primary' | 'lead_id' | 'oldest')[]) => {
    const snapshots = await lookup(contextFor(hubspot, { settings: contactChoice ? { contactChoice } : {} }), [ask('deal', id)])
    const snapshot = of(snapshots, 'deal', id)[0]
    return snapshot?.personAmbiguous ? 'ambiguous' : snapshot?.person?.id
  }

  link(withLeadId, 'Decision maker')
  link(oldest)
  t.equal(await choice(), withLeadId)
  t.equal(await choice(['oldest']), oldest)
  t.equal(await choice(['primary']), 'ambiguous')
  link(labelled, 'Primary contact')
  t.equal(await choice(), labelled)
  t.equal(await choice(['lead_id', 'primary']), withLeadId)
})

t.test('of several contacts that nothing tells apart none is picked unless a setting says so', async (t) => {
  const hubspot = await portal(t)
  const { id } = hubspot.create({ type: 'deal' })
  for (const at of [start, start + day])
    hubspot.associate({ from: { type: 'deal', id }, to: { type: 'contact', id: hubspot.create({ type: 'contact', at }).id } })
  t.equal(of(await lookup(contextFor(hubspot), [ask('deal', id)]), 'deal', id)[0]?.personAmbiguous, true)
})

t.test('a deal with more contacts than one page is read to the end', async (t) => {
  const hubspot = await portal(t)
  const { id } = hubspot.create({ type: 'deal' })
  const ids = Array.from({ length: 520 }, (_, index) => hubspot.create({ type: 'contact', at: start + (index === 519 ? 0 : day) }).id)
  for (const contact of ids) hubspot.associate({ from: { type: 'deal', id }, to: { type: 'contact', id: contact } })
  const snapshots = await lookup(contextFor(hubspot, { settings: { contactChoice: ['oldest'] } }), [ask('deal', id)])
  t.equal(of(snapshots, 'deal', id)[0]?.person?.id, ids[519], 'the oldest is on the second page')
  t.equal(snapshots.length, 2)
})

t.test('what is gone, merged away or no record at all is answered too', async (t) => {
  const hubspot = await portal(t)
  const [kept, deleted, survivor, merged] = Array.from({ length: 4 }, () => hubspot.create({ type: 'contact' }).id) as [
    string,
    string,
    string,
    string,
  ]
  hubspot.remove({ type: 'contact', id: deleted })
  hubspot.merge({ type: 'contact', primaryId: survivor, otherIds: [merged] })
  const snapshots = await lookup(contextFor(hubspot), [
    ...[kept, deleted, survivor, merged, '1', 'not-an-id', '../deals'].map((id) => ask('contact', id)),
    ask('deal', '1'),
    ask('lead', '1', true),
    ask('company', '1'),
  ])
  t.equal(snapshots.length, 10)
  t.ok(of(snapshots, 'contact', kept)[0]?.found)
  t.ok(of(snapshots, 'contact', survivor)[0]?.found)
  t.same(of(snapshots, 'contact', merged), [
    { ref: { type: 'contact', id: merged }, found: false, survivorId: survivor, stages: [], fields: {} },
  ])
  for (const [type, id] of [
    ['contact', deleted],
    ['contact', '1'],
    ['contact', 'not-an-id'],
    ['contact', '../deals'],
    ['deal', '1'],
    ['lead', '1'],
    ['company', '1'],
  ] as const)
    t.same(of(snapshots, type, id), [{ ref: { type, id }, found: false, survivorId: undefined, stages: [], fields: {} }], `${type} ${id}`)
})

t.test('an id that HubSpot answers with its survivor is told as merged, and the survivor comes once', async (t) => {
  const hubspot = await portal(t)
  const [survivor, merged] = [hubspot.create({ type: 'contact' }).id, hubspot.create({ type: 'contact' }).id]
  const row = {
    id: survivor,
    createdAt: new Date(start).toISOString(),
    properties: { hs_merged_object_ids: `5;${merged}`, email: 'ana@example.com' },
  }
  hubspot.misbehave({ how: 'answer', path: 'contacts/batch/read', status: 200, json: { status: 'COMPLETE', results: [row, row] } })
  const snapshots = await lookup(contextFor(hubspot), [ask('contact', merged), ask('contact', survivor)])
  t.equal(snapshots.length, 2)
  t.match(of(snapshots, 'contact', survivor), [{ found: true, identity: { emails: ['ana@example.com'] } }])
  t.match(of(snapshots, 'contact', merged), [{ found: false, survivorId: survivor }])
})

t.test('without their scope leads count as gone, and are not asked for', async (t) => {
  const scopes = ['oauth', 'crm.objects.contacts.read', 'crm.objects.deals.read']
  const hubspot = await portal(t, { scopes })
  const { id } = hubspot.create({ type: 'lead' })
  t.match(await lookup(contextFor(hubspot, { scopes }), [ask('lead', id)]), [{ found: false }])
  t.same(paths(hubspot), [])
})

t.test('a missing required scope is an error that names it', async (t) => {
  const hubspot = await portal(t, { scopes: ['oauth', 'crm.objects.contacts.read'] })
  const { id } = hubspot.create({ type: 'deal' })
  await t.rejects(lookup(contextFor(hubspot), [ask('deal', id)]), {
    code: 'missing_scope',
    retry: 'never',
    userText: /crm\.objects\.deals\.read/,
  })
})

t.test('a property that the account does not define costs nothing', async (t) => {
  const hubspot = await portal(t, { leadIdField: false })
  const { id } = hubspot.create({ type: 'contact', properties: { firstname: 'Ana' } })
  t.match(await lookup(contextFor(hubspot), [ask('contact', id)]), [{ found: true, identity: { metaLeadId: undefined, firstName: 'Ana' } }])
})

t.test('a failure of single records does not pass for "gone"', async (t) => {
  const hubspot = await portal(t)
  const { id } = hubspot.create({ type: 'contact' })
  hubspot.misbehave({
    how: 'answer',
    status: 207,
    json: {
      status: 'COMPLETE',
      results: [],
      numErrors: 1,
      errors: [{ status: 'error', category: 'INTERNAL_ERROR', message: '', context: { ids: [id] } }],
    },
  })
  await t.rejects(lookup(contextFor(hubspot), [ask('contact', id)]), { code: 'partial_answer', retry: 'later' })
})

t.test('errors and answers that cannot be read come as coded errors', async (t) => {
  const hubspot = await portal(t)
  const { id } = hubspot.create({ type: 'contact' })
  const failing = () => lookup(contextFor(hubspot), [ask('contact', id)])
  hubspot.fail({ status: 429 })
  await t.rejects(failing(), { code: 'rate_limited', retry: { afterMs: 10_000 } })
  hubspot.fail({ status: 502 })
  await t.rejects(failing(), { code: 'crm_unavailable', retry: 'later' })
  hubspot.misbehave({ how: 'answer', status: 200, json: { results: [{ id: '1' }] } })
  await t.rejects(failing(), { code: 'unreadable_answer', retry: 'later' })
  hubspot.expireTokens({})
  const stale = contextFor(hubspot)
  hubspot.expireTokens({})
  await t.rejects(lookup(stale, [ask('contact', id)]), { code: 'expired_token' })
})

t.test('nothing asked, nothing read', async (t) => {
  const hubspot = await portal(t)
  t.same(await lookup(contextFor(hubspot), []), [])
  t.same(paths(hubspot), [])
})
