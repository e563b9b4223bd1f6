/** Who asks, where proxies stand in front: only their word is taken. */
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { Config } from '../../server/config.ts'
import { createHttpServer } from '../../server/http.ts'
import { createLog } from '../../server/log.ts'
import { invite } from '../../server/settings/invite.ts'
import { DATASET, PUBLIC_URL, TOKEN, testApp } from '../support/app.ts'

/** Whom the server takes for the asker, by what was forwarded. */
async function askers(t: Test, trustProxy: Config['trustProxy'], forwarded: readonly string[]) {
  const server = createHttpServer({ bodyLimit: 1_000, trustProxy, log: createLog({ level: 'silent' }) })
  server.get('/', (request) => request.ip)
  await server.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}/`
  const ask = async (header: string) => (await fetch(url, { headers: { 'x-forwarded-for': header } })).text()
  return Promise.all(forwarded.map(ask))
}

t.test('what was forwarded is believed as far as those who forwarded it are', async (t) => {
  const chains = ['203.0.113.7', '198.51.100.1, 203.0.113.7', '198.51.100.1, 203.0.113.7, 10.0.0.2']
  t.same(await askers(t, undefined, chains), ['127.0.0.1', '127.0.0.1', '127.0.0.1'], 'nobody')
  t.same(await askers(t, ['10.0.0.0/8'], chains), ['127.0.0.1', '127.0.0.1', '127.0.0.1'], 'who asks is no proxy')
  t.same(await askers(t, ['loopback', '10.0.0.0/8'], chains), ['203.0.113.7', '203.0.113.7', '203.0.113.7'], 'the last that is none')
  t.same(await askers(t, 1, chains), ['203.0.113.7', '203.0.113.7', '10.0.0.2'], 'one in front')
  t.same(await askers(t, 2, chains), ['203.0.113.7', '198.51.100.1', '203.0.113.7'], 'two in front')
})

t.test('links are limited and noted by who really asks', async (t) => {
  for (const trusted of [true, false]) {
    const it = await testApp(t, { env: trusted ? { TRUST_PROXY: 'loopback' } : {} })
    const knock = async (address: string, path = '/connect/guess', body?: Record<string, string>) => {
      const form = body && { method: 'POST', body: new URLSearchParams(body) }
      return (await fetch(it.url + path, { headers: { 'x-forwarded-for': address }, ...form })).status
    }
    const caller = { db: it.db, actor: 'test' }
    const tools = { apps: it.config.crm, publicUrl: PUBLIC_URL }
    const { url } = await invite(caller, { workspace: it.workspaceId, what: 'dataset', hours: 1 }, tools)
    const answer = { metaId: DATASET, crm: 'yes', token: TOKEN }
    t.equal(await knock('198.51.100.1, 203.0.113.9', new URL(url).pathname, answer), 200)
    const { detail } = await it.db.selectFrom('audit').select('detail').where('action', '=', 'dataset.token').executeTakeFirstOrThrow()
    t.match(detail, { address: trusted ? '203.0.113.9' : '127.0.0.1' })

    // All at once: a busy machine may take a minute for one after the other.
    const statuses = await Promise.all(Array.from({ length: 70 }, (_, n) => knock(`198.51.100.${n}, 203.0.113.7`)))
    t.same([...new Set(statuses)].sort(), [404, 429], 'made-up addresses do not help')
    t.equal(await knock('203.0.113.8'), trusted ? 404 : 429, 'somebody else is not kept waiting, where that can be told')
  }
})
