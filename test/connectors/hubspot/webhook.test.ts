import t from 'tap'
import { parse, verify } from '../../../connectors/hubspot/webhook.ts'
import { app, signedWebhook } from './request.ts'

const base = { eventId: 1, subscriptionId: 2, portalId: 3003003, appId: 4004, occurredAt: 1_790_000_000_000, attemptNumber: 0 }
const stageChange = {
  ...base,
  subscriptionType: 'object.propertyChange',
  objectId: 5005,
  objectTypeId: '0-1',
  propertyName: 'lifecyclestage',
  propertyValue: 'customer',
  changeSource: 'CRM_UI',
  sourceId: 'userId:606',
}
const read = (body: unknown) => parse(signedWebhook(typeof body === 'string' ? body : JSON.stringify(body)), app)

t.test('the rungs of the ladder are climbed in order, each with its status', async (t) => {
  const signed = signedWebhook('[]')
  t.same(verify(signed, app), { ok: true })
  t.match(verify({ ...signed, method: 'GET', headers: {} }, app), { ok: false, status: 405, code: 'method_not_allowed' })
  t.match(verify({ ...signed, headers: { 'content-type': 'text/plain' } }, app), { ok: false, status: 415, code: 'not_json' })
  t.match(verify({ ...signed, headers: { 'content-type': 'application/json' } }, app), {
    ok: false,
    status: 400,
    code: 'signature_missing',
  })
  t.match(verify({ ...signed, receivedAt: signed.receivedAt + 600_000 }, app), { ok: false, status: 401, code: 'signature_stale' })
  t.match(verify({ ...signed, body: Buffer.from('[1]') }, app), { ok: false, status: 401, code: 'signature_wrong' })
})

t.test('what HubSpot signs for a page is no webhook: whoever is at the page chooses its address and its body', async (t) => {
  const target = '/webhooks/hubspot?userId=1&portalId=77&userEmail=eve%40example.com&appId=4004'
  const fetched = signedWebhook(JSON.stringify({ ...base, subscriptionType: 'contact.privacyDeletion', objectId: 5005 }), {}, target)
  t.match(verify(fetched, app), { ok: false, status: 401, code: 'not_a_webhook' })
})

t.test('JSON may carry parameters, and nothing else passes for it', async (t) => {
  const judge = (type: string | undefined) => {
    const signed = signedWebhook('[]')
    return verify({ ...signed, headers: { ...signed.headers, 'content-type': type } }, app)
  }
  for (const type of ['application/json', 'application/json;charset=UTF-8', 'Application/JSON ; charset=utf-8']) t.ok(judge(type).ok, type)
  for (const type of [
    undefined,
    '',
    'text/json',
    'application/jsonp',
    'application/json, text/plain',
    'application/json, application/json',
  ])
    t.match(judge(type), { ok: false, status: 415 }, String(type))
})

t.test('each event becomes a change of its portal, with no more than is used', async (t) => {
  const { changes, unreadable, ignored } = read([
    stageChange,
    { ...stageChange, portalId: 77, objectId: 6, objectTypeId: '0-3', propertyName: 'dealstage' },
  ])
  t.same([unreadable, ignored], [0, 0])
  t.same(changes, [
    {
      account: '3003003',
      body: {
        subscriptionType: 'object.propertyChange',
        occurredAt: 1_790_000_000_000,
        objectId: '5005',
        objectTypeId: '0-1',
        propertyName: 'lifecyclestage',
        propertyValue: 'customer',
      },
    },
    {
      account: '77',
      body: {
        subscriptionType: 'object.propertyChange',
        occurredAt: 1_790_000_000_000,
        objectId: '6',
        objectTypeId: '0-3',
        propertyName: 'dealstage',
        propertyValue: 'customer',
      },
    },
  ])
})

t.test('values of properties that are no stages are not kept', async (t) => {
  const { changes } = read([{ ...stageChange, propertyName: 'email', propertyValue: 'ana@example.com' }])
  t.equal(changes.length, 1)
  t.notMatch(JSON.stringify(changes), /ana@example/)
})

