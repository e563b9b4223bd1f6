/** The scheduled run: what it does of itself, and what it leaves alone. */
import { sql } from 'kysely'
import t from 'tap'
import { keepFigures } from '../../../server/figures/keep-figures.ts'
import { withLease } from '../../../server/schedule/lease.ts'
import { testApp, until } from '../../support/app.ts'
import { testDatabase } from '../../support/database.ts'
import { recompute, rolledUp } from './recompute.ts'

const DAY = 86_400_000
const { signal: go } = new AbortController()

t.test('the server rolls up by itself', async (t) => {
  const it = await testApp(t)
  it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'lead', meta_lead_id: '123456789012345' } })
  await it.settled()
  // As if it were long ago.
  await sql`update rolled_day set rolled_at = now() - interval '2 days'`.execute(it.db)
  await it.restart()
  const right = JSON.stringify(await recompute(it.db))
  await until(async () => JSON.stringify(await rolledUp(it.db)) === right, 60_000)
})

t.test('what the ledger has let go of stays known for two years', async (t) => {
  const db = await testDatabase(t)
  const old = (days: number, leads: number) =>
    sql`
      insert into daily_rollup (workspace_id, dimension, day, value, leads, covered, captured, captured_covered, sent, unconfirmed, rejected, expired, suppressed)
      values (1, 'all', (now() - make_interval(days => ${days}))::date, '', ${leads}, 0, 0, 0, 0, 0, 0, 0, 0)`.execute(db)
  for (const days of [20, 60, 85, 95, 700, 800]) await old(days, days)
  await keepFigures({ db, ledgerDays: 90 }, go)
  const left = async () => (await rolledUp(db)).map(([, { leads }]) => leads).sort()
  t.strictSame(await left(), [700, 95], 'there is nothing of the days that it holds')
  // The days go by, and the ledger is to be kept for longer.
  await old(60, 60)
  await sql`update rolled_day set rolled_at = now()`.execute(db)
  await keepFigures({ db, ledgerDays: 30 }, go)
  t.equal(Number((await sql<{ n: string }>`select count(*) as n from rolled_day where final`.execute(db)).rows[0]?.n) > 50, true)
  await sql`update rolled_day set rolled_at = now() - interval '3 days'`.execute(db)
  await keepFigures({ db, ledgerDays: 90 }, go)
  t.strictSame(await left(), [60, 700, 95])
  await keepFigures({ db, ledgerDays: 90, now: () => Date.now() + 90 * DAY }, go)
  t.strictSame(await left(), [60, 95])
})

t.test('one process at a time, and it stops when it is told to', async (t) => {
  const db = await testDatabase(t)
  const rolled = async () => (await db.selectFrom('rolled_day').select('took_ms').execute()).length
  await keepFigures({ db, ledgerDays: 90 }, go)
  t.equal(await rolled(), 0, 'of nothing there are no figures')
  await sql`insert into lead (workspace_id, learned_at) values (1, now() - interval '50 days')`.execute(db)
  await withLease(db, 'figures', () => keepFigures({ db, ledgerDays: 90 }, go))
  t.equal(await rolled(), 0)
  await keepFigures({ db, ledgerDays: 90 }, AbortSignal.abort())
  t.equal(await rolled(), 0)
  await keepFigures({ db, ledgerDays: 90 }, go)
  t.ok((await rolled()) > 50)
})
