import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Signature } from '@hubspot/api-client'
import t, { type Test } from 'tap'
import { demoApp, type HubSpot, type HubSpotOptions, startHubSpot } from './start-hubspot.ts'
import type { WebhookEvent } from './webhook-events.ts'

const publicUrl = 'https://capi.example.com/webhooks/hubspot'
interface Post {
  headers: Record<string, string | string[] | undefined>
  body: string
  events: WebhookEvent[]
}

/** A receiver that keeps what it got, and answers as told (`undefined`: never). */
async function receive(test: Test, status: (post: number) => number | undefined = () => 204) {
  const posts: Post[] = []
  let open = 0
  const most = { atOnce: 0 }
  const server = createServer(async (request, response) => {
    open += 1
    most.atOnce = Math.max(most.atOnce, open)
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString('utf8')
    posts.push({ headers: request.headers, body, events: JSON.parse(body) })
    const answer = status(posts.length)
    await new Promise((resolve) => setTimeout(resolve, 5))
    open -= 1
    if (answer !== undefined) response.writeHead(answer).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  test.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { posts, most, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/hubspot` }
}

async function start(test: Test, targetUrl: string, webhooks: HubSpotOptions['webhooks'] = {}): Promise<HubSpot> {
  const hubspot = await startHubSpot({
    portals: [{ portalId: 3003003 }],
    webhooks: { targetUrl, publicUrl, retryScale: 1e-6, ...webhooks },
  })
  test.teardown(hubspot.close)
  return hubspot
}

const kinds = (posts: Post[]) => posts.flatMap((post) => post.events.map((event) => event.subscriptionType))

t.test('The API client finds the signature valid, and only for the public address', async (t) => {
  const { posts, url } = await receive(t)
  const hubspot = await start(t, url)
  hubspot.create({ type: 'contacts', properties: { email: 'größe@example.com', lifecyclestage: 'lead' } })
  await hubspot.idle()
  const [post] = posts
  const check = (signed: string) =>
    Signature.isValid({
      signature: String(post?.headers['x-hubspot-signature-v3']),
      timestamp: Number(post?.headers['x-hubspot-request-timestamp']),
      clientSecret: demoApp.clientSecret,
      requestBody: post?.body ?? '',
      method: 'POST',
      url: signed,
      signatureVersion: 'v3',
    })
  t.equal(check(publicUrl), true)
  t.equal(check(url), false)
})

t.test('An event tells the new value at the instant that the history holds', async (t) => {
  const { posts, url } = await receive(t)
  const hubspot = await start(t, url)
  const at = Date.parse('2026-05-06T07:08:09.123Z')
  const { id } = hubspot.create({ type: 'contacts', at, properties: { email: 'a@example.com' } })
  hubspot.change({ type: 'contacts', id, at: at + 10, properties: { lifecyclestage: 'lead' } })
  hubspot.change({ type: 'contacts', id, at: at + 15, properties: { lifecyclestage: 'lead' } })
  hubspot.change({ type: 'contacts', id, at: at + 20, properties: { lifecyclestage: '' } })
  await hubspot.idle()
  t.equal(posts.length, 1, 'events of one window travel together')
  const base = { portalId: 3003003, appId: demoApp.appId, objectId: Number(id), objectTypeId: '0-1', attemptNumber: 0 }
  const change = { ...base, subscriptionType: 'object.propertyChange', propertyName: 'lifecyclestage' }
  t.match(posts[0]?.events, [
    { ...base, subscriptionType: 'object.creation', occurredAt: at },
    { ...change, propertyValue: 'lead', occurredAt: at + 10 },
    { ...change, propertyValue: '', occurredAt: at + 20 },
  ])
  t.equal(posts[0]?.events.length, 3, 'a value written again is no change, and an unsubscribed property is not told')
  t.strictSame(
    hubspot.record({ type: 'contacts', id })?.history.lifecyclestage?.map((entry) => Date.parse(entry.timestamp)),
    [at + 20, at + 10],
  )
})

t.test('Life and death of records are told', async (t) => {
  const { posts, url } = await receive(t)
  const hubspot = await start(t, url)
  const [a, b, c, d, e] = [1, 2, 3, 4, 5].map(() => hubspot.create({ type: 'contacts' }).id) as [string, string, string, string, string]
  const deal = hubspot.create({ type: 'deals' }).id
  hubspot.associate({ from: { type: 'deals', id: deal }, to: { type: 'contacts', id: b } })
  await hubspot.idle()
  posts.length = 0
  hubspot.merge({ type: 'contacts', primaryId: a, otherIds: [b] })
  const survivor = hubspot.merge({ type: 'contacts', primaryId: a, otherIds: [c], newRecord: true }).id
  hubspot.remove({ type: 'contacts', id: d })
  hubspot.restore({ type: 'contacts', id: d })
  hubspot.erase({ type: 'contacts', id: e })
  hubspot.change({ type: 'deals', id: deal, properties: { dealstage: 'closedwon' } })
  await hubspot.idle()
  t.match(
    posts.flatMap((post) => post.events),
    [
      { subscriptionType: 'object.merge', objectId: Number(a), primaryObjectId: Number(a), mergedObjectIds: [Number(b)] },
      { subscriptionType: 'object.deletion', objectId: Number(b) },
      { subscriptionType: 'object.merge', primaryObjectId: Number(a), mergedObjectIds: [Number(c)], newObjectId: Number(survivor) },
      { subscriptionType: 'object.deletion', objectId: Number(a) },
      { subscriptionType: 'object.deletion', objectId: Number(c) },
      { subscriptionType: 'object.deletion', objectId: Number(d) },
      { subscriptionType: 'object.restore', objectId: Number(d) },
      { subscriptionType: 'contact.privacyDeletion', objectId: Number(e) },
      { subscriptionType: 'object.deletion', objectId: Number(e) },
      { subscriptionType: 'object.propertyChange', objectId: Number(deal), objectTypeId: '0-3', propertyValue: 'closedwon' },
    ],
  )
  t.strictSame(hubspot.record({ type: 'contacts', id: survivor })?.properties.hs_merged_object_ids?.split(';').sort(), [a, b, c].sort())
  t.equal(hubspot.record({ type: 'contacts', id: e }), undefined)
})

t.test('Classic subscriptions use the classic names and cover no leads', async (t) => {
  const { posts, url } = await receive(t)
  const classic = (subscriptionType: string, propertyName?: string) => ({
    subscriptionType,
    active: true,
    ...(propertyName && { propertyName }),
  })
  const hubspot = await start(t, url, {
    subscriptions: {
      legacyCrmObjects: [
        classic('contact.creation'),
        classic('contact.propertyChange', 'lifecyclestage'),
        classic('lead.creation'),
        classic('deal.associationChange'),
        { ...classic('deal.creation'), active: false },
      ],
    },
  })
  const contact = hubspot.create({ type: 'contacts', properties: { lifecyclestage: 'lead' } })
  const deal = hubspot.create({ type: 'deals' })
  hubspot.create({ type: 'leads' })
  hubspot.associate({ from: { type: 'deals', id: deal.id }, to: { type: 'contacts', id: contact.id } })
  await hubspot.idle()
  t.strictSame(kinds(posts), ['contact.creation', 'contact.propertyChange', 'deal.associationChange'])
  t.notOk('objectTypeId' in (posts[0]?.events[0] ?? {}))
  t.match(posts[0]?.events[2], { fromObjectId: Number(deal.id), toObjectId: Number(contact.id), associationType: 'DEAL_TO_CONTACT' })
})

t.test('Bodies hold at most 100 events, and no more requests run at once than allowed', async (t) => {
  const { posts, most, url } = await receive(t)
  const hubspot = await start(t, url, { maxConcurrentRequests: 6 })
  for (let n = 0; n < 1050; n += 1) hubspot.create({ type: 'contacts' })
  const stats = await hubspot.idle()
  t.strictSame(
    posts.map((post) => post.events.length).sort((a, b) => a - b),
    [50, ...Array(10).fill(100)],
  )
  t.ok(most.atOnce <= 6, `${most.atOnce} at once`)
  t.strictSame(stats, { events: 1050, lost: 0, duplicates: 0, requests: 11, retried: 0, delivered: 1050, failed: 0, pending: 0 })
})

t.test('A failed request is repeated with a higher attempt number, whatever the status', async (t) => {
  const statuses = [500, 404, 302, 204]
  const { posts, url } = await receive(t, (post) => statuses[post - 1])
  const hubspot = await start(t, url)
  hubspot.create({ type: 'contacts' })
  t.match(await hubspot.idle(), { requests: 4, retried: 3, delivered: 1, failed: 0 })
  t.strictSame(
    posts.map((post) => post.events[0]?.attemptNumber),
    [0, 1, 2, 3],
  )
  t.equal(new Set(posts.map((post) => post.events[0]?.eventId)).size, 1)
  t.strictSame(
    hubspot.attempts().map((attempt) => attempt.status),
    statuses,
  )
})

t.test('After ten repeats, silence and closed doors included, an event is given up', async (t) => {
  const { posts, url } = await receive(t, () => undefined)
  const hubspot = await start(t, url, { timeoutMs: 500 })
  hubspot.create({ type: 'contacts' })
  t.match(await hubspot.idle(), { requests: 11, retried: 10, delivered: 0, failed: 1, pending: 0 })
  t.equal(posts.length, 11)
  hubspot.webhooks({ targetUrl: 'http://127.0.0.1:1/' })
  hubspot.create({ type: 'contacts' })
  t.match(await hubspot.idle(), { requests: 22, failed: 2 })
})

t.test('Duplicates, new ids, losses, order and mixed accounts come on demand', async (t) => {
  const { posts, url } = await receive(t)
  const hubspot = await start(t, url)
  hubspot.addPortal({ portalId: 2 })
  const create = (count: number) => {
    for (let n = 0; n < count; n += 1) hubspot.create({ type: 'contacts', portalId: n % 2 ? 2 : 3003003 })
  }
  const events = () => posts.splice(0).flatMap((post) => post.events)

  create(10)
  await hubspot.idle()
  t.ok(posts.every((post) => new Set(post.events.map((event) => event.portalId)).size === 1))
  posts.length = 0
  hubspot.webhooks({ duplicateRate: 1, mixPortals: true })
  create(10)
  await hubspot.idle()
  t.equal(new Set(posts[0]?.events.map((event) => event.portalId)).size, 2)
  const doubled = events()
  t.equal(doubled.length, 20)
  t.equal(new Set(doubled.map((event) => event.eventId)).size, 10)

  hubspot.webhooks({ duplicateRate: 0, reissueRate: 1 })
  create(10)
  await hubspot.idle()
  const reissued = events()
  t.equal(new Set(reissued.map((event) => event.eventId)).size, 20)
  t.equal(new Set(reissued.map((event) => event.objectId)).size, 10 / 2, 'ids of records count in each account by itself')

  hubspot.webhooks({ reissueRate: 0, shuffle: true })
  create(50)
  await hubspot.idle()
  const shuffled = events().map((event) => event.eventId)
  t.notSame(
    shuffled,
    shuffled.toSorted((a, b) => a - b),
  )

  hubspot.webhooks({ lossRate: 1 })
  create(10)
  t.match(await hubspot.idle(), { lost: 10, pending: 0 })
  t.equal(posts.length, 0)
})
