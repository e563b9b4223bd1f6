/** A 2xx means durable: what is kept of a body, how, and what happens without the database. */
import t from 'tap'
import { unpackChanges } from '../../../server/intake/packet.ts'
import { DATASET, PORTAL, testApp, until } from '../../support/app.ts'
import { count, findTraces, ledger } from '../../support/look.ts'
import { post, stageEvent } from '../../support/post-webhook.ts'
import { startProxy } from '../../support/proxy.ts'

t.test('without its database the app refuses, and goes on by itself when it is back', async (t) => {
  let proxy: Awaited<ReturnType<typeof startProxy>> | undefined
  const it = await testApp(t, {
    reach: async (databaseUrl) => {
      const url = new URL(databaseUrl)
      proxy = await startProxy(t, { host: url.hostname, port: Number(url.port) })
      url.hostname = '127.0.0.1'
      url.port = String(proxy.port)
      return url.href
    },
  })
  const { id } = it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'lead', meta_lead_id: '123456789012345' } })
  await it.settled()
  const before = await count(it.db, 'ledger')

  await proxy?.cut()
  const replies = await Promise.all(Array.from({ length: 20 }, () => post(it.url, [stageEvent(id, 'customer')])))
  t.strictSame([...new Set(replies.map(({ status }) => status))], [503])
  t.match(replies[0]?.body, { error: 'database_unavailable' })
  t.equal(await fetch(`${it.url}/healthz`).then(({ status }) => status), 200)
  t.equal(await fetch(`${it.url}/readyz`).then(({ status }) => status), 503)
  t.equal(await count(it.db, 'packet'), 0)

  // The CRM tries again by itself, and so does this sender.
  it.hubspot.change({ type: 'contact', id, properties: { lifecyclestage: 'opportunity' } })
  await until(() => it.hubspot.stats().retried > 0)
  t.equal(it.hubspot.stats().pending > 0, true)
  await proxy?.mend()
  await it.settled()
  t.equal(it.hubspot.stats().failed, 0)
  t.equal((await fetch(`${it.url}/readyz`)).status, 200)
  t.equal(await count(it.db, 'ledger'), before + 1)
  t.equal(it.meta.events({ dataset: DATASET }).at(-1)?.eventName, 'Sales Opportunity')
})

t.test('bodies that come at once are all durable, each in a packet of its own', async (t) => {
  const it = await testApp(t, { env: { HUBSPOT_API_URL: 'http://127.0.0.1:1' } })
  const replies = await Promise.all(Array.from({ length: 50 }, (_, index) => post(it.url, [stageEvent(1000 + index, 'lead')])))
  t.ok(replies.every(({ status, body }) => status === 202 && body.accepted === 1))
  const packets = await it.db.selectFrom('packet').select('changes').execute()
  t.strictSame(packets, Array(50).fill({ changes: 1 }))
})

t.test('one body with two portals becomes two packets; the rest of it is no trouble', async (t) => {
  const it = await testApp(t, { env: { HUBSPOT_API_URL: 'http://127.0.0.1:1' } })
  const other = await it.addTenant({ portal: 4004004, dataset: '700000000000002', token: 'EAAtesttoken0000000000000000000002' })
  const events = [1, 2, 3].map((id) => stageEvent(id, 'lead'))
  const reply = await post(it.url, [...events, stageEvent(1, 'lead', { portalId: 4004004 }), stageEvent(1, 'lead', { portalId: 5005005 })])
  t.match(reply, { status: 202, body: { accepted: 4, unconnected: 1 } })
  const packets = await it.db.selectFrom('packet').select(['connection_id', 'changes']).orderBy('connection_id').execute()
  t.strictSame(packets, [
    { connection_id: it.connectionId, changes: 3 },
    { connection_id: other.connectionId, changes: 1 },
  ])
})

t.test('while its database is silent it answers that it is not ready', async (t) => {
  const peers: Awaited<ReturnType<typeof startProxy>>[] = []
  const it = await testApp(t, {
    reach: async (databaseUrl) => {
      const url = new URL(databaseUrl)
      const peer = await startProxy(t, { host: url.hostname, port: Number(url.port) })
      peers.push(peer)
      url.host = `127.0.0.1:${peer.port}`
      return url.href
    },
  })
  const ready = async () => (await fetch(`${it.url}/readyz`)).status
  t.equal(await ready(), 200)
  for (const peer of peers) peer.freeze(true)
  t.equal(await ready(), 503)
  for (const peer of peers) peer.freeze(false)
  await until(async () => (await ready()) === 200)
})