t.test('a hundred and fifty events in one body all arrive', async (t) => {
  const events = Array.from({ length: 150 }, (_, index) => ({ ...stageChange, objectId: 1000 + index }))
  t.equal(read(events).changes.length, 150)
})

t.test('a single event without an array is read as well', async (t) => {
  t.equal(read(stageChange).changes.length, 1)
})

t.test('ids beyond 2^53 keep all digits', async (t) => {
  const body = JSON.stringify([stageChange]).replace('5005', '9223372036854775807').replace('3003003', '9007199254740993')
  t.match(read(body).changes, [{ account: '9007199254740993', body: { objectId: '9223372036854775807' } }])
})

t.test('what means nothing here is ignored and counted, never an error', async (t) => {
  const { changes, unreadable, ignored } = read([
    { ...stageChange, appId: 9999 },
    { ...base, subscriptionType: 'conversation.newMessage', objectId: 1 },
    { ...base, subscriptionType: 'company.creation', objectId: 1 },
    { ...base, subscriptionType: 'event.completed', objectId: 1 },
    { ...base, subscriptionType: 'something.unheard.of', objectId: 1 },
    { ...base, subscriptionType: '', objectId: 1 },
    { ...stageChange, objectTypeId: '2-12345' },
    { ...stageChange, propertyValue: '' },
    { ...stageChange, propertyValue: undefined },
    { ...stageChange, propertyValue: 'REDACTED' },
    { ...stageChange, propertyValue: 'customer', isSensitive: true },
    { ...stageChange, objectTypeId: '0-3', propertyName: 'amount', propertyValue: '5' },
  ])
  t.same({ changes, unreadable, ignored }, { changes: [], unreadable: 0, ignored: 12 })
})

t.test('an event without an app id is taken for ours: the signature has proven it', async (t) => {
  t.equal(read([{ ...stageChange, appId: undefined }]).changes.length, 1)
})

t.test('what cannot be read is counted and does not cost its neighbours', async (t) => {
  const broken = [
    null,
    7,
    'text',
    [],
    {},
    { ...stageChange, portalId: undefined },
    { ...stageChange, portalId: 'portal' },
    { ...stageChange, portalId: 1.5 },
    { ...stageChange, portalId: -1 },
    { ...stageChange, objectId: 'x' },
    { ...stageChange, objectId: {} },
    { ...stageChange, occurredAt: 'yesterday' },
    { ...stageChange, occurredAt: undefined },
    { ...stageChange, subscriptionType: 7 },
  ]
  const { changes, unreadable } = read([...broken, stageChange])
  t.equal(unreadable, broken.length)
  t.equal(changes.length, 1)
})

t.test('a body that is not JSON is one unreadable thing', async (t) => {
  for (const body of ['', '[', '[{"a":1}', 'not json', '\u0000', '[{"objectId":12345678901234567,}]'])
    t.same(read(body), { changes: [], unreadable: 1, ignored: 0 }, JSON.stringify(body))
})

t.test('hostile JSON does no harm', async (t) => {
  const polluting = JSON.stringify([stageChange]).replace(
    '{',
    '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"big":12345678901234567,',
  )
  t.equal(read(polluting).changes.length, 1)
  t.equal(({} as Record<string, unknown>).polluted, undefined)
  t.equal(read('{"__proto__":{"portalId":1,"subscriptionType":"contact.creation","objectId":1,"occurredAt":1}}').unreadable, 1)

  const unprintable = { toString: 1, valueOf: 1 }
  for (const name of Object.keys(stageChange)) t.doesNotThrow(() => read([{ ...stageChange, [name]: unprintable }]), name)

  const deep = '['.repeat(100_000) + ']'.repeat(100_000)
  t.match(read(deep), { changes: [], unreadable: 1 })
  t.match(read(`${'[1234567890123456,'.repeat(100_000)}1${']'.repeat(100_000)}`), { changes: [] })
  t.equal(read(JSON.stringify([stageChange]).replace('"userId:606"', deep)).changes.length, 1)
})
