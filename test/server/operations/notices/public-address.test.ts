import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { createWebhookPoster } from '../../../../server/operations/notices/post-webhook.ts'
import { isPublicAddress, publicLookup } from '../../../../server/operations/notices/public-address.ts'

t.test('only addresses of the open internet are public', async (t) => {
  for (const address of [
    '8.8.8.8',
    '1.1.1.1',
    '172.15.255.255',
    '172.32.0.0',
    '223.255.255.255',
    '2606:4700:4700::1111',
    '2a00:1450:4001::5',
  ])
    t.equal(isPublicAddress(address), true, address)
  for (const address of [
    ...['0.0.0.0', '10.1.2.3', '100.64.0.1', '127.0.0.1', '127.255.0.9', '169.254.169.254', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
    ...['192.0.2.1', '198.18.0.1', '198.51.100.7', '203.0.113.9', '224.0.0.1', '240.0.0.1', '255.255.255.255'],
    ...['::', '::1', '::ffff:127.0.0.1', '::ffff:8.8.8.8', '64:ff9b::7f00:1', 'fc00::1', 'fd12::1', 'fe80::1', 'ff02::1', '2002:7f00:1::'],
    ...['2001::1', '2001:db8::1', 'localhost', '', '1.2.3'],
  ])
    t.equal(isPublicAddress(address), false, address)
})

t.test('a webhook on this machine or near it gets nothing, however its address is written', async (t) => {
  let reached = 0
  const server = createServer((_request, response) => {
    reached += 1
    response.end()
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const poster = createWebhookPoster({ timeoutMs: 2_000 })
  t.teardown(() => poster.close())
  for (const host of [
    '127.0.0.1',
    'localhost',
    '2130706433',
    '0x7f.1',
    '0',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '169.254.169.254',
  ]) {
    const sent = poster.post({ url: `http://${host}:${port}/`, secret: 'x' }, '1', '{}')
    await t.rejects(sent, { code: 'webhook_private', retry: 'never' }, host)
  }
  t.equal(reached, 0)
})

t.test('a name is looked up for sockets in either way they ask', async (t) => {
  const look = (name: string, all: boolean) =>
    new Promise((resolve) =>
      publicLookup(name, { all }, (error, found) => resolve(error === null ? found : (error as { code?: string }).code)),
    )
  for (const all of [true, false]) {
    t.equal(await look('localhost', all), 'webhook_private')
    t.equal(await look('does-not-exist.invalid', all), 'ENOTFOUND')
  }
  t.strictSame(await look('8.8.8.8', true), [{ address: '8.8.8.8', family: 4 }])
  t.equal(await look('8.8.8.8', false), '8.8.8.8')
})
