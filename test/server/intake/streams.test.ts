/** Following streams: by whom, from where, and that what they bring is kept once. The real keeper on a small stream of its own kind. */
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { createConnections } from '../../../server/connections/connections.ts'
import { storeGrant } from '../../../server/connections/grants.ts'
import { createVault } from '../../../server/connections/vault.ts'
import { type Database, openDatabase } from '../../../server/database/pool.ts'
import { settleArrivals } from '../../../server/intake/arrival.ts'
import { readHistoryCursor } from '../../../server/intake/history-cursor.ts'
import { unpackChanges } from '../../../server/intake/packet.ts'
import { createStreams } from '../../../server/intake/streams.ts'
import { createLog } from '../../../server/log.ts'
import { pauseConnection, resumeConnection } from '../../../server/settings/connections.ts'
import { removeConnection } from '../../../server/settings/remove-connection.ts'
import { until } from '../../support/app.ts'
import { testDatabaseUrl } from '../../support/database.ts'
import { createDoor } from '../../support/door.ts'
import { lineConnector, startLineServer } from '../../support/line-stream.ts'
import { missingUntil } from '../../support/look.ts'
import { startProxy } from '../../support/proxy.ts'

const CRM = 'lines'
const connectors = { [CRM]: lineConnector(CRM) }
const silent = createLog({ level: 'silent' })

async function setUp(t: Test, { accounts = 1 } = {}) {
  const url = await testDatabaseUrl(t)
  const open = (at = url) => {
    const db = openDatabase({ url: at, log: silent })
    t.teardown(() => db.destroy())
    return db
  }
  const db = open()
  const server = await startLineServer(t)
  const vault = createVault([{ id: 'k1', key: Buffer.alloc(32, 1) }])
  const workspace = await db.insertInto('workspace').values({ name: 'Lines' }).returning('id').executeTakeFirstOrThrow()
  const connect = async (account: string) => {
    const { id } = await db
      .insertInto('connection')
      .values({ workspace_id: workspace.id, crm: CRM, account_key: account })
      .returning('id')
      .executeTakeFirstOrThrow()
    const grant = { accessToken: `token-${account}`, refreshToken: 'r', expiresAt: Date.now() + 3_600_000, grantedAt: Date.now() }
    await storeGrant(db, vault, id, { ...grant, account, scopes: [] })
    return id
  }
  const ids: number[] = []
  for (let n = 1; n <= accounts; n++) ids.push(await connect(`a${n}`))
  await settleArrivals(db, connectors)

  const woken: number[] = []
  /** A process. */
  const start = (on: Database = db, log = silent) => {
    const app = { appId: '1', clientId: '1', clientSecrets: ['s'], baseUrl: 'https://lines.example.com', streamUrl: server.url }
    const apps = { [CRM]: app }
    const http = () => Promise.reject(new Error('nobody is asked'))
    const connections = createConnections({ db: on, vault, apps, http, log, connectors })
    const streams = createStreams({ db: on, vault, connections, connectors, apps, log, wakeResolve: (id) => woken.push(id) })
    let stopped: Promise<void> | undefined
    const stop = () => {
      stopped ??= streams.stop({ graceMs: 2_000 })
      return stopped
    }
    t.teardown(stop)
    streams.start()
    return { ...streams, stop }
  }
  const caller = { db, actor: 'test' }
  return {
    ...{ db, vault, url, open, server, ids, id: ids[0] as number, woken, start, connect, caller },
    /** All that is kept of a connection, from small to large: packets of one millisecond have no order. */
    async kept(id: number) {
      const packets = await db.selectFrom('packet').select(['id', 'body']).where('connection_id', '=', id).orderBy('id').execute()
      return packets.flatMap((packet) => unpackChanges(vault.for('packet'), packet) as number[]).sort((a, b) => a - b)
    },
    cursor: (id: number) =>
      db.selectFrom('cursor').selectAll().where('connection_id', '=', id).where('channel', '=', 'stream').executeTakeFirst(),
    notices: () => db.selectFrom('notice').select(['code', 'text']).where('closed_at', 'is', null).execute(),
    followed: (account: string, streams = 1) => until(() => server.open(account) === streams),
  }
}

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, n) => n + from)

