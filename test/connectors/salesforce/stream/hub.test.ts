import t from 'tap'
import { CodedError } from '../../../../connectors/errors.ts'
import { manyFields } from '../../../simulators/salesforce/avro-schema.ts'
import { createOrg, eventually, leadId, open, start } from './follow.ts'

t.test('changes come with their values, and the position follows what is complete', async (t) => {
  const { bus, org, follow } = await start(t, { keepaliveMs: 40 })
  const stream = follow({ ruleFields: ['LeadSource'] })
  await eventually(() => open(bus) === 1)
  org.values[`${leadId(1)}.Meta_Lead_ID__c`] = '1234567890123456'
  const first = org.log({ recordIds: [leadId(1)] })
  await stream.until(() => stream.changes().length === 1)
  t.match(
    stream.batches.find(({ changes }) => changes.length > 0),
    {
      changes: [
        {
          kind: 'event',
          entity: 'Lead',
          ids: [leadId(1)],
          type: 'UPDATE',
          changed: ['Status', 'LastModifiedDate'],
          fields: { Status: 'Working' },
          identity: { metaLeadId: '1234567890123456' },
        },
      ],
    },
  )
  await stream.until(() => stream.position() === first)
  t.equal(stream.missed(), 0)
  t.ok(stream.standings.includes('open'))
  await stream.stop()
  await eventually(() => open(bus) === 0)
  t.equal(open(bus), 0, 'the stream is let go of')
})

t.test('a stream goes on where it was kept, and without a position from now on', async (t) => {
  const { org, follow, bus } = await start(t, { keepaliveMs: 40 })
  const ids = [1, 2, 3].map((number) => org.log({ recordIds: [leadId(number)] }))
  const behind = follow({ position: ids[0] })
  await behind.until(() => behind.ids().length === 2)
  t.same(behind.ids(), [leadId(2), leadId(3)])
  const fresh = follow()
  await eventually(() => open(bus) === 2)
  org.log({ recordIds: [leadId(4)] })
  await fresh.until(() => fresh.ids().length === 1)
  t.same(fresh.ids(), [leadId(4)])
})

t.test('a thousand changes all come once and in order while commits are slow, with no more than is bearable in hand', async (t) => {
  const { org, follow } = await start(t)
  const oldest = org.log()
  for (let number = 0; number < 3_000; number++) org.log({ recordIds: [leadId(number)] })
  let inHand = 0
  let most = 0
  const stream = follow({
    position: oldest,
    async keep({ changes }) {
      inHand += changes.length
      most = Math.max(most, inHand)
      await new Promise((resolve) => setTimeout(resolve, 20))
      inHand -= changes.length
    },
  })
  await stream.until(() => stream.ids().length === 3_000)
  t.same(
    stream.ids(),
    Array.from({ length: 3_000 }, (_, number) => leadId(number)),
  )
  t.ok(most > 100, 'more is asked for before what came is kept')
  t.ok(most <= 1_200, `at most ${most} were not kept`)
})

t.test('records told of under one replay id are complete only when another id follows', async (t) => {
  const { org, follow } = await start(t)
  const before = org.log({ recordIds: [leadId(1)] })
  const many = Array.from({ length: 250 }, (_, number) => leadId(1_000 + number))
  const shared = org.log({ recordIds: many })
  org.log({ recordIds: [leadId(2)] })
  const stream = follow({ position: before })
  await stream.until(() => stream.ids().length === 251)
  t.same(stream.ids(), [...many, leadId(2)])
  const positions = stream.batches.flatMap(({ position }) => position ?? [])
  t.same(positions, [shared], 'never in between')
  t.equal(stream.changes()[249]?.together, 250)
  t.equal(stream.changes()[250]?.together, undefined)
})

const ends = ['ok', 'service.unavailable', 'service.internal', 'reset', 'cancelled', 'service.auth.refresh.invalid'] as const
for (const how of ends)
  t.test(`after an end of the stream (${how}) it goes on, and nothing is lost or doubled`, async (t) => {
    const { bus, org, follow } = await start(t)
    const stream = follow({ position: org.log() })
    await eventually(() => open(bus) === 1)
    for (let number = 0; number < 5; number++) org.log({ recordIds: [leadId(number)] })
    await stream.until(() => stream.ids().length === 5)
    bus.end({ how })
    for (let number = 5; number < 10; number++) org.log({ recordIds: [leadId(number)] })
    await stream.until(() => stream.ids().length >= 10)
    t.same(
      stream.ids(),
      Array.from({ length: 10 }, (_, number) => leadId(number)),
    )
    t.equal(stream.missed(), 0)
  })

