/** A 2xx means durable: what is kept of a body, how, and what happens without the database. */
import t from 'tap'
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
  t.equal(await ready(), 200)
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