t.test('what a stream brings is in the inbox with its position, and whoever works on it is told', async (t) => {
  const it = await setUp(t)
  it.start()
  await it.followed('a1')
  t.match(it.server.hellos, [{ account: 'a1', token: 'token-a1', position: null }])
  it.server.send('a1', numbers(3))
  it.server.send('a1', numbers(250, 3))
  await until(async () => (await it.cursor(it.id))?.position === '253')
  t.strictSame(await it.kept(it.id), numbers(253))
  t.strictSame(it.woken, [], 'nobody is woken for changes that are only kept')
  t.ok((await it.cursor(it.id))?.changed_at)
  const packets = await it.db.selectFrom('packet').select('changes').execute()
  t.ok(packets.every(({ changes }) => changes <= 100))
  await sql`update connection set state = 'active'`.execute(it.db)
  it.server.send('a1', [253])
  await until(() => it.woken.includes(it.id))
})

t.test('who comes next goes on behind what was kept, at once where the one before had time to let go', async (t) => {
  const it = await setUp(t)
  const first = it.start()
  await it.followed('a1')
  it.server.send('a1', numbers(5))
  await until(async () => (await it.cursor(it.id))?.position === '5')
  await first.stop()
  it.server.send('a1', numbers(5, 5))
  it.start()
  await until(async () => (await it.cursor(it.id))?.position === '10')
  t.equal(it.server.hellos.at(-1)?.position, 5)
  t.strictSame(await it.kept(it.id), numbers(10))
})

t.test('a stream that breaks is opened again; nothing is lost and nothing comes twice', async (t) => {
  const it = await setUp(t)
  it.start()
  await it.followed('a1')
  for (let round = 0; round < 20; round++) {
    it.server.send('a1', numbers(10, round * 10))
    if (round % 5 === 2) it.server.cut()
    if (round % 5 === 4) await it.followed('a1')
  }
  await until(async () => (await it.cursor(it.id))?.position === '200')
  t.strictSame(await it.kept(it.id), numbers(200))
})

t.test('a batch that cannot be kept takes those behind it along, and the stream goes on in front of it', async (t) => {
  const it = await setUp(t, { accounts: 2 })
  it.start()
  await Promise.all([it.followed('a1'), it.followed('a2')])
  await until(async () => (await it.cursor(it.id))?.position === '0')
  await sql`
    create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
    create trigger refuse before insert on packet for each row when (new.connection_id = ${sql.lit(it.id)}) execute function refuse()`.execute(
    it.db,
  )
  it.server.send('a1', [0])
  it.server.send('a1', [1])
  it.server.send('a2', [0])
  await until(() => it.server.hellos.filter(({ account }) => account === 'a1').length > 2)
  await until(async () => (await it.kept(it.ids[1] as number)).length > 0)
  t.equal((await it.cursor(it.id))?.position, '0')
  t.strictSame(await it.kept(it.ids[1] as number), [0], 'others are kept, together with it or not')
  await sql`drop trigger refuse on packet`.execute(it.db)
  it.server.send('a1', [2])
  await until(async () => (await it.kept(it.id)).length >= 3 && (await it.kept(it.ids[1] as number)).length >= 1)
  t.strictSame(await it.kept(it.id), [0, 1, 2])
  t.strictSame(await it.kept(it.ids[1] as number), [0])
})

