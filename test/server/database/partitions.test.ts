import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import { dropOldPartitions, ensurePartitions, weekOf } from '../../../server/database/partitions.ts'
import type { Database } from '../../../server/database/pool.ts'
import { testDatabase } from '../../support/database.ts'

const day = 86_400_000
const now = Date.parse('2026-11-22T12:00:00Z')

async function record(db: Database, ...times: number[]): Promise<void> {
  for (const at of times) {
    await db
      .insertInto('ledger')
      .values({
        occurred_at: new Date(at),
        event_id: randomUUID(),
        connection_id: 1,
        dataset_id: 1,
        record_id: 1,
        stage_key: 'lead',
        outcome: 'sent',
        received_at: new Date(at),
      })
      .execute()
  }
}

/** How many rows lie in which partition. */
async function places(db: Database): Promise<Record<string, number>> {
  const { rows } = await sql<{ place: string; count: string }>`
    select tableoid::regclass::text as place, count(*) from ledger group by 1 order by 1`.execute(db)
  return Object.fromEntries(rows.map(({ place, count }) => [place, Number(count)]))
}

t.test('weeks begin on Monday at 00:00 UTC', async (t) => {
  const monday = Date.parse('2026-11-16T00:00:00Z')
  t.equal(weekOf(monday), monday)
  t.equal(weekOf(monday - 1), monday - 7 * day)
  t.equal(weekOf(now), monday)
  t.equal(weekOf(0), Date.parse('1969-12-29T00:00:00Z'))
})

t.test('five weeks around now get a partition, once', async (t) => {
  const db = await testDatabase(t)
  t.same(await ensurePartitions(db, now), ['ledger_20261102', 'ledger_20261109', 'ledger_20261116', 'ledger_20261123', 'ledger_20261130'])
  t.same(await ensurePartitions(db, now), [])
  t.same(await ensurePartitions(db, now + 7 * day), ['ledger_20261207'])
})

t.test('rows that were there before their partition move into it, and others stay', async (t) => {
  const db = await testDatabase(t)
  await record(db, now, now - 7 * day, now - 60 * day, Date.parse('2026-11-16T00:00:00Z'))
  t.same(await places(db), { ledger_other: 4 })
  await ensurePartitions(db, now)
  t.same(await places(db), { ledger_20261109: 1, ledger_20261116: 2, ledger_other: 1 })
  await t.rejects(
    sql`update ledger_20261116 set outcome = 'nonsense'`.execute(db),
    { code: '23514' },
    'the partition keeps the rules of the ledger',
  )
})

t.test('processes that make partitions at once do not disturb each other', async (t) => {
  const db = await testDatabase(t)
  await record(db, now)
  const made = await Promise.all([ensurePartitions(db, now), ensurePartitions(db, now), ensurePartitions(db, now)])
  t.same(made.flat().sort(), ['ledger_20261102', 'ledger_20261109', 'ledger_20261116', 'ledger_20261123', 'ledger_20261130'])
  t.same(await places(db), { ledger_20261116: 1 })
})

t.test('old weeks are dropped whole, and old rows leave the default partition', async (t) => {
  const db = await testDatabase(t)
  await ensurePartitions(db, now)
  await record(db, now, now - 14 * day, now - 100 * day, now - 30 * day, now + 60 * day)
  // Ninety days after the end of the first week.
  const later = Date.parse('2026-11-09T00:00:00Z') + 90 * day
  t.same(await dropOldPartitions(db, later - 1), { dropped: [], deleted: 2 })
  t.same(await dropOldPartitions(db, later), { dropped: ['ledger_20261102'], deleted: 0 })
  t.same(await places(db), { ledger_20261116: 1, ledger_other: 1 })
})

t.test('many old rows in the default partition all go', async (t) => {
  const db = await testDatabase(t)
  await sql`
    insert into ledger (occurred_at, event_id, connection_id, dataset_id, record_id, stage_key, outcome, received_at)
    select ${new Date(now - 200 * day)}::timestamptz + n * interval '1 ms', gen_random_uuid(), 1, 1, 1, 'lead', 'sent', now()
    from generate_series(1, 11000) n`.execute(db)
  t.same(await dropOldPartitions(db, now), { dropped: [], deleted: 11_000 })
  t.same(await places(db), {})
})
