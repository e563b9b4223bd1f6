import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { manyFields, standardFields } from './avro-schema.ts'
import { type ChangeLog, createChangeLog, type Entity, type OrgChange } from './change-log.ts'
import { fieldBitmaps } from './field-bitmaps.ts'
import { type PubSub, type PubSubOptions, startPubSub } from './pubsub.ts'
import type { PubSubOrg, StreamUser } from './pubsub-org.ts'
import { connectPeer, type Peer } from './pubsub-peer.ts'
import { selfSigned } from './self-signed.ts'

const orgId = '00DAk000001TestMAC'
const channel = '/data/Meta_Connector__chn'
const usual = { accesstoken: 'good', instanceurl: 'https://acme.my.salesforce.com', tenantid: orgId }
const NONE = { code: 0, errorCode: undefined }

interface Bus {
  bus: PubSub
  peer: Peer
  log: ChangeLog
  org: PubSubOrg
  user: { views: Entity[]; hides: string[] }
  current: Record<string, unknown>
  /** Lists of fields from now on. */
  fields: { Lead: ReturnType<typeof standardFields>; Opportunity: ReturnType<typeof standardFields> }
  clock: { now: number }
  /** Logs the update of a lead's status. */
  update(status?: string, given?: Partial<OrgChange>): void
}

async function start(t: Test, options: Partial<PubSubOptions> & { enriched?: string[] } = {}): Promise<Bus> {
  const user = { views: ['Lead', 'Opportunity'] as Entity[], hides: [] as string[] }
  const speaker: StreamUser = { id: '005', viewsAll: (entity) => user.views.includes(entity), hidden: () => user.hides }
  const fields = { Lead: standardFields('Lead'), Opportunity: standardFields('Opportunity') }
  const clock = { now: Date.now() }
  const log = createChangeLog({ fields: (entity) => fields[entity], clock: () => clock.now })
  const current: Record<string, unknown> = {}
  const { enriched = [] } = options
  const org: PubSubOrg = {
    id: orgId,
    changeLog: log,
    channels: () => [
      {
        name: channel,
        members: [
          { entity: 'Lead', enriched },
          { entity: 'Opportunity', enriched },
        ],
      },
    ],
    authorise: (token) => (token === 'good' ? speaker : undefined),
    current: (_entity, recordId, field) => current[`${recordId}.${field}`],
    deliveries: { used: 0, max: 25_000 },
  }
  const bus = await startPubSub({ org: (id) => (id === orgId ? org : undefined), ...options })
  t.teardown(bus.close)
  let updates = 0
  const update: Bus['update'] = (status = 'Working', given = {}) => {
    updates += 1
    bus.log({
      orgId,
      entity: 'Lead',
      recordIds: [`00QAk00000${String(updates).padStart(5, '0')}AAA`],
      changeType: 'UPDATE',
      changedFields: ['Status', 'LastModifiedDate'],
      values: { Status: status, LastModifiedDate: 1_795_000_000_000 },
      ...given,
    })
  }
  return { bus, peer: connectPeer(t, bus.port, usual), log, org, user, current, fields, clock, update }
}
const latest = (numRequested: number) => ({ topicName: channel, replayPreset: 'LATEST', numRequested })
const earliest = (numRequested: number) => ({ topicName: channel, replayPreset: 'EARLIEST', numRequested })
const behind = (replayId: Buffer, numRequested: number) => ({ topicName: channel, replayPreset: 'CUSTOM', replayId, numRequested })

t.test('Field names become bitmaps over the record, with parts of compound fields in bitmaps of their own', (t) => {
  const lead = standardFields('Lead')
  t.same(
    fieldBitmaps(lead, [
      'Status',
      'IsConverted',
      'ConvertedDate',
      'ConvertedAccountId',
      'ConvertedContactId',
      'ConvertedOpportunityId',
      'LastModifiedDate',
    ]),
    ['0x08F81000'],
  )
  t.same(fieldBitmaps(lead, ['Address.Country', 'Name.LastName', 'Name.FirstName', 'Title', 'Gone__c']), ['0x04', '1-0x06', '4-0x10'])
  t.same(fieldBitmaps(lead, []), [])
  t.end()
})

