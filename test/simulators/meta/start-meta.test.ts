import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import t, { type Test } from 'tap'
import { startChild } from '../child.ts'
import type { GraphErrorFields } from './graph-error.ts'
import { type Meta, type MetaOptions, startMeta } from './start-meta.ts'

const sdk = createRequire(import.meta.url)('facebook-nodejs-business-sdk')

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const now = Date.parse('2026-11-20T12:00:00Z')
const seconds = now / 1000
const day = 86_400

type Json = Record<string, unknown>
function event(changes: Json = {}): Json {
  return {
    event_name: 'Qualified',
    event_time: seconds - 60,
    event_id: 'event-1',
    action_source: 'system_generated',
    user_data: { lead_id: '123456789012345', em: [sha256('test@example.com')] },
    custom_data: { event_source: 'crm', lead_event_source: 'HubSpot' },
    ...changes,
  }
}
function withUser(user: Json): Json {
  return event({ user_data: user })
}
function withCustom(custom: Json, name = 'Qualified'): Json {
  return event({ event_name: name, custom_data: { event_source: 'crm', lead_event_source: 'HubSpot', ...custom } })
}

async function start(test: Test, options: MetaOptions = {}): Promise<Meta> {
  const meta = await startMeta({ datasets: [{ id: '1234', name: 'CRM', tokens: ['token'] }], clock: () => now, ...options })
  test.teardown(meta.close)
  return meta
}

async function post(meta: { url: string }, body: Json | string, request: { path?: string; token?: string; type?: string } = {}) {
  const response = await fetch(`${meta.url}${request.path ?? '/v26.0/1234/events'}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${request.token ?? 'token'}`, 'content-type': request.type ?? 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(5000),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: text.startsWith('{') ? JSON.parse(text) : undefined }
}

t.test('Events that Meta accepts are counted once, by source and by name', async (t) => {
  const meta = await start(t)
  const data = [event(), event({ event_id: 'event-2', event_name: 'Converted', event_time: seconds - 30 })]
  const answer = await post(meta, { data, partner_agent: 'leadstage' })
  t.equal(answer.status, 200)
  t.match(answer.json, { events_received: 2, messages: [], fbtrace_id: /^A/ })
  t.ok(JSON.parse(answer.headers.get('x-app-usage') ?? ''))
  t.strictSame(meta.summary(), {
    requests: { accepted: 1, refused: 0, misbehaved: 0 },
    datasets: {
      1234: {
        received: 2,
        counted: 2,
        notCounted: {},
        distinct: 2,
        distinctEventIds: 2,
        doubled: 0,
        doubledById: 0,
        doubledByLead: 0,
        outOfOrder: 0,
        bySource: { HubSpot: 2 },
        byEventName: { Qualified: 1, Converted: 1 },
        leads: 1,
      },
    },
  })
  t.match(meta.requests(), [{ tokenVia: 'header', partnerAgent: 'leadstage', events: 2, status: 200, at: now }])
})

t.test('The business SDK of Meta is understood without a change to it', async (t) => {
  const meta = await start(t, { clock: Date.now })
  const graph = Object.getOwnPropertyDescriptor(sdk.FacebookAdsApi, 'GRAPH') as PropertyDescriptor
  Object.defineProperty(sdk.FacebookAdsApi, 'GRAPH', { ...graph, get: () => meta.url })
  t.teardown(() => Object.defineProperty(sdk.FacebookAdsApi, 'GRAPH', graph))
  const build = (time: number) =>
    new sdk.ServerEvent()
      .setEventName('Qualified')
      .setEventTime(time)
      .setEventId('from-sdk')
      .setActionSource('system_generated')
      .setUserData(new sdk.UserData().setLeadId('12345678901234567').setEmail(' Test@Example.com ').setPhone('16505551212'))
      .setCustomData(new sdk.CustomData().setCustomProperties({ event_source: 'crm', lead_event_source: 'HubSpot' }))
  const present = Math.floor(Date.now() / 1000)
  const response = await new sdk.EventRequest('token', '1234').setEvents([build(present)]).execute()
  t.equal(response.events_received, 1)
  const [received] = meta.events()
  t.match(received, { leadId: '12345678901234567', leadIdForm: 'string', source: 'HubSpot', notCounted: [] })
  t.match(received?.body, { user_data: { em: [sha256('test@example.com')], ph: [sha256('16505551212')] } })

  const refusal = (token: string, time: number) =>
    new sdk.EventRequest(token, '1234')
      .setEvents([build(time)])
      .execute()
      .catch((error: unknown) => error)
  t.match(await refusal('token', present - 8 * day), { status: 400, response: { code: 100, error_subcode: 2804003 } })
  t.match(await refusal('stranger', present), { status: 401, response: { code: 190 } })
  t.equal(meta.events().length, 1)
})

