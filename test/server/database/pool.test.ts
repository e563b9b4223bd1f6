import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { openDatabase } from '../../../server/database/pool.ts'
import { transaction } from '../../../server/database/transaction.ts'
import { createLog } from '../../../server/log.ts'
import { testDatabase, testDatabaseUrl } from '../../support/database.ts'

const log = createLog({ level: 'silent' })

/** A TCP peer between us and the database that can go silent without closing anything, as a lost network does. */
async function proxyTo(t: Test, url: string): Promise<{ url: string; silence(): void; heal(): void }> {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  const silenced = new Set<Socket>()
  const server: Server = createServer((near) => {
    const far = connect(Number(port), hostname)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('error', () => undefined)
      from.on('data', (chunk) => silenced.has(near) || to.write(chunk))
      from.on('close', () => silenced.has(near) || to.destroy())
    }
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const near = new URL(url)
  near.port = String((server.address() as AddressInfo).port)
  let mute = false
  server.on('connection', (near) => mute && silenced.add(near))
  return {
    url: near.href,
    silence() {
      mute = true
      for (const socket of sockets) silenced.add(socket)
    },
    heal() {
      mute = false
    },
  }
}

t.test('ids arrive as text, instants as dates, JSON parsed and bytes as buffers', async (t) => {
  const db = await testDatabase(t)
  const { rows } = await sql`
    select 9007199254740993::bigint as id, '2026-01-02T03:04:05.678Z'::timestamptz as at, '{"a":[1]}'::jsonb as json, '\\x00ff'::bytea as bytes`.execute(
    db,
  )
  t.same(rows, [{ id: '9007199254740993', at: new Date('2026-01-02T03:04:05.678Z'), json: { a: [1] }, bytes: Buffer.from([0, 255]) }])
})

t.test('a database that cannot be reached is a coded error to try again later', async (t) => {
  const db = openDatabase({ url: 'postgres://nobody:nothing@127.0.0.1:1/none', log })
  t.teardown(() => db.destroy())
  await t.rejects(db.selectFrom('workspace').selectAll().execute(), { code: 'database_unavailable', retry: 'later' })
})

t.test('a connection whose other end went silent hangs nothing and is not used again', async (t) => {
  const proxy = await proxyTo(t, await testDatabaseUrl(t))
  const db = openDatabase({ url: proxy.url, log, max: 1, statementMs: 2_000 })
  t.teardown(() => db.destroy())
  const alive = () => sql<{ one: number }>`select 1 as one`.execute(db).then(({ rows }) => rows)
  t.same(await alive(), [{ one: 1 }])
  proxy.silence()
  await t.rejects(alive(), { code: 'database_unavailable' }, 'the statement in flight')
  await t.rejects(alive(), { code: 'database_unavailable' }, 'a new connection')
  proxy.heal()
  t.same(await alive(), [{ one: 1 }])
})

t.test('a statement that takes too long is cut off by the server, and its connection lives on', async (t) => {
  const db = openDatabase({ url: await testDatabaseUrl(t), log, max: 1, statementMs: 1_000 })
  t.teardown(() => db.destroy())
  const backend = () => sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db).then(({ rows }) => rows[0]?.pid)
  const before = await backend()
  await t.rejects(sql`select pg_sleep(60)`.execute(db), { code: 'database_unavailable' })
  t.equal(await backend(), before)
})

t.test('connections that the server ended are replaced, also in the middle of a transaction', async (t) => {
  const db = await testDatabase(t, { max: 2 })
  const killed = db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx)
    await sql`select pg_terminate_backend(${rows[0]?.pid})`.execute(db)
    await sql`select 1`.execute(trx)
  })
  await t.rejects(killed, { code: 'database_unavailable' })
  t.same((await sql`select 1 as one`.execute(db)).rows, [{ one: 1 }])
})

t.test('a broken constraint keeps its own code, so that the caller can tell', async (t) => {
  const db = await testDatabase(t)
  const add = () => db.insertInto('workspace').values({ name: 'one' }).execute()
  await add()
  await t.rejects(add(), { code: '23505' })
})

t.test('a transaction that lost against another runs again from its beginning', async (t) => {
  const db = await testDatabase(t)
  await db.insertInto('tally').values({ name: 'count', count: 0 }).execute()
  let tries = 0
  let looks = 0
  const allLooked = Promise.withResolvers<void>()
  const add = () =>
    transaction(
      db,
      async (trx) => {
        tries += 1
        const { count } = await trx.selectFrom('tally').select('count').where('name', '=', 'count').executeTakeFirstOrThrow()
        // All have seen the same before the first one writes.
        looks += 1
        if (looks === 8) allLooked.resolve()
        await allLooked.promise
        await trx
          .updateTable('tally')
          .set({ count: Number(count) + 1 })
          .where('name', '=', 'count')
          .execute()
      },
      { isolation: 'serializable', attempts: 30 },
    )
  await Promise.all(Array.from({ length: 8 }, add))
  t.match(await db.selectFrom('tally').selectAll().execute(), [{ count: '8' }])
  t.ok(tries > 8, 'some had to run again')
})

t.test('a transaction that loses every time ends as a coded error, and other errors end it at once', async (t) => {
  const db = await testDatabase(t)
  const conflict = Object.assign(new Error('conflict'), { code: '40001' })
  let tries = 0
  const lose = async () => {
    tries += 1
    throw conflict
  }
  await t.rejects(transaction(db, lose, { attempts: 3 }), { code: 'database_unavailable', retry: 'later' })
  t.equal(tries, 3)
  const broken = new Error('broken')
  await t.rejects(
    transaction(db, async () => {
      throw broken
    }),
    broken,
  )
})
