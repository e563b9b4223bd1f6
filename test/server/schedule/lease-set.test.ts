import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { createLeaseSet, type LeaseOptions, withLease } from '../../../server/schedule/lease.ts'
import { until } from '../../support/app.ts'
import { testDatabase } from '../../support/database.ts'

async function setUp(t: Test) {
  const db = await testDatabase(t)
  const runner = (options?: LeaseOptions) => {
    const lost: string[] = []
    const set = createLeaseSet(db, (key) => lost.push(key), options)
    t.teardown(() => set.close())
    return { ...set, lost }
  }
  return { db, runner }
}
const keys = Array.from({ length: 100 }, (_, n) => `stream:${n}`)

t.test('every lease of a set has one holder, whoever asks first', async (t) => {
  const { db, runner } = await setUp(t)
  const [one, two] = [runner(), runner()]
  const taken = await Promise.all([one.take(keys), two.take(keys.toReversed()), one.take(keys)])
  t.strictSame(taken.flatMap((fences) => [...fences.keys()]).toSorted(), keys.toSorted())
  t.match(await withLease(db, 'stream:7', async () => t.fail('two runners')), { ran: false })
})

t.test('what was let go of is free at once, with a fence that has grown', async (t) => {
  const { runner } = await setUp(t)
  const [one, two] = [runner(), runner()]
  await one.take(['a', 'b'])
  await one.release(['a'])
  t.strictSame([...(await two.take(['a', 'b']))], [['a', 2n]])
  await one.close()
  t.strictSame([...(await two.take(['b']))], [['b', 2n]])
  t.strictSame(one.lost, [])
})

t.test('all are renewed with one statement, as long as the holder lives', async (t) => {
  const { db, runner } = await setUp(t)
  const one = runner({ ttlMs: 60_000, renewMs: 20 })
  await one.take(keys)
  const untils = async () => (await sql<{ until: Date }>`select distinct until from lease`.execute(db)).rows
  const [first] = await untils()
  await until(async () => (await untils()).every(({ until }) => until > (first?.until as Date)))
  t.equal((await untils()).length <= keys.length, true)
  t.strictSame(one.lost, [])
})

t.test('one that another has taken is lost, and only that one', async (t) => {
  const { db, runner } = await setUp(t)
  const one = runner({ ttlMs: 60_000, renewMs: 20 })
  await one.take(['a', 'b'])
  await sql`update lease set owner = 'another', fence = fence + 1 where key = 'a'`.execute(db)
  await until(() => one.lost.length > 0)
  await sleep(50)
  t.strictSame(one.lost, ['a'])
})

t.test('what cannot be renewed in time is lost before anybody else can have it', async (t) => {
  const { db, runner } = await setUp(t)
  const one = runner({ ttlMs: 400, renewMs: 50 })
  await one.take(['a'])
  await sql`alter table lease rename to lease_away`.execute(db)
  await until(() => one.lost.length > 0)
  await sql`alter table lease_away rename to lease`.execute(db)
  t.strictSame(one.lost, ['a'])
})