t.test('A batch with one event against the rules is refused as a whole', async (t) => {
  const hashes = { em: [sha256('a')] }
  const cases: [name: string, event: unknown, error: Partial<GraphErrorFields>][] = [
    ['no event name', event({ event_name: undefined }), {}],
    ['no event time', event({ event_time: undefined }), {}],
    ['text as event time', event({ event_time: '2026-11-20T12:00:00Z' }), {}],
    ['a fraction as event time', event({ event_time: seconds - 0.5 }), {}],
    ['milliseconds', event({ event_time: now }), { subcode: 2804004 }],
    ['the future', event({ event_time: seconds + 1 }), { subcode: 2804004 }],
    ['more than seven days ago', event({ event_time: seconds - 7 * day - 1 }), { subcode: 2804003 }],
    ['no action source', event({ action_source: undefined }), {}],
    ['an unknown action source', event({ action_source: 'crm' }), {}],
    ['no user data', event({ user_data: undefined }), {}],
    ['empty user data', withUser({}), { subcode: 2804050 }],
    ['only a name', withUser({ fn: sha256('a') }), { subcode: 2804050 }],
    ['only an address', withUser({ ct: sha256('a'), zp: sha256('b'), country: sha256('c') }), { subcode: 2804050 }],
    ['only a birth date', withUser({ db: sha256('19970216') }), { subcode: 2804050 }],
    ['a plain e-mail', withUser({ em: 'a@example.com' }), {}],
    ['a plain phone among hashes', withUser({ ph: [sha256('1'), '16505551212'] }), {}],
    ['an upper-case hash', withUser({ em: sha256('a').toUpperCase() }), {}],
    ['null', withUser({ ...hashes, ph: null }), {}],
    ['empty text', withUser({ ...hashes, fn: '' }), {}],
    ['an empty list', withUser({ ...hashes, ph: [] }), {}],
    ['null in a list', withUser({ em: [sha256('a'), null] }), {}],
    ['a short lead id', withUser({ ...hashes, lead_id: '12345678901234' }), {}],
    ['a long lead id', withUser({ ...hashes, lead_id: '123456789012345678' }), {}],
    ['a prefixed lead id', withUser({ ...hashes, lead_id: 'l:123456789012345' }), {}],
    ['a lead id in a list', withUser({ ...hashes, lead_id: ['123456789012345'] }), {}],
    ['a bare click id', withUser({ ...hashes, fbc: 'IwAR0' }), {}],
    ['a value without currency', withCustom({ value: 10 }), { subcode: 2804023 }],
    ['text as value', withCustom({ value: '10', currency: 'EUR' }), {}],
    ['a lower-case currency', withCustom({ value: 10, currency: 'eur' }), {}],
    ['a purchase without value', withCustom({}, 'Purchase'), { subcode: 2804009 }],
    ['an unknown state', event({ data_processing_options: ['LDU'], data_processing_options_state: 999 }), {}],
    ['a number as event id', event({ event_id: 7 }), {}],
    ['something that is no event', 'event', {}],
  ]
  for (const [name, bad, error] of cases) {
    const meta = await start(t)
    const answer = await post(meta, { data: [event(), bad] })
    t.equal(answer.status, 400, name)
    t.match(answer.json.error, { code: 100, type: 'OAuthException', is_transient: false, fbtrace_id: /^A/ }, name)
    t.equal(answer.json.error.error_subcode, error.subcode, name)
    t.equal(answer.json.error.error_data.blame_field_specs[0][1], 1, `${name}: the second event is to blame`)
    t.strictSame(meta.summary(), { requests: { accepted: 0, refused: 1, misbehaved: 0 }, datasets: {} }, name)
    await meta.close()
  }
})