t.test('Change events are what their schema says: every field, null where nothing is told, numbers beyond 2^53 whole', async (t) => {
  const { bus, peer, update } = await start(t)
  bus.log({
    orgId,
    entity: 'Lead',
    recordIds: ['00QAk000001TestAAA'],
    changeType: 'CREATE',
    commitTimestamp: 1_795_000_000_123,
    values: {
      'Name.LastName': 'Größe',
      Status: 'New',
      AnnualRevenue: 1.5,
      NumberOfEmployees: -7,
      IsConverted: false,
      CreatedDate: 1_795_000_000_000,
    },
  })
  update('Working', { changedFields: ['Status', 'Email'], nulledFields: ['Email'], values: { Status: 'Working', Email: null } })
  bus.log({ orgId, entity: 'Lead', recordIds: ['00Q*'], changeType: 'GAP_UPDATE' })
  bus.log({ orgId, entity: 'Opportunity', recordIds: ['000000000000000AAA'], changeType: 'GAP_OVERFLOW' })
  const stream = peer.subscribe(earliest(10))
  const events = (await Promise.all((await stream.events(4)).map(peer.decode))).flat()
  const [created, updated, gap, overflow] = events
  t.match(created?.header, { entityName: 'Lead', changeType: 'CREATE', commitTimestamp: 1_795_000_000_123n, changedFields: [] })
  t.ok((created?.header.commitNumber ?? 0n) > 2n ** 53n)
  t.match(created?.body, { Status: 'New', AnnualRevenue: 1.5, NumberOfEmployees: -7, IsConverted: false, CreatedDate: 1_795_000_000_000n })
  t.match(created?.body.Name, { LastName: 'Größe', FirstName: null })
  t.equal(created?.body.Address, null)
  t.equal(Object.keys(created?.body ?? {}).length, standardFields('Lead').length)
  t.same(updated?.header.changedFields, fieldBitmaps(standardFields('Lead'), ['Status', 'Email']))
  t.match(updated?.header, { nulledFields: fieldBitmaps(standardFields('Lead'), ['Email']), diffFields: [] })
  t.match(updated?.body, { Status: 'Working', Email: null, Company: null })
  t.match(gap?.header, { changeType: 'GAP_UPDATE', recordIds: ['00Q*'] })
  t.match(overflow?.header, { entityName: 'Opportunity', changeType: 'GAP_OVERFLOW' })
  t.equal(created?.replayId.length, 20)
  t.match(created?.replayId, /^0000.*0000$/)
  t.ok(events.every(({ replayId }, index) => index === 0 || replayId > (events[index - 1]?.replayId ?? '')))
})

t.test('No more than 100 events are owed, whatever is asked for, and none without being asked for', async (t) => {
  const { bus, peer, update } = await start(t)
  for (let index = 0; index < 250; index++) update()
  const stream = peer.subscribe(earliest(1_000))
  const first = await stream.events(100)
  t.equal(first.at(-1)?.pendingNumRequested, 0)
  t.same(bus.streams(), [{ orgId, topic: channel, pending: 0 }])
  t.equal(bus.counts().delivered, 100)
  stream.call.write({ topicName: channel, numRequested: 30 })
  await stream.events(130)
  t.equal(bus.counts().delivered, 130)
})

t.test('A client that asks for nothing is hung up on', async (t) => {
  const { peer, update } = await start(t, { unaskedMs: 5 })
  update()
  t.same(await peer.subscribe(earliest(1)).ended, NONE)
})

t.test('What cannot be asked for', async (t) => {
  const { peer } = await start(t)
  t.same(await peer.subscribe(earliest(0)).ended, { code: 3, errorCode: 'subscription.fetch.requested.events.invalid' })
  const stream = peer.subscribe(earliest(1))
  stream.call.write({ topicName: '/data/LeadChangeEvent', numRequested: 1 })
  t.match(await stream.ended, { code: 3 })
})

t.test('With nothing to tell, a stream says where it is, and can be followed again from there', async (t) => {
  const { peer, update } = await start(t, { keepaliveMs: 5 })
  update('Old')
  const idle = peer.subscribe(latest(10))
  const { events, latestReplayId, pendingNumRequested } = await idle.next()
  t.same([events, pendingNumRequested], [[], 10])
  idle.call.cancel()
  update('First')
  update('Second')
  const again = peer.subscribe(behind(latestReplayId, 10))
  const responses = await again.events(2)
  const statuses = (await Promise.all(responses.map(peer.decode))).flat().map(({ body }) => body.Status)
  t.same(statuses, ['First', 'Second'])
  const third = peer.subscribe(behind(responses[0]?.events[0]?.replayId as Buffer, 10))
  const rest = (await Promise.all((await third.events(1)).map(peer.decode))).flat()
  t.same(
    rest.map(({ body }) => body.Status),
    ['Second'],
  )
})

