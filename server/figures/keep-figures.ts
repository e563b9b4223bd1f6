/** Keeps the figures right: rolls up the days that are due, and lets go of what is older than two years. */
import { sql } from 'kysely'
import { databaseCode } from '../database/errors.ts'
import type { Database } from '../database/pool.ts'
import { transaction } from '../database/transaction.ts'
import { type Lease, withLease } from '../schedule/lease.ts'
import { dueDays, firstHeldDay, halves, type RolledDay, type Span } from './due-days.ts'
import { rollDays } from './roll-days.ts'

const MONTHS = 24

export interface FiguresOptions {
  db: Database
  /** For how many days the ledger keeps its rows. */
  ledgerDays: number
  now?: () => number
}

/** One run, in one process at a time. Each span of days is a transaction of its own, so a stop in the middle loses nothing. */
export async function keepFigures({ db, ledgerDays, now: clock = Date.now }: FiguresOptions, signal: AbortSignal): Promise<void> {
  await withLease(db, 'figures', async (lease) => {
    const now = clock()
    // A day of which the ledger has let go in part keeps what is known of it, also if the ledger is kept for longer later.
    await sql`update rolled_day set final = true where day < ${firstHeldDay(now, ledgerDays)}::date and not final`.execute(db)
    for (const table of ['daily_rollup', 'rolled_day']) {
      await sql`delete from ${sql.table(table)} where day < ${new Date(now)}::date - make_interval(months => ${MONTHS})`.execute(db)
    }
    for (const span of dueDays(await readRolled(db), now, ledgerDays, await readBegin(db))) {
      if (signal.aborted) return
      await rollSpan(db, lease, span, now)
    }
  })
}

/** Rolls a span up in one transaction, or in two where PostgreSQL finds it too long for one statement. */
async function rollSpan(db: Database, lease: Lease, span: Span, now: number): Promise<void> {
  const started = performance.now()
  try {
    await transaction(db, async (trx) => {
      await lease.guard(trx)
      await rollDays(trx, span.from, span.to)
      await sql`
        insert into rolled_day (day, rolled_at, took_ms)
        select d::date, ${new Date(now)}, ${Math.ceil(performance.now() - started)}
        from generate_series(${span.from}::date, ${span.to}::date, interval '1 day') d
        on conflict (day) do update set rolled_at = excluded.rolled_at, took_ms = excluded.took_ms`.execute(trx)
    })
  } catch (error) {
    const cutOff = error instanceof Error && databaseCode(error.cause) === '57014'
    if (!cutOff || span.from === span.to) throw error
    for (const half of halves(span)) await rollSpan(db, lease, half, now)
  }
}

/** The first instant of which there is anything to be rolled up, or was. */
async function readBegin(db: Database): Promise<number | undefined> {
  const { rows } = await sql<{ begun: Date | null }>`
    select least((select min(occurred_at) from ledger), (select min(coalesce(generated_at, learned_at)) from lead),
      (select min(day) from daily_rollup)) as begun`.execute(db)
  return rows[0]?.begun?.getTime()
}

async function readRolled(db: Database): Promise<RolledDay[]> {
  const { rows } = await sql<{ day: string; rolled_at: Date; took_ms: number; final: boolean }>`
    select day::text, rolled_at, took_ms, final from rolled_day`.execute(db)
  return rows.map((row) => ({ day: row.day, rolledAt: row.rolled_at.getTime(), tookMs: row.took_ms, final: row.final }))
}