t.test('The limits themselves are allowed', async (t) => {
  const meta = await start(t)
  const allowed = [
    event({ event_time: seconds }),
    event({ event_time: seconds - 7 * day }),
    event({ action_source: 'physical_store', event_time: seconds - 61 * day }),
    event({ data_processing_options: [], data_processing_options_country: 0, data_processing_options_state: 0 }),
    withUser({ fn: sha256('a'), ln: sha256('b') }),
    withUser({ fbc: 'fb.1.1700000000000.IwAR0' }),
    withCustom({ value: 0, currency: 'EUR' }, 'Purchase'),
  ]
  for (const one of allowed) t.equal((await post(meta, { data: [one] })).status, 200)
  t.equal((await post(meta, { data: Array.from({ length: 1000 }, () => event()) })).json.events_received, 1000)
})

t.test('A request against the rules is refused', async (t) => {
  const meta = await start(t)
  const refused = [
    {},
    { data: {} },
    { data: [] },
    { data: Array.from({ length: 1001 }, () => event()) },
    { data: [event()], partner_agent: 'a-name-of-twenty-three-' },
    { data: [event()], partner_agent: '4_2_a' },
    '{"data":[',
    'null',
  ]
  for (const body of refused) t.match((await post(meta, body)).json.error, { code: 100 }, JSON.stringify(body).slice(0, 60))
  t.strictSame(meta.summary(), { requests: { accepted: 0, refused: refused.length, misbehaved: 0 }, datasets: {} })
})

t.test('A lead id keeps all its digits, whether it comes as a number or as text', async (t) => {
  const meta = await start(t)
  const body = JSON.stringify({ data: [withUser({ lead_id: 'literal' }), withUser({ lead_id: '12345678901234569' })] })
  t.equal((await post(meta, body.replace('"literal"', '12345678901234567'))).status, 200)
  t.match(meta.events(), [
    { leadId: '12345678901234567', leadIdForm: 'integer', identity: 'lead_id:12345678901234567' },
    { leadId: '12345678901234569', leadIdForm: 'string' },
  ])
  const rounded = body.replace('"literal"', '1.2345678901234567e16')
  t.match((await post(meta, rounded)).json.error, { code: 100 }, 'a number in another notation is no lead id')
})

t.test('Form fields and a token in the body or the query are understood', async (t) => {
  const meta = await start(t)
  const type = 'application/x-www-form-urlencoded'
  const form = new URLSearchParams({ data: JSON.stringify([event()]), access_token: 'token' }).toString()
  const send = async (query: string, body: string, contentType: string) =>
    (await fetch(`${meta.url}/v25.0/1234/events${query}`, { method: 'POST', headers: { 'content-type': contentType }, body })).status
  t.equal(await send('', form, type), 200)
  t.equal(await send('?access_token=token', JSON.stringify({ data: [event()] }), 'application/json'), 200)
  t.match(
    meta.requests().map((request) => request.tokenVia),
    ['body', 'query'],
  )
})

