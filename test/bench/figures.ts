/**
 * What figures cost beside a ledger of a million rows (or `--rows`, if fewer) of the last 80 days: rolling up for the first time, again with
 * nothing changed, what the server does every minute and every hour, and reading 90 days. Ten advertisers, thirty ads each.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { startEmbedded } from '../../server/database/embedded.ts'
import { migrate } from '../../server/database/migrate.ts'
import { type Database, openDatabase } from '../../server/database/pool.ts'
import { transaction } from '../../server/database/transaction.ts'
import { dueDays, type Span } from '../../server/figures/due-days.ts'
import { dimensions, readFigures } from '../../server/figures/read-figures.ts'
import { readStages } from '../../server/figures/read-stages.ts'
import { rollDays } from '../../server/figures/roll-days.ts'
import { createLog } from '../../server/log.ts'
import { funnel } from '../support/funnel.ts'
import type { Part } from './main.ts'
import { median, rounded } from './statistics.ts'

const MOST_ROWS = 1_000_000
const WORKSPACES = 10
const ADS = 30
const LEDGER_DAYS = 90
const READS = 20
const HOUR = 3_600_000
const log = createLog({ level: 'silent' })

export const figures: Part = async (say, options) => {
  const rows = Math.min(options.rows, MOST_ROWS)
  const folder = await mkdtemp(join(tmpdir(), 'leadstage-figures-'))
  const postgres = await startEmbedded({ dataDir: folder, log })
  await migrate(postgres.url, log)
  const db = openDatabase({ url: postgres.url, log, max: 2, statementMs: 3_600_000 })
  try {
    await fill(db, rows)
    say(`${rows.toLocaleString('en')} rows of the ledger, ${(rows / 4).toLocaleString('en')} leads`)
    const now = Date.now()
    const all = dueDays([], now, LEDGER_DAYS, 0)
    const found = { rows, firstMs: await roll(db, all), againMs: await roll(db, all) }
    say(`all days: ${found.firstMs} ms the first time, ${found.againMs} ms with nothing changed`)
    const hourMs = await roll(db, dueAfter(all, now, 2 * HOUR))
    const minuteMs = await roll(db, dueAfter(all, now, 90_000))
    say(`every hour ${hourMs} ms, every minute ${minuteMs} ms (${rounded(minuteMs / 600, 2)} % of the time)`)
    const caller = { db, actor: 'bench' }
    let worst = 0
    for (const by of dimensions) {
      const ms = await time(() => readFigures(caller, { workspace: 1, days: 90, by }))
      worst = Math.max(worst, ms)
      say(`90 days by ${by}: ${ms} ms`)
    }
    const stagesMs = await time(() => readStages(caller, 1))
    say(`stages: ${stagesMs} ms`)
    return { ...found, hourMs, minuteMs, readMs: worst, stagesMs }
  } finally {
    await db.destroy()
    await postgres.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** What is due so long after everything was rolled up. */
function dueAfter(all: readonly Span[], now: number, ms: number): Span[] {
  const rolled = all.flatMap(({ from, to }) => {
    const days = []
    for (let at = Date.parse(from); at <= Date.parse(to); at += 24 * HOUR) days.push(new Date(at).toISOString().slice(0, 10))
    return days.map((day) => ({ day, rolledAt: now - ms, tookMs: 0, final: false }))
  })
  return dueDays(rolled, now, LEDGER_DAYS, 0)
}

async function roll(db: Database, spans: readonly Span[]): Promise<number> {
  const started = performance.now()
  for (const { from, to } of spans) await transaction(db, (trx) => rollDays(trx, from, to))
  return rounded(performance.now() - started)
}

/** Milliseconds, the median of some times. */
async function time(work: () => Promise<unknown>): Promise<number> {
  const took: number[] = []
  for (let n = 0; n < READS; n++) {
    const started = performance.now()
    await work()
    took.push(performance.now() - started)
  }
  return rounded(median(took), 1)
}

/** Every lead reaches four stages, each an hour to some days after the one before; a part of them is held back. */
async function fill(db: Database, rows: number): Promise<void> {
  await sql`insert into workspace (name) select 'Bench ' || n from generate_series(1, ${WORKSPACES}::int) n`.execute(db)
  await sql`insert into connection (workspace_id, crm, account_key, state) select id, 'hubspot', id::text, 'active' from workspace`.execute(
    db,
  )
  await sql`insert into dataset (workspace_id, meta_id) select id, '70000000000000' || id from workspace`.execute(db)
  await sql`
    insert into mapping (connection_id, version, body, created_by) select id, 1, ${JSON.stringify(funnel())}::jsonb, 'bench' from connection`.execute(
    db,
  )
  const weeks = await sql<{ from: Date }>`
    select d as from from generate_series(date_trunc('week', now() - interval '84 days'), now() + interval '7 days', interval '7 days') d`.execute(
    db,
  )
  for (const { from } of weeks.rows) {
    const name = `ledger_${from.toISOString().slice(0, 10).replaceAll('-', '')}`
    const to = new Date(from.getTime() + 7 * 24 * HOUR)
    await sql`create table ${sql.table(name)} partition of ledger for values from (${sql.lit(from.toISOString())}) to (${sql.lit(to.toISOString())})`.execute(
      db,
    )
  }
  const leads = Math.floor(rows / 4)
  const begun = sql`now() - interval '80 days' + n::float8 / ${leads} * interval '80 days'`
  await sql`
    insert into lead (workspace_id, meta_lead_id, generated_at, learned_at, captured_at, form_id, ad_id, campaign_id)
    select 1 + n % ${WORKSPACES}::int, (100000000000000 + n)::text, ${begun}, ${begun}, ${begun}, (n / 10 % ${ADS}::int % 7)::text, (n / 10 % ${ADS}::int)::text, (n / 10 % ${ADS}::int % 5)::text
    from generate_series(1, ${leads}::int) n`.execute(db)
  await sql`
    insert into ledger (occurred_at, event_id, connection_id, dataset_id, record_id, lead_id, stage_key, event_name, outcome, reason, detail, received_at, settled_at)
    select at, gen_random_uuid(), workspace_id, workspace_id, id, id,
      case stage when 0 then 'raw_lead' else 'lifecyclestage//' || (array['marketingqualifiedlead', 'salesqualifiedlead', 'customer'])[stage] end,
      (array['Raw Lead', 'Marketing Qualified Lead', 'Sales Qualified Lead', 'Converted'])[stage + 1],
      case when id % 10 = 0 then 'suppressed' else 'sent' end, case when id % 10 = 0 then 'consent_missing' end,
      '{"keys": "lead_id em ph fn ln ct st zp country", "mapping": 1, "meta": {"batch": 100, "fbtraceId": "AbCdEfGhIjKlMnOpQrStUvW"}}', at, at
    from lead cross join generate_series(0, 3) stage cross join lateral (
      select generated_at + stage * make_interval(hours => 1 + (id % 90)::int) as at
    ) reached where at < now()`.execute(db)
  await sql`
    insert into milestone (dataset_id, lead_id, event_name, occurred_at, event_id)
    select dataset_id, lead_id, event_name, occurred_at, event_id from ledger`.execute(db)
  for (const table of ['ledger', 'lead', 'milestone']) await sql`vacuum (analyze) ${sql.table(table)}`.execute(db)
}