t.test('every stream has one runner, and that of a dead process gets another', async (t) => {
  const it = await setUp(t, { accounts: 20 })
  const { hostname, port } = new URL(it.url)
  const proxy = await startProxy(t, { host: hostname, port: Number(port) })
  const far = new URL(it.url)
  far.host = `127.0.0.1:${proxy.port}`
  it.start(it.open(far.href))
  const accounts = it.ids.map((_, n) => `a${n + 1}`)
  await until(() => accounts.every((account) => it.server.open(account) === 1))
  it.start()
  const send = (from: number) => {
    for (const account of accounts) it.server.send(account, numbers(5, from))
  }
  send(0)
  const all = async (position: string) => {
    const cursors = await it.db.selectFrom('cursor').select('position').where('channel', '=', 'stream').execute()
    return cursors.length === 20 && cursors.every((cursor) => cursor.position === position)
  }
  await until(() => all('5'))
  t.ok(
    accounts.every((account) => it.server.most(account) === 1),
    'the second process follows none beside the first',
  )

  await proxy.cut()
  // It still hears its streams, and can keep nothing.
  send(5)
  const died = Date.now()
  await until(() => all('10'))
  t.comment(`taken over after ${Date.now() - died} ms`)
  for (const id of it.ids) t.strictSame(await it.kept(id), numbers(10))
})

t.test('a process that joins later takes its share over, and nothing is lost on the way', async (t) => {
  const it = await setUp(t, { accounts: 9 })
  const share = async () => {
    const { rows } = await sql<{ streams: string }>`
      select count(*) as streams from lease where key like 'stream:%' and until > clock_timestamp() group by owner`.execute(it.db)
    return rows.map(({ streams }) => Number(streams)).sort()
  }
  it.start()
  for (const index of it.ids.keys()) await it.followed(`a${index + 1}`)
  t.same(await share(), [9])
  const send = (from: number) => {
    for (const index of it.ids.keys()) it.server.send(`a${index + 1}`, numbers(10, from))
  }
  send(0)
  it.start()
  await until(async () => (await share()).join() === '4,5')
  send(10)
  const third = it.start()
  await until(async () => (await share()).join() === '3,3,3')
  send(20)
  await third.stop()
  await until(async () => (await share()).join() === '4,5')
  for (const id of it.ids) {
    await until(async () => (await it.cursor(id))?.position === '30')
    t.strictSame(await it.kept(id), numbers(30))
  }
})

t.test('a runner whose lease has gone to another keeps nothing, and only it', async (t) => {
  const it = await setUp(t, { accounts: 2 })
  it.start()
  await Promise.all([it.followed('a1'), it.followed('a2')])
  await sql`update lease set owner = 'another', fence = fence + 1, until = now() + interval '1 minute' where key = ${`stream:${it.id}`}`.execute(
    it.db,
  )
  it.server.send('a1', [0])
  it.server.send('a2', [0])
  await until(async () => (await it.kept(it.ids[1] as number)).length === 1)
  await until(() => it.server.open('a1') === 0)
  t.strictSame(await it.kept(it.id), [])
  t.equal(it.server.open('a2'), 1)
})

t.test(
  'a stream is followed from the moment of connecting, not while the connection is paused, and no more once it is removed',
  async (t) => {
    const it = await setUp(t)
    it.start()
    await it.followed('a1')
    const id = await it.connect('new')
    await settleArrivals(it.db, connectors)
    await it.followed('new')
    it.server.send('new', [0])
    await until(async () => (await it.kept(id)).length === 1)
    await pauseConnection(it.caller, id)
    await it.followed('new', 0)
    it.server.send('new', [1])
    await resumeConnection(it.caller, id)
    await until(async () => (await it.kept(id)).length === 2)
    await removeConnection(it.caller, id, it.vault)
    await it.followed('new', 0)
    it.server.send('new', [2])
    await sql`update connection set state = 'attention', state_reason = 'reconnect' where id = ${it.id}`.execute(it.db)
    await it.followed('a1', 0)
    t.strictSame(await it.kept(id), [])
  },
)