t.test('Tokens, datasets and versions are checked', async (t) => {
  const meta = await start(t, {
    datasets: [
      { id: '1234', tokens: ['token'] },
      { id: '5678', tokens: ['other'] },
    ],
  })
  const data = [event()]
  t.match(await post(meta, { data }, { token: 'stranger' }), { status: 401, json: { error: { code: 190 } } })
  t.match(await post(meta, { data }, { path: '/v26.0/5678/events' }), { status: 400, json: { error: { code: 100, error_subcode: 33 } } })
  t.match((await post(meta, { data }, { path: '/v99.0/1234/events' })).json.error, { code: 2500 })
  t.match((await post(meta, { data }, { path: '/v20.0/1234/events' })).json.error, { code: 2635 })
  t.match((await post(meta, { data }, { path: '/1234/events' })).json.error, { code: 2500 })
  meta.breakToken({ token: 'token', subcode: 463 })
  t.match(await post(meta, { data }), { status: 401, json: { error: { code: 190, error_subcode: 463 } } })
  meta.mendToken({ token: 'token' })
  t.equal((await post(meta, { data })).status, 200)

  const get = async (path: string) => (await fetch(`${meta.url}${path}`)).json()
  t.strictSame(await get('/v26.0/1234?fields=id,name&access_token=token'), { id: '1234', name: 'Dataset 1234' })
  t.match(await get('/v26.0/5678?fields=id,name&access_token=token'), { error: { code: 100, error_subcode: 33 } })
  t.match(await get('/debug_token?input_token=token&access_token=1|secret'), { data: { is_valid: true } })
  t.match(await get('/v26.0/debug_token?input_token=stranger&access_token=1|secret'), { data: { is_valid: false } })
})

t.test('What Meta takes and does not count is told apart', async (t) => {
  const meta = await start(t)
  const data = [
    event({ action_source: 'other' }),
    event({ event_id: '2', event_name: 'B', custom_data: { lead_event_source: 'HubSpot' } }),
    event({ event_id: '3', event_name: 'C', custom_data: { event_source: 'crm' } }),
    event({ event_id: '4', event_name: 'D' }),
  ]
  t.equal((await post(meta, { data })).json.events_received, 4)
  t.match(meta.summary().datasets['1234'], {
    received: 4,
    counted: 1,
    notCounted: {
      'action_source is not system_generated': 1,
      'custom_data.event_source is not crm': 1,
      'custom_data.lead_event_source is missing': 1,
    },
    bySource: { HubSpot: 3, '': 1 },
  })
})

t.test('With the leads known, strange lead ids are refused and events before their lead do not count', async (t) => {
  const meta = await start(t)
  meta.addLead({ id: '123456789012345', generatedAt: now - 30_000 })
  t.match((await post(meta, { data: [withUser({ lead_id: '123456789012346' })] })).json.error, { code: 100 })
  t.equal((await post(meta, { data: [event(), event({ event_id: '2', event_name: 'B', event_time: seconds - 30 })] })).status, 200)
  t.match(meta.summary().datasets['1234'], { received: 2, counted: 1, notCounted: { 'event_time lies before the lead': 1 } })
})

t.test('Doubles and wrong order are noticed for each dataset by itself', async (t) => {
  const meta = await start(t, {
    datasets: [
      { id: '1234', tokens: ['token'] },
      { id: '5678', tokens: ['token'] },
    ],
  })
  await post(meta, { data: [event()] })
  await post(meta, { data: [event()] }, { path: '/v26.0/5678/events' })
  t.match(meta.summary().datasets, { 1234: { doubled: 0 }, 5678: { doubled: 0 } })
  await post(meta, { data: [event()] })
  await post(meta, { data: [event({ event_id: 'event-2' })] })
  await post(meta, { data: [event({ event_name: 'Other' })] })
  await post(meta, { data: [event({ event_id: 'event-3', event_name: 'Raw Lead', event_time: seconds - 90 })] })
  await post(meta, { data: [event({ event_id: 'event-4', user_data: { em: sha256('other') }, event_time: seconds - 90 })] })
  t.match(meta.summary().datasets, {
    1234: { received: 6, doubled: 3, doubledById: 2, doubledByLead: 2, distinct: 4, distinctEventIds: 4, outOfOrder: 1, leads: 2 },
    5678: { received: 1, doubled: 0 },
  })
  meta.reset()
  t.strictSame(meta.summary(), { requests: { accepted: 0, refused: 0, misbehaved: 0 }, datasets: {} })
})

