/** Whoever starts learns whether anybody else was at work. */
import t from 'tap'
import type { Database } from '../../../server/database/pool.ts'
import { createVigil } from '../../../server/schedule/vigil.ts'
import { until } from '../../support/app.ts'
import { testDatabase } from '../../support/database.ts'

const vigil = (db: Database) => {
  const seen = { alone: 0 }
  const alone = async () => {
    seen.alone += 1
  }
  return { seen, ...createVigil(db, alone, { ttlMs: 600_000, renewMs: 60_000, lookMs: 20 }) }
}
const owner = async (db: Database) =>
  (await db.selectFrom('lease').select('owner').where('key', '=', 'awake').where('until', '>', new Date()).executeTakeFirst())?.owner

t.test('in a rolling restart nobody is alone; after all have stopped the first one is', async (t) => {
  const db = await testDatabase(t)
  const [first, second, third, fourth] = [vigil(db), vigil(db), vigil(db), vigil(db)] as const
  t.teardown(() => Promise.all([first, second, third, fourth].map((one) => one.stop())))
  await first.start()
  const before = await owner(db)
  await second.start()
  await first.stop()
  await until(async () => ![before, undefined].includes(await owner(db)))
  await third.start()
  await Promise.all([second.stop(), third.stop()])
  t.strictSame(
    [first, second, third].map(({ seen }) => seen.alone),
    [1, 0, 0],
  )
  await fourth.start()
  t.equal(fourth.seen.alone, 1)
})