t.test('after a break of all connections every stream comes back and goes on', async (t) => {
  const orgs = Array.from({ length: 20 }, (_, number) => createOrg(`00DAk0000${String(number).padStart(6, '0')}MAC`))
  const { bus, follow } = await start(t, { orgs })
  const streams = orgs.map((org) => follow({ org, position: org.log() }))
  await eventually(() => open(bus) === 20)
  for (const org of orgs) org.log({ recordIds: [leadId(1)] })
  for (const stream of streams) await stream.until(() => stream.ids().length === 1)
  await bus.cut({ downMs: 50 })
  for (const org of orgs) org.log({ recordIds: [leadId(2)] })
  for (const stream of streams) await stream.until(() => stream.ids().length >= 2)
  for (const stream of streams) t.same(stream.ids(), [leadId(1), leadId(2)])
  t.ok(bus.counts().connections <= 2, 'they share a connection, and short questions have another')
})

t.test('what has no position yet and breaks has missed something', async (t) => {
  const { bus, org, follow } = await start(t, { keepaliveMs: 40 })
  bus.refuse({ method: 'Subscribe', how: 'service.unavailable', times: 1 })
  const stream = follow()
  await stream.until(() => stream.position() !== undefined)
  t.equal(stream.missed(), 1)
  org.log()
  await stream.until(() => stream.ids().length === 1)
  t.equal(stream.missed(), 1, 'it is said once')
})

t.test('a first change that came alone is a position, but not a complete one', async (t) => {
  const { bus, org, follow } = await start(t)
  const first = follow()
  await eventually(() => open(bus) === 1)
  const id = org.log({ recordIds: [leadId(1)] })
  await first.until(() => first.ids().length === 1)
  t.equal(first.position(), `${id}+`)
  await first.stop()
  org.log({ recordIds: [leadId(2)] })
  const again = follow({ position: first.position() })
  await again.until(() => again.ids().length === 1)
  t.same(again.ids(), [leadId(2)], 'nothing in between is lost')
  t.equal(again.missed(), 1, 'more may have come under the same id')
})

for (const [name, spoil] of [
  ['that has expired', (position: string) => position],
  ['that is damaged', () => 'ffff'],
  ['that is none', () => 'nonsense'],
] as const)
  t.test(`with a position ${name} all that is kept is read, and the history is called for`, async (t) => {
    const { bus, org, follow } = await start(t)
    const position = org.log({ recordIds: [leadId(1)] })
    if (name === 'that has expired') {
      bus.expire({ orgId: org.id })
      org.log({ recordIds: [leadId(1)] })
    }
    const last = org.log({ recordIds: [leadId(2)] })
    org.log({ recordIds: [leadId(3)] })
    const stream = follow({ position: spoil(position) })
    await stream.until(() => stream.ids().length === 3)
    t.same(stream.ids(), [leadId(1), leadId(2), leadId(3)])
    t.equal(stream.missed(), 1)
    t.ok(stream.batches[0]?.missed, 'kept together with the first changes')
    t.equal(stream.position(), last)
  })

t.test('where every position is refused, it is tried again less and less often, and said', async (t) => {
  const { bus, org, follow } = await start(t)
  bus.refuse({ method: 'Subscribe', how: 'subscription.fetch.replayid.corrupted', times: 0 })
  const stream = follow({ position: org.log({ recordIds: [leadId(1)] }) })
  await stream.until(() => stream.standings.length === 4)
  t.match(stream.standings, [{ code: 'stream_position_lost' }])
  const { subscribes } = bus.counts()
  t.ok(subscribes <= 6, 'no more often than it waited')
  bus.refuse({ method: 'Subscribe', how: 'subscription.fetch.replayid.corrupted', times: -1 })
  await stream.until(() => stream.ids().length === 1)
  t.equal(stream.missed(), 1)
})

t.test('a refused token is replaced once, and the second refusal is told', async (t) => {
  const { org, follow } = await start(t)
  org.tokens.clear()
  org.tokens.add('token-2')
  const refused: string[] = []
  const renewed = async (token: string) => {
    refused.push(token)
    return { token: 'token-2', apiUrl: 'https://acme.my.salesforce.com' }
  }
  const position = org.log()
  org.log({ recordIds: [leadId(1)] })
  const current = async () => ({ token: refused.length > 0 ? 'token-2' : 'token-1', apiUrl: 'https://acme.my.salesforce.com' })
  const stream = follow({ position, access: { instead: renewed, current } })
  await stream.until(() => stream.ids().length === 1)
  t.same(refused, ['token-1'])
  await stream.stop()

  org.tokens.clear()
  const broken = follow({ position, access: { instead: renewed } })
  await t.rejects(broken.ended, { code: 'stream_unauthorised', scope: 'connection' })
  await t.rejects(follow({ position }).ended, { code: 'stream_unauthorised' }, 'a token that was renewed a moment ago is not renewed again')
})