t.test('Replay ids end with what they point at: after 72 hours, and with those that never were', async (t) => {
  const { bus, peer, log, clock, update } = await start(t)
  update('Old')
  const old = log.replayId(log.end())
  clock.now += 71 * 3_600_000
  update('New')
  const stream = peer.subscribe(behind(old, 1))
  await stream.events(1)
  clock.now += 3_600_001
  update('Newest')
  t.equal((await peer.subscribe(earliest(10)).events(2)).length > 0, true, 'what is left can be had')
  await peer.subscribe(behind(old, 1)).events(1)
  t.pass('nothing behind the old id is lost yet')
  clock.now += 72 * 3_600_000
  update('Last')
  const expired = { code: 3, errorCode: 'subscription.fetch.replayid.validation.failed' }
  t.same(await peer.subscribe(behind(old, 1)).ended, expired)
  const corrupted = { code: 3, errorCode: 'subscription.fetch.replayid.corrupted' }
  t.same(await peer.subscribe(behind(Buffer.from('0123456789abcdef', 'hex'), 1)).ended, corrupted)
  t.same(await peer.subscribe(behind(Buffer.alloc(10, 255), 1)).ended, corrupted)
  const good = log.replayId(log.end())
  bus.expire({ orgId })
  t.same(await peer.subscribe(behind(good, 1)).ended, expired)
})

t.test('Only a token of the org that is named may subscribe or ask', async (t) => {
  const { peer } = await start(t)
  const refused = { code: 16, errorCode: 'service.auth.error' }
  for (const wrong of [{ accesstoken: 'bad' }, { tenantid: '00DAk000001OtherAA' }, { instanceurl: 'acme' }] as Record<string, string>[])
    t.same(await peer.subscribe(latest(1), wrong).ended, refused)
  await t.rejects(peer.topic(channel, { accesstoken: 'bad' }), refused)
  const stream = peer.subscribe(latest(1))
  stream.call.write({ topicName: channel, numRequested: 1, authRefresh: 'bad' })
  t.same(await stream.ended, { code: 16, errorCode: 'service.auth.refresh.invalid' })
})

t.test('A channel has to exist, and its name is case-sensitive', async (t) => {
  const { peer } = await start(t)
  t.match(await peer.subscribe({ ...latest(1), topicName: '/data/meta_connector__chn' }).ended, { code: 5 })
  await t.rejects(peer.topic('/data/Gone__chn'), { code: 5 })
  t.match(await peer.topic(channel), { topicName: channel, canSubscribe: true, canPublish: false, tenantGuid: `CORE/prod/${orgId}` })
  const { schemaId } = await peer.topic('/data/LeadChangeEvent')
  t.equal(JSON.parse(await peer.schema(String(schemaId))).name, 'LeadChangeEvent')
  await t.rejects(peer.schema('unknown'), { code: 5 })
})

t.test('Without View All, the channel of one object refuses and others withhold in silence', async (t) => {
  const { peer, bus, user, update } = await start(t)
  user.views = ['Opportunity']
  t.match(await peer.subscribe({ ...latest(1), topicName: '/data/LeadChangeEvent' }).ended, { code: 7 })
  t.match(await peer.topic('/data/LeadChangeEvent'), { canSubscribe: false })
  for (const topicName of [channel, '/data/ChangeEvents']) {
    const stream = peer.subscribe({ ...latest(1), topicName })
    await until(() => bus.streams().some(({ topic }) => topic === topicName))
    update()
    bus.log({ orgId, entity: 'Opportunity', recordIds: ['006Ak000001TestAAA'], changeType: 'DELETE' })
    const [event] = (await Promise.all((await stream.events(1)).map(peer.decode))).flat()
    t.equal(event?.header.entityName, 'Opportunity')
    stream.call.cancel()
  }
})

t.test('Fields that a user may not see are left out', async (t) => {
  const { peer, user, update } = await start(t)
  user.hides = ['Email', 'Name']
  update('Working', {
    changedFields: ['Status', 'Email', 'Name.LastName'],
    values: { Status: 'Working', Email: 'x@example.com', 'Name.LastName': 'X' },
  })
  const [event] = (await Promise.all((await peer.subscribe(earliest(1)).events(1)).map(peer.decode))).flat()
  t.match(event?.body, { Status: 'Working', Email: null, Name: null })
  t.same(event?.header.changedFields, fieldBitmaps(standardFields('Lead'), ['Status']))
})

