import { sql } from 'kysely'
import t from 'tap'
import { missedHours } from '../../../../server/operations/notices/missed-hours.ts'
import { watchSilence } from '../../../../server/operations/notices/watch-silence.ts'
import { testDatabase } from '../../../support/database.ts'
import { setUp } from './set-up.ts'

const HOUR_MS = 3_600_000
/** Monday, 2 November 2026, 00:00 UTC, in hours since the epoch. */
const MONDAY = Date.UTC(2026, 10, 2) / HOUR_MS
const at = (day: number, hour: number) => MONDAY + day * 24 + hour
/** Active on these days of two weeks, at these hours. */
const weeks = (days: number[], hours: number[]) =>
  [0, 7].flatMap((week) => days.flatMap((day) => hours.map((hour) => at(week + day, hour))))
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)
const WEEKDAYS = [0, 1, 2, 3, 4]

t.test('silence is measured in the hours that are usually active', async (t) => {
  const office = weeks(WEEKDAYS, range(9, 17))
  const since = (active: number[], day: number, hour: number) => Math.round(missedHours(active, at(day, hour) * HOUR_MS) * 100) / 100
  t.equal(since(office, 11, 18), 0, 'Friday evening')
  t.equal(since(office, 14, 9), 0, 'a weekend is nothing unusual')
  t.equal(since(office, 14, 10), 1)
  t.equal(since(office, 14, 18), 9, 'a whole day')
  t.equal(since(office, 15, 9), 9, 'nor is a night')
  const always = weeks(range(0, 6), range(0, 23))
  t.equal(since(always, 14, 8), 8)
  const atSome = weeks(WEEKDAYS, [10]).filter((_, index) => index % 2 === 0)
  t.equal(since(atSome, 18, 23), 3, 'six working days, of which half are usually active')
  t.equal(missedHours([], at(1, 1)), 0)
})

t.test('a silence does not become usual by lasting', async (t) => {
  const office = weeks(WEEKDAYS, range(9, 17))
  t.equal(Math.round(missedHours(office, at(11 + 28, 18) * HOUR_MS)), 9 * 20)
})

async function connection(it: Awaited<ReturnType<typeof setUp>>, state = 'active', name = 'Sales') {
  const { rows } = await sql<{ id: number }>`
    insert into connection (workspace_id, crm, account_key, state, name)
    values (${it.workspaceId}, 'hubspot', gen_random_uuid()::text, ${state}, ${name}) returning id`.execute(it.db)
  return rows[0]?.id as number
}

/** Active in every hour of the given span, in hours before now. */
const active = (it: Awaited<ReturnType<typeof setUp>>, id: number, from: number, to: number) =>
  sql`insert into active_hour select ${id}, h from generate_series(date_trunc('hour', now(), 'UTC') - make_interval(hours => ${from}),
    date_trunc('hour', now(), 'UTC') - make_interval(hours => ${to}), interval '1 hour') h on conflict do nothing`.execute(it.db)

const quiet = async (it: Awaited<ReturnType<typeof setUp>>) =>
  (
    await it.db
      .selectFrom('notice')
      .select(['subject', 'text'])
      .where('code', '=', 'quiet')
      .where('closed_at', 'is', null)
      .orderBy('id')
      .execute()
  ).map(({ subject, text }) => ({ subject, text }))

t.test('a connection at work that has fallen silent gets a notice, once, until a change comes', async (t) => {
  const it = await setUp(t)
  const silent = await connection(it)
  const talking = await connection(it)
  const paused = await connection(it, 'paused')
  const fresh = await connection(it)
  for (const id of [silent, paused]) await active(it, id, 14 * 24, 12)
  await active(it, talking, 14 * 24, 3)
  await active(it, fresh, 3 * 24, 12)
  await watchSilence(it.db)
  await watchSilence(it.db)
  const found = await quiet(it)
  t.strictSame(
    found.map(({ subject }) => subject),
    [`connection:${silent}`],
  )
  t.match(
    found[0]?.text,
    /^No change has come from HubSpot connection \d+ \(Sales\) since \d{4}-\d\d-\d\d \d\d:00 UTC, .* longer than usual/,
  )

  // The change is in the ledger, as resolve writes it.
  await sql`
    insert into ledger (occurred_at, event_id, connection_id, dataset_id, record_id, stage_key, outcome, received_at)
    values (now() - interval '5 minutes', gen_random_uuid(), ${silent}, 1, 1, 'x', 'suppressed', now())`.execute(it.db)
  await watchSilence(it.db)
  t.strictSame(await quiet(it), [])
})

t.test('a change that waits in the inbox breaks a silence, and what a backfill brings is no habit', async (t) => {
  const it = await setUp(t)
  const id = await connection(it)
  await active(it, id, 14 * 24, 12)
  await it.db
    .insertInto('packet')
    .values({ id: '01890000-0000-7000-8000-000000000000', connection_id: id, body: Buffer.alloc(1), changes: 1, received_at: new Date() })
    .execute()
  await watchSilence(it.db)
  t.strictSame(await quiet(it), [])

  const other = await connection(it)
  await sql`
    insert into ledger (occurred_at, event_id, connection_id, dataset_id, record_id, stage_key, outcome, received_at, backfill_id)
    select h, gen_random_uuid(), ${other}, 1, 1, 'x', 'suppressed', now(), 1
    from generate_series(now() - interval '14 days', now() - interval '12 hours', interval '1 hour') h`.execute(it.db)
  await sql`delete from active_hour`.execute(it.db)
  await watchSilence(it.db)
  t.strictSame(await quiet(it), [])
})

t.test('active hours are taken from the ledger as it grows, and kept for three weeks', async (t) => {
  const db = await testDatabase(t)
  const enter = (hoursAgo: number) =>
    sql`
      insert into ledger (occurred_at, event_id, connection_id, dataset_id, record_id, stage_key, outcome, received_at)
      select now() - make_interval(hours => ${hoursAgo}), gen_random_uuid(), 7, d, 1, 'x', 'suppressed', now() from generate_series(1, 3) d`.execute(
      db,
    )
  const known = async () => Number((await sql<{ n: string }>`select count(*) as n from active_hour`.execute(db)).rows[0]?.n)
  for (const hours of [22 * 24, 20 * 24, 48, 2]) await enter(hours)
  await watchSilence(db)
  t.equal(await known(), 3, 'of the last three weeks, each once')
  await enter(20)
  await enter(1)
  await watchSilence(db)
  t.equal(await known(), 5)
  await sql`update active_hour set hour = hour - interval '2 days' where hour < now() - interval '10 days'`.execute(db)
  await watchSilence(db)
  t.equal(await known(), 4)
})