t.test('a stream outlives its token: schemas are asked for with the one of the day', async (t) => {
  const { bus, org, follow } = await start(t)
  let token = 'token-1'
  const access = { current: async () => ({ token, apiUrl: 'https://acme.my.salesforce.com' }) }
  const stream = follow({ position: org.log(), access })
  await eventually(() => open(bus) === 1)
  org.tokens.add('token-2')
  token = 'token-2'
  org.log({ recordIds: [leadId(1)] })
  await stream.until(() => stream.ids().length === 1)
  t.equal(open(bus), 1)
})

const refusals = [
  { how: 'subscription.limit.exceeded', code: 'stream_allocation_used_up' },
  { how: 'not-found', code: 'stream_missing' },
  { how: 'no-permission', code: 'stream_not_allowed' },
] as const
for (const { how, code } of refusals)
  t.test(`a stream that is refused (${how}) says what an admin can do`, async (t) => {
    const { bus, follow } = await start(t)
    bus.refuse({ method: 'Subscribe', how, times: 0 })
    const error = await follow().ended.then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    t.type(error, CodedError)
    t.match(error, { code, scope: 'connection', retry: { afterMs: Number } })
  })

t.test('a refusal that nobody has heard of is tried again; who may not subscribe is told after a while', async (t) => {
  const { bus, org, follow } = await start(t)
  bus.refuse({ method: 'Subscribe', how: 'bad-request', times: 2 })
  const position = org.log()
  org.log({ recordIds: [leadId(1)] })
  const stream = follow({ position })
  await stream.until(() => stream.ids().length === 1)
  t.match(stream.standings, [{ code: 'stream_unavailable' }, 'open'])

  bus.refuse({ method: 'Subscribe', how: 'bad-request', times: 0 })
  org.views.splice(0)
  await t.rejects(follow({ position, settings: { channel: '/data/LeadChangeEvent' } }).ended, { code: 'stream_not_allowed' })
  await t.rejects(follow({ position, settings: { channel: '/data/Gone__chn' } }).ended, { code: 'stream_missing' })
})

t.test('a silent stream is opened again', async (t) => {
  const { bus, org, follow } = await start(t, { times: { silence: 100 } })
  const stream = follow({ position: org.log() })
  await eventually(() => open(bus) === 1)
  bus.silence({ on: true })
  org.log({ recordIds: [leadId(1)] })
  await eventually(() => bus.counts().subscribes > 2)
  bus.silence({ on: false })
  await stream.until(() => stream.ids().length > 0)
  t.same(stream.ids(), [leadId(1)])
})

t.test('schemas are fetched once, kept, and changed in mid-stream', async (t) => {
  const { bus, org, follow } = await start(t)
  const position = org.log({ recordIds: [leadId(0)] })
  for (let number = 1; number <= 50; number++) org.log({ recordIds: [leadId(number)] })
  org.fields.Lead = manyFields('Lead', 120, 'new')
  for (let number = 51; number <= 100; number++) org.log({ recordIds: [leadId(number)] })
  const [one, two] = [follow({ position }), follow({ position })]
  for (const stream of [one, two]) await stream.until(() => stream.ids().length === 100)
  t.equal(bus.counts().getSchema, 2, 'for both streams')
  t.ok(two.changes().every(({ fields }) => fields.Status === 'Working'))
  const kept = new Map([...one.schemas, ...two.schemas])
  t.equal(kept.size, 2)

  const again = await start(t, { orgs: [org] })
  const later = again.follow({ position, schemas: kept })
  await later.until(() => later.ids().length === 100)
  t.equal(again.bus.counts().getSchema, 0, 'not again by another process')
})

t.test('a schema that cannot be had now is waited for; events that nobody can read are history to be read', async (t) => {
  const { bus, org, follow } = await start(t)
  bus.refuse({ method: 'GetSchema', how: 'service.unavailable', times: 2 })
  const position = org.log()
  org.log({ recordIds: [leadId(1)] })
  const stream = follow({ position })
  await stream.until(() => stream.ids().length === 1)
  t.equal(stream.missed(), 0)
  t.equal(bus.counts().subscribes, 1, 'events are not delivered again for it')

  bus.corrupt({ events: 1 })
  org.log({ recordIds: [leadId(2)] })
  org.log({ recordIds: [leadId(3)] })
  await stream.until(() => stream.ids().length === 2)
  t.same(stream.ids(), [leadId(1), leadId(3)])
  t.equal(stream.missed(), 1)

  org.fields.Lead = manyFields('Lead', 60, 'secret')
  bus.refuse({ method: 'GetSchema', how: 'not-found', times: 1 })
  org.log({ recordIds: [leadId(4)] })
  org.fields.Lead = manyFields('Lead', 61, 'known')
  org.log({ recordIds: [leadId(5)] })
  await stream.until(() => stream.ids().includes(leadId(5)))
  t.equal(stream.missed(), 2)
})

