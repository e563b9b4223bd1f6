/**
 * The whole way with a ledger that holds millions of finished events (ten, or `--rows`), beside the same with an empty one:
 * the same server and database, first empty, then grown. Finished rows are what delivery leaves behind, with their records,
 * leads and milestones, over the last 80 days.
 */
import { sql } from 'kysely'
import type { Database } from '../../server/database/pool.ts'
import type { Part } from './main.ts'
import { startOutside } from './outside.ts'
import { startStand } from './stand.ts'
import { median, rounded } from './statistics.ts'
import { bodiesOf, pass } from './walk.ts'

const CONTACTS = 4_000
const PER_PORTAL = CONTACTS / 8
const ROUNDS = 3
const PER_RECORD = 4
const INSERT = 250_000

export const grown: Part = async (say, { rows }) => {
  const outside = await startOutside()
  const stand = await startStand({ hubspotUrl: outside.hubspotUrl, metaUrl: outside.metaUrl })
  let offset = 0
  const rate = async () => {
    const rates: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const [from, to] = [offset, offset + PER_PORTAL]
      offset = to
      await pass(outside, stand.webhooks, bodiesOf(stand.webhooks, 'lead', from, to))
      const bodies = (['marketingqualifiedlead', 'salesqualifiedlead', 'opportunity', 'customer'] as const).flatMap((stage) =>
        bodiesOf(stand.webhooks, stage, from, to),
      )
      rates.push((CONTACTS * 4) / (await pass(outside, stand.webhooks, bodies)))
    }
    return median(rates)
  }
  try {
    await rate()
    const empty = await rate()
    say(`empty ${Math.round(empty).toLocaleString('en').padStart(7)} events/s`)
    const before = await ledgerBytes(stand.db)
    await grow(stand.db, rows, say)
    const bytesPerRow = rounded(((await ledgerBytes(stand.db)) - before) / rows)
    const full = await rate()
    say(
      `grown ${Math.round(full).toLocaleString('en').padStart(7)} events/s with ${rows.toLocaleString('en')} rows of ${bytesPerRow} bytes`,
    )
    for (const line of await plans(stand.db)) say(line)
    return { vsEmpty: rounded(full / empty, 2), bytesPerRow, rows }
  } finally {
    await stand.stop()
    await outside.close()
  }
}

async function ledgerBytes(db: Database): Promise<number> {
  const { rows } = await sql<{ bytes: string }>`
    select sum(pg_total_relation_size(inhrelid)) as bytes from pg_inherits where inhparent = 'ledger'::regclass`.execute(db)
  return Number(rows[0]?.bytes)
}

/** Rows as delivery leaves them behind, in the order in which time made them. */
async function grow(db: Database, rows: number, say: (line: string) => void): Promise<void> {
  const weeks = await sql<{
    from: Date
  }>`select d as from from generate_series(date_trunc('week', now() - interval '84 days'), now() - interval '15 days', interval '7 days') d`.execute(
    db,
  )
  for (const { from } of weeks.rows) {
    const name = `ledger_${from.toISOString().slice(0, 10).replaceAll('-', '')}`
    const to = new Date(from.getTime() + 7 * 86_400_000)
    await sql`create table if not exists ${sql.table(name)} partition of ledger for values from (${sql.lit(from.toISOString())}) to (${sql.lit(to.toISOString())})`.execute(
      db,
    )
  }
  for (let done = 0; done < rows; done += INSERT) {
    const count = Math.min(INSERT, rows - done)
    const first = 1_000_000_000 + done
    const at = sql`now() - interval '80 days' + (n - 1000000000)::float8 / ${rows} * interval '79 days'`
    await sql`
      insert into ledger (occurred_at, event_id, connection_id, dataset_id, record_id, lead_id, stage_key, event_name, outcome, detail, received_at, settled_at)
      select ${at}, gen_random_uuid(), 1 + n % 8, 1 + n % 8, n / ${PER_RECORD}, n / ${PER_RECORD}, 'lifecyclestage//opportunity', 'Sales Opportunity', 'sent',
        '{"keys": "lead_id em ph fn ln ct st zp country", "mapping": 1, "meta": {"batch": 100, "fbtraceId": "AbCdEfGhIjKlMnOpQrStUvW"}}',
        ${at}, ${at}
      from generate_series(${first}::bigint, ${first + count - 1}::bigint) n`.execute(db)
    await sql`
      insert into milestone (dataset_id, lead_id, event_name, occurred_at, event_id)
      select 1 + n % 8, n / ${PER_RECORD}, 'Stage ' || n % ${PER_RECORD}, ${at}, gen_random_uuid()
      from generate_series(${first}::bigint, ${first + count - 1}::bigint) n on conflict do nothing`.execute(db)
    if (done % (INSERT * 8) === 0) say(`${(done + count).toLocaleString('en')} rows`)
  }
  await sql`insert into record (connection_id, type, record_id, first_seen_at, profile, looked_up_at)
    select 1 + n % 8, 'contact', (20000000000 + n)::text, now() - interval '80 days', '{"fields": {}}', now() - interval '80 days'
    from generate_series(1, ${rows / PER_RECORD}::bigint) n`.execute(db)
  for (const table of ['ledger', 'milestone', 'record']) await sql`vacuum (analyze) ${sql.table(table)}`.execute(db)
  await sql`checkpoint`.execute(db)
}

/** How PostgreSQL finds what the hot statements ask for. */
async function plans(db: Database): Promise<string[]> {
  const asked: Record<string, ReturnType<typeof sql>> = {
    'entries of records in a span': sql`
      select * from ledger where record_id = any(${[1, 2, 3]}::bigint[]) and occurred_at between now() - interval '10 minutes' and now()`,
    'an entry by its key': sql`select * from ledger where occurred_at = now() and event_id = gen_random_uuid()`,
    'milestones of leads': sql`select * from milestone where lead_id = any(${[1, 2, 3]}::bigint[]) and dataset_id = any(${[1]}::int[])`,
    'the oldest events of a dataset': sql`
      select * from outbox where dataset_id = 1 and not_before <= now() order by occurred_at, position, event_id limit 100`,
    'packets of a connection': sql`
      select id from packet where connection_id = 1 and not quarantined and not_before <= now() and claimed_until <= now() order by id limit 200`,
  }
  const lines: string[] = []
  for (const [what, statement] of Object.entries(asked)) {
    const { rows } = await sql<{ 'QUERY PLAN': string }>`explain (costs off) ${statement}`.execute(db)
    lines.push(`${what}:`, ...rows.map((row) => `  ${row['QUERY PLAN']}`))
  }
  return lines
}
