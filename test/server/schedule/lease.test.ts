import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import t from 'tap'
import { transaction } from '../../../server/database/transaction.ts'
import { type Lease, withLease } from '../../../server/schedule/lease.ts'
import { testDatabase } from '../../support/database.ts'

t.test('one runs, the other is told until when', async (t) => {
  const db = await testDatabase(t)
  const result = await withLease(db, 'deliver:1', async (lease) => {
    const other = await withLease(db, 'deliver:1', async () => t.fail('two runners'))
    t.match(other, { ran: false, until: Date })
    t.match(await withLease(db, 'deliver:2', async () => 'elsewhere'), { ran: true, value: 'elsewhere' })
    return lease.fence
  })
  t.same(result, { ran: true, value: 1n })
  t.same(await withLease(db, 'deliver:1', async (lease) => lease.fence), { ran: true, value: 2n }, 'let go of, and the fence grows')
})

t.test('of many that want it at once exactly one gets it', async (t) => {
  const db = await testDatabase(t)
  const hold = Promise.withResolvers<void>()
  const results = Array.from({ length: 8 }, () => withLease(db, 'token:1', () => hold.promise))
  let refused = 0
  const seven = Promise.withResolvers<void>()
  for (const result of results) {
    result.then(({ ran }) => {
      if (!ran) refused += 1
      if (refused === 7) seven.resolve()
    })
  }
  await seven.promise
  hold.resolve()
  t.equal((await Promise.all(results)).filter(({ ran }) => ran).length, 1)
})

t.test('work that fails lets go and its error comes through', async (t) => {
  const db = await testDatabase(t)
  await t.rejects(
    withLease(db, 'poll:1', async () => {
      throw new Error('broken')
    }),
    /broken/,
  )
  t.match(await withLease(db, 'poll:1', async () => 'next'), { ran: true })
})

t.test('a lease is renewed while its work goes on', async (t) => {
  const db = await testDatabase(t)
  await withLease(
    db,
    'stream:1',
    async (lease) => {
      const until = () => db.selectFrom('lease').select('until').where('key', '=', 'stream:1').executeTakeFirstOrThrow()
      const first = (await until()).until
      while ((await until()).until.getTime() === first.getTime()) await sleep(5)
      t.equal(lease.signal.aborted, false)
      t.equal(lease.outlasts(0), true)
      t.equal(lease.outlasts(600_001), false)
    },
    { ttlMs: 600_000, renewMs: 10 },
  )
})

t.test('a lease that is too short for a request is renewed first', async (t) => {
  const db = await testDatabase(t)
  // Time goes by all at once, so that the renewal itself may take as long as it likes.
  const steady = performance.now.bind(performance)
  let ahead = 0
  t.intercept(performance, 'now', { value: () => steady() + ahead })
  await withLease(
    db,
    'deliver:1',
    async (lease) => {
      t.equal(lease.outlasts(300_000), true)
      ahead = 400_000
      t.equal(lease.outlasts(300_000), false)
      await lease.outlast(300_000)
      t.equal(lease.outlasts(300_000), true)
      await t.rejects(lease.outlast(600_001), { code: 'lease_lost' }, 'longer than any renewal')
    },
    { ttlMs: 600_000, renewMs: 600_000 },
  )
})

t.test('a runner that was slow loses the lease: its writes are refused and its work is told', async (t) => {
  const db = await testDatabase(t)
  await db.insertInto('tally').values({ name: 'written', count: 0 }).execute()
  const write = (lease: Lease) =>
    transaction(db, async (trx) => {
      await lease.guard(trx)
      await sql`update tally set count = count + 1`.execute(trx)
    })
  const written = async () => (await db.selectFrom('tally').select('count').executeTakeFirstOrThrow()).count
  await withLease(
    db,
    'deliver:1',
    async (slow) => {
      await write(slow)
      t.equal(await written(), '1')
      // The pause of a process, as its lease sees it.
      await sql`update lease set until = clock_timestamp() - interval '1 ms'`.execute(db)
      await t.rejects(write(slow), { code: 'lease_lost', retry: 'later' }, 'run out, although nobody has it yet')
      const taken = await withLease(db, 'deliver:1', async (next) => {
        t.equal(next.fence, slow.fence + 1n)
        await t.rejects(write(slow), { code: 'lease_lost' })
        await write(next)
        await t.rejects(slow.outlast(13_000), { code: 'lease_lost' })
        t.equal(slow.signal.aborted, true)
        t.equal(slow.outlasts(0), false)
      })
      t.match(taken, { ran: true })
    },
    { ttlMs: 12_000, renewMs: 600_000 },
  )
  t.equal(await written(), '2')
})

t.test('the slow runner’s end does not let go of the lease that another one holds', async (t) => {
  const db = await testDatabase(t)
  const hold = Promise.withResolvers<void>()
  const held = Promise.withResolvers<void>()
  let next: Promise<unknown> | undefined
  await withLease(db, 'deliver:1', async () => {
    await sql`update lease set until = clock_timestamp() - interval '1 ms'`.execute(db)
    next = withLease(db, 'deliver:1', async () => {
      held.resolve()
      await hold.promise
    })
    await held.promise
  })
  t.match(await withLease(db, 'deliver:1', async () => 'third'), { ran: false })
  hold.resolve()
  await next
})

t.test('a lease cannot change hands in the middle of a guarded transaction', async (t) => {
  const db = await testDatabase(t)
  const order: string[] = []
  let taker: Promise<unknown> | undefined
  await withLease(db, 'deliver:1', async (lease) => {
    await transaction(db, async (trx) => {
      await lease.guard(trx)
      const expired = sql`update lease set until = '-infinity'`.execute(db)
      taker = expired.then(() =>
        withLease(db, 'deliver:1', async () => {
          order.push('taken')
        }),
      )
      // Both now wait for our lock.
      const waits = async () => (await sql<{ n: string }>`select count(*) as n from pg_locks where not granted`.execute(trx)).rows[0]?.n
      while ((await waits()) === '0') await sleep(5)
      order.push('committed')
    })
    await taker
  })
  t.same(order, ['committed', 'taken'])
})
