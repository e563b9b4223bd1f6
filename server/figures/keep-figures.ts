/** Keeps the figures right: rolls up the days that are due, and lets go of what is older than two years. */
import { sql } from 'kysely'
import type { Database } from '../database/pool.ts'
import { transaction } from '../database/transaction.ts'
import { withLease } from '../schedule/lease.ts'
import { dueDays, firstHeldDay, type RolledDay } from './due-days.ts'
import { rollDays } from './roll-days.ts'

const MONTHS = 24

export interface FiguresOptions {
  db: Database
  /** For how many days the ledger keeps its rows. */
  ledgerDays: number
  now?: () => number
}

/** One run; one process at a time. Each span of days is a transaction, so a stop between them or in one loses nothing. */
export async function keepFigures(options: FiguresOptions, signal: AbortSignal): Promise<void> {
  const { db, ledgerDays } = options
  const clock = options.now ?? Date.now
  await withLease(db, 'figures', async (lease) => {
    const now = clock()
    // A day that is gone from the ledger in part must keep what is known of it, also if the ledger is kept for longer later.
    await sql`update rolled_day set final = true where day < ${firstHeldDay(now, ledgerDays)}::date and not final`.execute(db)
    await sql`delete from daily_rollup where day < ${new Date(now)}::date - make_interval(months => ${MONTHS})`.execute(db)
    await sql`delete from rolled_day where day < ${new Date(now)}::date - make_interval(months => ${MONTHS})`.execute(db)
    for (const { from, to } of dueDays(await readRolled(db), now, ledgerDays)) {
      if (signal.aborted) return
      const started = performance.now()
      await transaction(db, async (trx) => {
        await lease.guard(trx)
        await rollDays(trx, from, to)
        await sql`
          insert into rolled_day (day, rolled_at, took_ms)
          select d::date, ${new Date(now)}, ${Math.ceil(performance.now() - started)}
          from generate_series(${from}::date, ${to}::date, interval '1 day') d
          on conflict (day) do update set rolled_at = excluded.rolled_at, took_ms = excluded.took_ms`.execute(trx)
      })
    }
  })
}

async function readRolled(db: Database): Promise<RolledDay[]> {
  const { rows } = await sql<{ day: string; rolled_at: Date; took_ms: number; final: boolean }>`
    select day::text, rolled_at, took_ms, final from rolled_day`.execute(db)
  return rows.map((row) => ({ day: row.day, rolledAt: row.rolled_at.getTime(), tookMs: row.took_ms, final: row.final }))
}
