/** A silent peer between the server and what it needs: connections stay up and nothing passes. Time-outs fire, and work moves on. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { DATASET, PUBLIC_URL, testApp, until } from '../support/app.ts'
import { counted } from '../support/counted.ts'
import { count } from '../support/look.ts'
import { seeded } from '../support/numbers.ts'
import { type Proxy as Peer, startProxy } from '../support/proxy.ts'
import { serverProcess } from '../support/server-process.ts'
import { startTraffic, untilDelivered } from './traffic.ts'

const toward = (url: string) => ({ host: new URL(url).hostname, port: Number(new URL(url).port) })
const through = (url: string, { port }: Peer) => {
  const changed = new URL(url)
  changed.host = `127.0.0.1:${port}`
  return changed.href.replace(/\/$/, '')
}

t.test('PostgreSQL falls silent for one of two processes', async (t) => {
  const { random } = seeded()
  const it = await testApp(t, { launch: false })
  const peer = await startProxy(t, toward(it.databaseUrl))
  const env = { LOG_LEVEL: 'silent' }
  const cut = await serverProcess(t, it, () => ({ ...env, DATABASE_URL: through(it.databaseUrl, peer) }))
  const sound = await serverProcess(t, it, () => env)
  await Promise.all([cut.start(), sound.start()])
  const traffic = startTraffic(t, it, cut.url, random)
  await untilDelivered(it)
  const from = performance.now()
  peer.freeze(true)
  // Nothing is acknowledged that is not durable; so the CRM tries elsewhere, as behind a balancer.
  await sleep(2_000)
  const health = await fetch(`${cut.url}/readyz`)
  t.equal(health.status, 503, 'who cannot reach the database says so')
  it.hubspot.webhooks({ targetUrl: `${sound.url}/webhooks/hubspot`, publicUrl: `${PUBLIC_URL}/webhooks/hubspot` })
  await untilDelivered(it)
  const recoveryMs = [performance.now() - from]
  const again = performance.now()
  peer.freeze(false)
  await until(async () => (await fetch(`${cut.url}/readyz`).catch(() => undefined))?.status === 200, 180_000)
  recoveryMs.push(performance.now() - again)
  it.hubspot.webhooks({ targetUrl: `${cut.url}/webhooks/hubspot`, publicUrl: `${PUBLIC_URL}/webhooks/hubspot` })
  await untilDelivered(it)
  // A batch that Meta took while its sender could write nothing down goes again, with the same ids.
  const { repeated, ...counts } = await traffic.end(100)
  counted(t, [18], { ...counts, recoveryMs, note: `PostgreSQL silent; requests repeated by the CRM ${repeated}` })
})

t.test('Meta and HubSpot fall silent', async (t) => {
  const { random } = seeded()
  const peers: Record<string, Peer> = {}
  const before = (name: string) => async (url: string) => {
    const peer = await startProxy(t, toward(url))
    peers[name] = peer
    return through(url, peer)
  }
  const it = await testApp(t, { before: { hubspot: before('HubSpot'), meta: before('Meta') }, env: { META_TIMEOUT_MS: '1000' } })
  const traffic = startTraffic(t, it, it.url, random)
  await untilDelivered(it)
  const recoveryMs: number[] = []
  for (const [name, peer] of Object.entries(peers)) {
    peer.freeze(true)
    await sleep(3_000)
    t.ok((await fetch(`${it.url}/readyz`)).ok, `${name} is silent, and the server answers`)
    const from = performance.now()
    peer.freeze(false)
    // What is put off after a time-out is not waited for.
    await it.db.updateTable('dataset').set({ sleep_until: null }).execute()
    await untilDelivered(it)
    recoveryMs.push(performance.now() - from)
  }
  await until(async () => {
    await it.db.updateTable('dataset').set({ sleep_until: null }).execute()
    return (await count(it.db, 'outbox')) < 100
  }, 180_000)
  const { repeated: _, ...counts } = await traffic.end()
  t.equal(it.meta.summary().datasets[DATASET]?.distinct, counts.eventsOut)
  counted(t, [18], { ...counts, recoveryMs, note: 'Meta and HubSpot silent' })
})