t.test('a schema that cannot be had for long lets the stream begin again, and nothing is lost', async (t) => {
  const { bus, org, follow } = await start(t, { times: { backOff: 1 } })
  bus.refuse({ method: 'GetSchema', how: 'service.internal', times: 0 })
  const position = org.log()
  org.log({ recordIds: [leadId(1)] })
  const stream = follow({ position })
  await eventually(() => bus.counts().subscribes > 1)
  bus.refuse({ method: 'GetSchema', how: 'service.internal', times: -1 })
  await stream.until(() => stream.ids().length > 0)
  t.same(stream.ids(), [leadId(1)])
})

t.test('overflows and wildcards are history to be read', async (t) => {
  const { org, follow } = await start(t)
  const stream = follow({ position: org.log() })
  org.log({ recordIds: ['000000000000000AAA'], changeType: 'GAP_OVERFLOW', changedFields: [], values: {} })
  await stream.until(() => stream.changes().length === 1)
  t.equal(stream.missed(), 1)
  org.log({ recordIds: ['00Q*'], changeType: 'GAP_UPDATE', changedFields: [], values: {} })
  await stream.until(() => stream.changes().length === 2)
  t.equal(stream.missed(), 2)
  org.log({ recordIds: [leadId(1)], changeType: 'GAP_UPDATE', changedFields: [], values: {} })
  await stream.until(() => stream.changes().length === 3)
  t.equal(stream.missed(), 2)
})

t.test('events that come twice in one stream are kept once', async (t) => {
  const { bus, org, follow } = await start(t)
  const position = org.log()
  bus.duplicate({ events: 3 })
  for (let number = 0; number < 5; number++) org.log({ recordIds: [leadId(number)] })
  const stream = follow({ position })
  await stream.until(() => stream.ids().includes(leadId(4)))
  t.same(stream.ids(), [0, 1, 2, 3, 4].map(leadId))
})

t.test('what cannot be kept ends the stream with that error, and nothing after it is kept', async (t) => {
  const { org, follow } = await start(t)
  const position = org.log()
  for (let number = 0; number < 500; number++) org.log({ recordIds: [leadId(number)] })
  const full = new CodedError({ code: 'disk_full', retry: 'later', scope: 'connection', userText: 'The disk is full.' })
  let given = 0
  const stream = follow({
    position,
    async keep() {
      given += 1
      await new Promise((resolve) => setTimeout(resolve, 5))
      if (given > 1) throw full
    },
  })
  await t.rejects(stream.ended, full)
  const until = given
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.equal(given, until)
})

t.test('an idle stream moves its position with signs of life', async (t) => {
  const { org, follow } = await start(t, { keepaliveMs: 20 })
  const position = org.log()
  const stream = follow({ position })
  const other = org.log({ entity: 'Opportunity', changedFields: [], values: {} })
  await stream.until(() => stream.position() === other)
  t.equal(stream.changes().length, 1)
})

t.test('a stream that asks for nothing because it cannot keep up is opened again', async (t) => {
  const { bus, org, follow } = await start(t, { unaskedMs: 50 })
  const position = org.log()
  for (let number = 0; number < 2_000; number++) org.log({ recordIds: [leadId(number)] })
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const stream = follow({ position, keep: () => held })
  await eventually(() => open(bus) === 0 && bus.counts().subscribes === 1)
  release()
  await stream.until(() => stream.ids().length >= 2_000)
  t.same(
    stream.ids(),
    Array.from({ length: 2_000 }, (_, number) => leadId(number)),
  )
})

t.test('no connection carries more streams than a server takes, and one that nobody uses is closed', async (t) => {
  const { bus, follow } = await start(t)
  const streams = Array.from({ length: 905 }, () => follow())
  await eventually(() => open(bus) === 905)
  t.equal(open(bus), 905)
  t.equal(bus.counts().connections, 2)
  await Promise.all(streams.slice(-5).map((stream) => stream.stop()))
  await eventually(() => bus.counts().connections === 1)
  t.equal(bus.counts().connections, 1)
  t.equal(open(bus), 900)
})

t.test('a hub dials nobody before it follows, and speaks in the clear with this machine only', async (t) => {
  const { bus, follow } = await start(t, { streamUrl: 'http://stream.example:7443' })
  t.equal(bus.counts().connections, 0)
  await t.rejects(follow().ended, { code: 'insecure_stream', retry: 'never' })
})