t.test('The same change of several records is one event, or one a record under one replay id where fields are enriched', async (t) => {
  const recordIds = ['00QAk000001TestAAA', '00QAk000002TestAAA', '00QAk000003TestAAA']
  const plain = await start(t)
  plain.update('Working', { recordIds })
  const [merged] = await plain.peer.decode((await plain.peer.subscribe(earliest(5)).events(1))[0] as never)
  t.same(merged?.header.recordIds, recordIds)

  const { peer, current, update } = await start(t, { enriched: ['Meta_Lead_ID__c'] })
  current[`${recordIds[1]}.Meta_Lead_ID__c`] = '1234567890123456'
  update('Working', { recordIds })
  update('New', { changeType: 'CREATE', recordIds: recordIds.slice(0, 2), changedFields: [] })
  const stream = peer.subscribe(earliest(2))
  await stream.events(2)
  stream.call.write({ topicName: channel, numRequested: 9 })
  const responses = await stream.events(4)
  t.equal(responses[0]?.latestReplayId.toString('hex'), responses[0]?.events[1]?.replayId.toString('hex'))
  const events = (await Promise.all(responses.map(peer.decode))).flat()
  t.same(
    events.map(({ header }) => header.recordIds),
    [[recordIds[0]], [recordIds[1]], [recordIds[2]], recordIds.slice(0, 2)],
  )
  t.same(new Set(events.slice(0, 3).map(({ replayId }) => replayId)).size, 1)
  t.same(
    events.map(({ body }) => body.Meta_Lead_ID__c),
    [null, '1234567890123456', null, null],
  )
  t.notMatch(events[1]?.header.changedFields, fieldBitmaps(standardFields('Lead'), ['Meta_Lead_ID__c']))
  current[`${recordIds[0]}.Meta_Lead_ID__c`] = '7777777890123456'
  const [later] = await peer.decode((await peer.subscribe(earliest(1)).events(1))[0] as never)
  t.equal(later?.body.Meta_Lead_ID__c, '7777777890123456', 'enriched values are those of the delivery')
})

t.test('A response holds at most 3 MB, and what is above 1 MB comes as a gap', async (t) => {
  const { peer, update } = await start(t)
  const text = 'x'.repeat(900_000)
  for (let index = 0; index < 5; index++) update('Working', { changedFields: ['Description'], values: { Description: text } })
  update('Working', { changedFields: ['Description'], values: { Description: 'x'.repeat(1_100_000) } })
  const stream = peer.subscribe(earliest(10))
  const responses = await stream.events(6)
  t.same(
    responses.map(({ events }) => events.length),
    [3, 3],
  )
  const last = (await peer.decode(responses.at(-1) as never)).at(-1)
  t.match(last, { header: { changeType: 'GAP_UPDATE', changedFields: [] }, body: { Description: null } })
})

t.test('Fields added in Setup make a new schema from then on', async (t) => {
  const { peer, fields, update } = await start(t)
  update('Working')
  fields.Lead = manyFields('Lead', 60).toReversed()
  update('Nurturing')
  const events = (await Promise.all((await peer.subscribe(earliest(2)).events(2)).map(peer.decode))).flat()
  t.not(events[0]?.schemaId, events[1]?.schemaId)
  t.same(
    events.map(({ body }) => body.Status),
    ['Working', 'Nurturing'],
  )
  t.match(events[1]?.schemaId, /^[\w-]{22}$/)
})

t.test('The daily allocation ends streams, and what was not delivered can be had later', async (t) => {
  const { peer, org, update } = await start(t)
  org.deliveries.max = 3
  for (let index = 0; index < 5; index++) update()
  const exceeded = { code: 8, errorCode: 'subscription.limit.exceeded' }
  const stream = peer.subscribe(earliest(10))
  t.same(await stream.ended, exceeded)
  const [{ latestReplayId } = { latestReplayId: Buffer.alloc(0) }] = await stream.events(3)
  t.same(await peer.subscribe(behind(latestReplayId, 1)).ended, exceeded)
  org.deliveries.used = 0
  await peer.subscribe(behind(latestReplayId, 10)).events(2)
})