t.test('Errors come on demand and for as long as asked', async (t) => {
  const meta = await start(t)
  const data = [event()]
  meta.fail({ code: 80004, minutes: 5, times: 2 })
  for (const _ of [1, 2]) {
    const throttled = await post(meta, { data })
    t.match(throttled, { status: 400, json: { error: { code: 80004 } } })
    const usage = JSON.parse(throttled.headers.get('x-business-use-case-usage') ?? '{}')
    t.match(Object.values(usage)[0], [{ estimated_time_to_regain_access: 5 }])
  }
  meta.fail({ code: 2 })
  t.match(await post(meta, { data }), { status: 500, json: { error: { code: 2, is_transient: true } } })
  meta.fail({ code: 200, message: 'Permissions error' })
  t.match(await post(meta, { data }), { status: 403, json: { error: { code: 200 } } })
  meta.misbehave({ how: 'answer', status: 502, headers: { 'content-type': 'text/html' }, text: '<html>Bad Gateway</html>' })
  t.match(await post(meta, { data }), { status: 502, text: /^<html>/ })
  meta.misbehave({ how: 'answer', status: 200, text: '' })
  t.match(await post(meta, { data }), { status: 200, text: '' })
  t.strictSame(meta.summary(), { requests: { accepted: 0, refused: 0, misbehaved: 6 }, datasets: {} }, 'nothing was taken')
  t.match(meta.requests().at(-2), { outcome: 'misbehaved', status: 502, eventIds: ['event-1'] })
  t.equal((await post(meta, { data })).status, 200)
})

t.test('A connection cut after the work is done has the work done', async (t) => {
  const meta = await start(t)
  meta.misbehave({ how: 'drop' })
  await t.rejects(post(meta, { data: [event()] }))
  t.equal(meta.events().length, 0)
  meta.misbehave({ how: 'drop', handled: true })
  await t.rejects(post(meta, { data: [event()] }))
  t.equal(meta.events().length, 1)
  meta.misbehave({ how: 'cut' })
  await t.rejects(post(meta, { data: [event()] }))
  t.equal(meta.events().length, 2)
})

t.test('Silence lasts until the client gives up, and does not hold up closing', async (t) => {
  const meta = await start(t)
  meta.misbehave({ how: 'silence', times: 0 })
  const controller = new AbortController()
  const waiting = fetch(`${meta.url}/v26.0/1234/events`, { method: 'POST', body: '{}', signal: controller.signal })
  const other = fetch(`${meta.url}/v26.0/1234/events`, { method: 'POST', body: '{}' })
  controller.abort()
  await t.rejects(waiting, { name: 'AbortError' })
  await Promise.all([meta.close(), t.rejects(other)])
})

t.test('A short count loses the last events of the request', async (t) => {
  const meta = await start(t)
  meta.misbehave({ how: 'short', lose: 2 })
  const data = ['1', '2', '3'].map((event_id) => event({ event_id, event_name: event_id }))
  t.equal((await post(meta, { data })).json.events_received, 1)
  t.match(
    meta.events().map((received) => received.eventId),
    ['1'],
  )
})

t.test('A poisoned event sinks every batch that holds it', async (t) => {
  const meta = await start(t)
  meta.poison({ eventId: 'bad', code: 100, subcode: 2804019 })
  const bad = event({ event_id: 'bad' })
  t.match((await post(meta, { data: [event(), bad] })).json.error, { code: 100, error_subcode: 2804019 })
  t.match((await post(meta, { data: [bad] })).json.error, { code: 100 })
  t.equal((await post(meta, { data: [event()] })).status, 200)
  meta.behave()
  t.equal((await post(meta, { data: [bad] })).status, 200)
})

t.test('As a process of its own it is driven over HTTP', async (t) => {
  const child = await startChild('meta', { datasets: [{ id: '1234', tokens: ['token'] }] })
  t.teardown(child.close)
  const data = [event({ event_time: Math.floor(Date.now() / 1000) })]
  await child.control('fail', { code: 4 })
  t.equal((await post(child, { data })).status, 400)
  t.equal((await post(child, { data })).status, 200)
  t.match(await child.control('summary'), { requests: { accepted: 1, refused: 0, misbehaved: 1 }, datasets: { 1234: { received: 1 } } })
  t.match(await child.control('events'), [{ leadId: '123456789012345', body: { user_data: { lead_id: '123456789012345' } } }])
  t.match(await child.control('addDataset', [{ id: '5', tokens: ['t'] }]), [{}])
  await t.rejects(child.control('nonsense'), /no such command/)
})
