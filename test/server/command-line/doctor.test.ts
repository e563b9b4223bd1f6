import { chmod } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { startEmbedded } from '../../../server/database/embedded.ts'
import { insertPackets } from '../../../server/intake/inbox.ts'
import { packChanges } from '../../../server/intake/packet.ts'
import { createLog } from '../../../server/log.ts'
import { DATASET, testApp, until } from '../../support/app.ts'
import { testDatabaseUrl } from '../../support/database.ts'
import { count } from '../../support/look.ts'
import { ENCRYPTION_KEYS, envOf, run } from './run.ts'

type Finding = { name: string; status: string; text: string }

const doctor = async (env: Record<string, string>) => {
  const { code, stdout, stderr } = await run(['doctor', '--json'], { env })
  const checks = JSON.parse(stdout) as Finding[]
  return { code, stderr, checks, of: (name: string) => checks.find((check) => check.name === name) }
}

t.test('a healthy installation is all ok', async (t) => {
  const it = await testApp(t)
  const { code, stderr, checks, of } = await doctor(envOf(it))
  t.same([code, stderr], [0, ''])
  t.same(
    checks.filter(({ status }) => status !== 'ok'),
    [],
  )
  for (const name of ['HubSpot', 'Meta Graph API', 'clock', 'database', 'migrations', 'partitions', 'encryption keys', 'inbox'])
    t.ok(of(name), name)
})

t.test('what waits for a person is told, with what to do', async (t) => {
  const it = await testApp(t)
  await it.db.updateTable('connection').set({ state: 'attention', state_reason: 'reconnect' }).execute()
  await it.db
    .insertInto('notice')
    .values({ workspace_id: it.workspaceId, subject: `connection:${it.connectionId}`, code: 'reconnect', text: 'Connect HubSpot again.' })
    .execute()
  await it.db.updateTable('dataset').set({ state: 'held', hold_text: 'The token has expired.', held_since: new Date() }).execute()
  const packet = packChanges(it.vault.for('packet'), it.connectionId, [{}], Date.now())
  await insertPackets(it.db, [{ ...packet, quarantined: true, lastError: 'unreadable_change' }])
  const { code, of } = await doctor(envOf(it))
  t.equal(code, 1)
  t.match(of(`connection ${it.connectionId}`), { status: 'problem', text: /Connect HubSpot again/ })
  t.match(of(`dataset ${DATASET}`), { status: 'problem', text: /The token has expired.*dataset resume/ })
  t.match(of('set aside'), { status: 'warning', text: /unreadable_change.*record retry --quarantined --connection 1/ })

  const freed = await run(['record', 'retry', '--quarantined', '--connection', String(it.connectionId)], { env: envOf(it) })
  t.match(freed, { code: 0, stdout: /1 packets/ })
  // The running server takes it up at once, and finds nothing in it to do.
  await until(async () => (await count(it.db, 'packet')) === 0)
})

t.test('keys that do not open what is stored are a problem', async (t) => {
  const it = await testApp(t)
  const { code, of } = await doctor({ ...envOf(it), ENCRYPTION_KEYS: `k2:${Buffer.alloc(32, 2).toString('base64')}` })
  t.equal(code, 1)
  t.match(of('encryption keys'), { status: 'problem', text: /"k1"/ })
})

t.test('every mistake in the configuration has its line', async (t) => {
  const { code, stdout } = await run(['doctor'], { env: { PORT: 'eighty', META_GRAPH_URL: 'graph', HUBSPOT_APP_ID: '1' } })
  t.equal(code, 1)
  const lines = stdout.trimEnd().split('\n')
  t.equal(lines.length, 4)
  t.match(stdout, /^problem +configuration: PORT .*\n.*META_GRAPH_URL .*\n.*HUBSPOT_CLIENT_ID .*\n.*HUBSPOT_CLIENT_SECRET/)
})

t.test('services out of reach, a wrong clock and an unusable public URL are told', async (t) => {
  const databaseUrl = await testDatabaseUrl(t, { migrated: false })
  const late = createServer((_request, response) => {
    response.sendDate = false
    response.writeHead(404, { date: new Date(Date.now() - 120_000).toUTCString() }).end()
  })
  await new Promise<void>((done) => late.listen(0, '127.0.0.1', done))
  t.teardown(() => late.close())
  const { port } = late.address() as AddressInfo
  const { code, of } = await doctor({
    ...envOf({ databaseUrl, publicUrl: 'http://localhost:3000' }),
    ...{ HUBSPOT_APP_ID: '1', HUBSPOT_CLIENT_ID: 'id', HUBSPOT_CLIENT_SECRET: 'secret', HUBSPOT_API_URL: 'http://127.0.0.1:1' },
    META_GRAPH_URL: `http://127.0.0.1:${port}`,
  })
  t.equal(code, 1)
  t.match(of('HubSpot'), { status: 'problem', text: /does not answer/ })
  t.match(of('Meta Graph API'), { status: 'ok', text: /HTTP 404/ })
  t.match(of('clock'), { status: 'problem', text: /1[12]\d s ahead.*NTP/ })
  t.match(of('public URL'), { status: 'warning', text: /set PUBLIC_URL/ })
  t.match(of('migrations'), { status: 'warning', text: /empty/ })
})

t.test('a database that does not answer is a problem, and one that is newer too', async (t) => {
  const gone = await doctor({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', ENCRYPTION_KEYS })
  t.equal(gone.code, 1)
  t.match(gone.of('database'), { status: 'problem', text: /cannot be reached/ })

  const it = await testApp(t)
  await it.db
    .insertInto('migration' as 'tally')
    .values({ name: '999-from-the-future.sql', checksum: 'x' } as never)
    .execute()
  const newer = await doctor(envOf(it))
  t.match(newer.of('migrations'), { status: 'problem', text: /newer version/ })
  t.match(await run(['workspace', 'list'], { env: envOf(it) }), { code: 1, stderr: /does not fit this version/ })
})

t.test('with the embedded database commands start it for themselves, or use the one that runs', async (t) => {
  const dataDir = join(t.testdir({}), 'data')
  const env = { DATA_DIR: dataDir }
  const before = await doctor(env)
  t.match(before.of('database'), { status: 'warning', text: /none in .* yet/ })
  t.match(before.of('data folder'), { status: 'warning' })
  t.match(await run(['workspace', 'add', 'Acme'], { env }), { code: 0, stderr: '' })

  const running = await startEmbedded({ dataDir, log: createLog({ level: 'silent' }) })
  t.teardown(() => running.stop())
  t.notOk(running.adopted, 'the command has stopped what it started')
  t.match(await run(['workspace', 'list'], { env }), { code: 0, stdout: /Acme/ })
  const again = await startEmbedded({ dataDir, log: createLog({ level: 'silent' }) })
  t.ok(again.adopted, 'what was running still is')
  await again.release()

  await chmod(join(dataDir, 'encryption-keys'), 0o644)
  t.match((await doctor(env)).of('key file'), { status: 'problem', text: /chmod 600/ })
})