t.test('nothing of a body lies in the database readable', async (t) => {
  const it = await testApp(t, { env: { HUBSPOT_API_URL: 'http://127.0.0.1:1' } })
  const canaries = ['canary-stage', 'canary@example.com', '8877665544332211', 'canary-source']
  const large = Array.from({ length: 60 }, (_, index) => stageEvent(index + 1, 'canary-stage', { sourceId: 'canary-source' }))
  const values = [
    stageEvent(1, 'canary-stage'),
    stageEvent(1, 'x', { propertyName: 'email', propertyValue: 'canary@example.com' }),
    stageEvent(1, 'x', { propertyName: 'meta_lead_id', propertyValue: '8877665544332211' }),
  ]
  for (const body of [values, large]) t.equal((await post(it.url, body)).status, 202)
  t.equal(await count(it.db, 'packet'), 2)
  t.strictSame(await findTraces(it.db, canaries), [])
  // The search would find it.
  await it.db.insertInto('tally').values({ name: 'canary-stage', count: 1 }).execute()
  t.strictSame(await findTraces(it.db, canaries), ['tally: 1'])
})

t.test('the CRM’s own sender is answered in a way that ends its retries', async (t) => {
  const it = await testApp(t)
  it.hubspot.misbehave({ how: 'answer', status: 503, path: '/batch/read', times: 1 })
  it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'lead', meta_lead_id: '123456789012345' } })
  const stats = await it.hubspot.idle()
  t.match(stats, { retried: 0, failed: 0, pending: 0 })
  t.equal(it.hubspot.attempts()[0]?.status, 202)
  await it.settled()
  t.ok(
    (await ledger(it.db)).every(({ outcome }) => outcome !== 'waiting'),
    `portal ${PORTAL}`,
  )
})

t.test('a long body of stage changes is kept as it came, one that shows more of people only in part, and both arrive', async (t) => {
  const it = await testApp(t, { env: { META_TIMEOUT_MS: '10000' } })
  const at = Date.now() - 60_000
  const ids = Array.from(
    { length: 40 },
    (_, index) => it.hubspot.create({ type: 'contact', at, properties: { meta_lead_id: String(100_000_000_000_000 + index) } }).id,
  )
  await it.settled()
  const setState = (state: 'paused' | 'active') => it.db.updateTable('connection').set({ state }).execute()
  await setState('paused')
  const changes = ids.map((id) => stageEvent(id, 'marketingqualifiedlead', { occurredAt: at + 1_000 }))
  const personal = stageEvent(ids[0] as string, 'x', { propertyName: 'email', propertyValue: 'ann@example.com', occurredAt: at + 1_000 })
  const empty = stageEvent(ids[1] as string, '', { occurredAt: at + 2_000 })
  t.match(await post(it.url, [...changes, empty]), { status: 202, body: { accepted: 41, ignored: 0 } })
  t.match(await post(it.url, [...changes, personal, empty]), { status: 202, body: { accepted: 41, ignored: 1 } })
  const kept = await it.db.selectFrom('packet').select(['id', 'body', 'changes']).orderBy('id').execute()
  const [whole = [], parts = []] = kept.map((packet) => unpackChanges(it.vault.for('packet'), packet))
  t.strictSame(
    kept.map((packet) => packet.changes),
    [41, 41],
  )
  t.strictSame(whole, [...changes, empty])
  t.equal(parts.length, 41)
  t.notMatch(JSON.stringify(parts), /ann@example\.com|sourceId/)

  await setState('active')
  await post(it.url, [stageEvent(ids[0] as string, 'marketingqualifiedlead', { occurredAt: at + 1_000 })])
  await it.settled()
  const qualified = it.meta.events({ dataset: DATASET }).filter(({ eventName }) => eventName === 'Marketing Qualified Lead')
  t.equal(new Set(qualified.map(({ leadId }) => leadId)).size, 40)
  t.equal(qualified.length, 40)
})

t.test('a long body that turns out to be no JSON is set aside for a person, and holds nobody up', async (t) => {
  const it = await testApp(t, { env: { META_TIMEOUT_MS: '10000' } })
  const { id } = it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'lead', meta_lead_id: '123456789012345' } })
  const torn = JSON.stringify(Array.from({ length: 40 }, () => stageEvent(id, 'customer'))).replace('},{', '}{')
  t.match(await post(it.url, torn), { status: 202 })
  it.hubspot.change({ type: 'contact', id, properties: { lifecyclestage: 'opportunity' } })
  await until(() => it.meta.events({ dataset: DATASET }).some(({ eventName }) => eventName === 'Sales Opportunity'))
  await until(async () => (await count(it.db, 'packet')) === 1)
  t.strictSame(await it.db.selectFrom('packet').select(['quarantined', 'last_error', 'changes']).execute(), [
    { quarantined: true, last_error: 'unreadable_change', changes: 40 },
  ])
})