t.test('other settings open the stream anew, or end it', async (t) => {
  const it = await setUp(t)
  const streams = it.start()
  await it.followed('a1')
  await until(async () => (await it.cursor(it.id))?.position === '0')
  await sql`update connection set rules = '{"repeats": true}'`.execute(it.db)
  await streams.look()
  await until(() => it.server.hellos.length === 2 && it.server.open('a1') === 1)
  t.equal(it.server.hellos[1]?.position, 0)
  await sql`update connection set settings = '{"changes": "push"}', arrival = null`.execute(it.db)
  await settleArrivals(it.db, connectors)
  await it.followed('a1', 0)
})

t.test('how changes arrive is settled by the settings that are there, not by those they replace meanwhile', async (t) => {
  const it = await setUp(t)
  await sql`update connection set arrival = null`.execute(it.db)
  const saved = createDoor()
  const saving = it.db.transaction().execute(async (trx) => {
    await sql`update connection set settings = '{"changes": "push"}', arrival = null`.execute(trx)
    await saved.pass()
  })
  await saved.came
  const settling = settleArrivals(it.db, connectors)
  const waits = sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  await until(async () => (await waits.execute(it.db)).rows.length > 0)
  saved.open()
  await Promise.all([saving, settling])
  await settleArrivals(it.db, connectors)
  t.match(await it.db.selectFrom('connection').select('arrival').execute(), [{ arrival: 'push' }])
})

t.test('connecting again opens a stream at once, whatever it was waiting for', async (t) => {
  const it = await setUp(t)
  const streams = it.start()
  it.server.refuse('a1', { code: 'not_allowed', retry: { afterMs: 500_000 } })
  await until(async () => {
    await streams.look()
    return (await it.cursor(it.id))?.standing === 'not_allowed'
  })
  it.server.refuse('a1', undefined)
  await streams.look()
  t.equal(it.server.open('a1'), 0)
  const grant = { accessToken: 'another', refreshToken: 'r', expiresAt: Date.now() + 3_600_000, grantedAt: Date.now() }
  await storeGrant(it.db, it.vault, it.id, { ...grant, account: 'a1', scopes: [] })
  await it.followed('a1')
  const { length } = it.server.hellos
  await streams.look()
  await streams.look()
  t.equal(it.server.hellos.length, length, 'and once')
})

t.test('where changes were missed the history is read, up to that moment', async (t) => {
  const it = await setUp(t)
  it.start()
  await it.followed('a1')
  await readHistoryCursor(it.db, it.id)
  await sql`update cursor set due_at = 'infinity' where channel = 'history'`.execute(it.db)
  const before = Date.now()
  it.server.send('a1', [], { missed: true })
  await until(async () => (await readHistoryCursor(it.db, it.id))?.due === true)
  t.ok((await missingUntil(it.db, it.id)) >= before - 1_000)
})

t.test('a stream that opens without a position has the history read', async (t) => {
  const it = await setUp(t)
  await readHistoryCursor(it.db, it.id)
  await sql`update cursor set due_at = 'infinity' where channel = 'history'`.execute(it.db)
  it.start()
  await until(async () => (await readHistoryCursor(it.db, it.id))?.due === true)
  await it.followed('a1')
})

t.test('what does not pass is told, shown from everywhere, and taken back when the stream is open again', async (t) => {
  const it = await setUp(t)
  const streams = it.start()
  await it.followed('a1')
  const standing = async () => {
    await streams.look()
    return (await it.cursor(it.id))?.standing
  }
  await until(async () => (await standing()) === 'open')
  it.server.refuse('a1', { code: 'not_now', retry: 'later' })
  await until(async () => (await standing()) === 'not_now')
  t.strictSame(await it.notices(), [])
  it.server.refuse('a1', { code: 'not_allowed', retry: { afterMs: 500_000 } })
  await until(async () => (await standing()) === 'not_allowed')
  t.match(await it.notices(), [{ code: 'stream', text: /The lines say not_allowed/ }])
  it.server.refuse('a1', undefined)
  // Somebody looks at it, changes the rules, say.
  await sql`update connection set rules = '{"repeats": true}'`.execute(it.db)
  await until(async () => (await standing()) === 'open')
  t.strictSame(await it.notices(), [])
})