t.test('It goes wrong in every way it is asked to', async (t) => {
  const { bus, peer, update } = await start(t)
  const open = async () => {
    const stream = peer.subscribe(latest(10))
    await until(() => bus.counts().open === 1)
    return stream
  }
  for (const [how, ended] of [
    ['ok', NONE],
    ['reset', { code: 14, errorCode: undefined }],
    ['internal', { code: 13, errorCode: undefined }],
    ['service.unavailable', { code: 14, errorCode: 'service.unavailable' }],
    ['service.auth.error', { code: 16, errorCode: 'service.auth.error' }],
  ] as const) {
    const stream = await open()
    t.same(bus.end({ how }), { ended: 1 })
    t.same(await stream.ended, ended)
  }

  const cut = await open()
  await bus.cut()
  t.match(await cut.ended, { code: 14 })

  bus.refuse({ method: 'Subscribe', how: 'concurrent.client.limit.exceeded' })
  t.same(await peer.subscribe(latest(1)).ended, { code: 8, errorCode: 'concurrent.client.limit.exceeded' })
  bus.refuse({ method: 'GetSchema', how: 'service.internal', times: 0 })
  for (let index = 0; index < 2; index++) await t.rejects(peer.schema('any'), { code: 13 })
  bus.refuse({ method: 'GetSchema', how: 'service.internal', times: -1 })

  const stream = await open()
  bus.silence({ on: true })
  update('Silenced')
  bus.duplicate({ events: 1 })
  bus.silence({ on: false })
  const twice = (await Promise.all((await stream.events(2)).map(peer.decode))).flat()
  t.same(twice[0], twice[1])
  bus.slow({ ms: 5 })
  bus.corrupt({ events: 1 })
  update('Corrupted')
  const corrupted = (await stream.events(3)).at(-1)
  await t.rejects(peer.decode(corrupted as never))
})

t.test('A client that nobody here wrote reads everything over TLS, and asks for more', async (t) => {
  const { bus, log, update } = await start(t, { tls: selfSigned(), keepaliveMs: 50 })
  bus.log({
    orgId,
    entity: 'Lead',
    recordIds: ['00QAk000001TestAAA'],
    changeType: 'CREATE',
    values: {
      'Name.LastName': 'Größe',
      'Name.FirstName': 'A',
      'Address.Country': 'DE',
      'Address.City': 'Köln',
      Status: 'New',
      IsConverted: false,
    },
  })
  update('Working', {
    changedFields: ['Status', 'Name.LastName', 'Address.Street', 'LastModifiedDate'],
    nulledFields: ['Address.Street', 'Description'],
    values: { Status: 'Working', 'Name.LastName': 'Klein', LastModifiedDate: 1_795_000_000_000 },
  })
  bus.log({
    orgId,
    entity: 'Opportunity',
    recordIds: ['006Ak000001TestAAA'],
    changeType: 'CREATE',
    values: { StageName: 'Won', Amount: 12.5 },
  })
  for (let index = 0; index < 150; index++) update()

  const file = new URL('./outside-client.ts', import.meta.url).pathname
  const client = spawn(process.execPath, [file, `localhost:${bus.port}`, orgId, 'good', channel], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => client.kill('SIGKILL'))
  const events: { replayId: number; payload: Record<string, unknown> & { ChangeEventHeader: Record<string, unknown> } }[] = []
  for await (const line of createInterface({ input: client.stdout })) {
    const { type, data } = JSON.parse(line)
    if (type === 'event') events.push(data)
    else if (type === 'error') t.fail(JSON.stringify(data))
    if (events.length >= 153 && type === 'grpcKeepAlive') break
  }
  t.equal(events.length, 153)
  const [created, updated, opportunity] = events.map(({ payload }) => payload)
  t.match(created, {
    ChangeEventHeader: { entityName: 'Lead', changeType: 'CREATE', changedFields: [] },
    Name: { FirstName: 'A', LastName: 'Größe' },
    Address: { City: 'Köln', Country: 'DE' },
    Status: 'New',
    IsConverted: false,
    Company: null,
  })
  t.ok(BigInt(String(created?.ChangeEventHeader.commitNumber)) > 2n ** 53n)
  t.match(updated?.ChangeEventHeader, {
    changedFields: ['Status', 'LastModifiedDate', 'Name.LastName', 'Address.Street'],
    nulledFields: ['Description', 'Address.Street'],
  })
  t.match(updated, { Status: 'Working', LastModifiedDate: 1_795_000_000_000 })
  t.match(opportunity, { ChangeEventHeader: { entityName: 'Opportunity' }, StageName: 'Won', Amount: 12.5 })
  t.equal(events.at(-1)?.replayId, log.end())
})

t.test('One connection carries 1,000 streams; the next one waits without a word', async (t) => {
  const { bus, peer } = await start(t)
  const streams = Array.from({ length: 1_001 }, () => peer.subscribe(latest(1)))
  await until(() => bus.counts().open === 1_000)
  t.match(bus.counts(), { open: 1_000, subscribes: 1_000, connections: 1 })
  const other = connectPeer(t, bus.port, usual).subscribe(latest(1))
  await until(() => bus.counts().open === 1_001)
  t.match(bus.counts(), { subscribes: 1_001, connections: 2 })
  other.call.cancel()
  for (const { call } of streams) call.cancel()
})

async function until(happened: () => boolean): Promise<void> {
  while (!happened()) await new Promise((resolve) => setTimeout(resolve, 2))
}
