/**
 * The ledger's partitions: one a week (Monday, UTC), named by their first day. Rows of all other times, old or odd, lie in
 * the default partition `ledger_other`.
 */
import { sql } from 'kysely'
import type { Database } from './pool.ts'
import { transaction } from './transaction.ts'

const DAY = 86_400_000
const WEEK = 7 * DAY
/** Serialises changes of the partitions; any number. */
const PARTITIONS_LOCK = 7_236_839
/** Writers queue behind a change of the partitions, so it gives up rather than wait long for its own locks. */
const LOCK_TIMEOUT = '5s'
const DELETE_BATCH = 5_000

/** Start of the week that holds `at`; both milliseconds since the epoch. Weeks begin on Monday, 00:00 UTC. */
export function weekOf(at: number): number {
  // 1970-01-05 was a Monday.
  const monday = 4 * DAY
  return Math.floor((at - monday) / WEEK) * WEEK + monday
}

/**
 * Makes sure that the weeks from two before `now` to two after have their partitions; rows of those weeks that lie in the
 * default partition move over in the same transaction.
 *
 * @returns names of the partitions made
 */
export async function ensurePartitions(db: Database, now: number): Promise<string[]> {
  const weeks = [-2, -1, 0, 1, 2].map((offset) => weekOf(now) + offset * WEEK)
  const there = new Set((await partitions(db)).map(({ name }) => name))
  const made: string[] = []
  for (const week of weeks) {
    if (there.has(partitionName(week))) continue
    if (await makePartition(db, week)) made.push(partitionName(week))
  }
  return made
}

/**
 * Drops the weeks that ended more than `keepDays` before `now`, and deletes rows as old from the default partition, a batch
 * at a time.
 *
 * @returns partitions dropped and rows deleted
 */
export async function dropOldPartitions(db: Database, now: number, keepDays = 90): Promise<{ dropped: string[]; deleted: number }> {
  const before = now - keepDays * DAY
  const dropped: string[] = []
  for (const { name, week } of await partitions(db)) {
    if (week + WEEK > before) continue
    await transaction(db, async (trx) => {
      await sql`set local lock_timeout = ${sql.lit(LOCK_TIMEOUT)}`.execute(trx)
      await sql`drop table if exists ${sql.table(name)}`.execute(trx)
    })
    dropped.push(name)
  }
  let deleted = 0
  for (let batch = DELETE_BATCH; batch === DELETE_BATCH; deleted += batch) {
    const gone = await sql`
      delete from ledger_other where (occurred_at, event_id) in (
        select occurred_at, event_id from ledger_other where occurred_at < ${new Date(before)} limit ${DELETE_BATCH}
      )`.execute(db)
    batch = Number(gone.numAffectedRows ?? 0)
  }
  return { dropped, deleted }
}

function partitionName(week: number): string {
  return `ledger_${new Date(week).toISOString().slice(0, 10).replaceAll('-', '')}`
}

async function partitions(db: Database): Promise<{ name: string; week: number }[]> {
  const { rows } = await sql<{ name: string }>`
    select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'ledger'::regclass order by 1`.execute(db)
  return rows.flatMap(({ name }) => {
    const day = /^ledger_(\d{4})(\d\d)(\d\d)$/.exec(name)
    return day === null ? [] : [{ name, week: Date.parse(`${day[1]}-${day[2]}-${day[3]}`) }]
  })
}

/**
 * A table beside the ledger, filled, then attached: that locks the default partition but lets readers and writers of the
 * other weeks go on. False when another process was quicker.
 */
async function makePartition(db: Database, week: number): Promise<boolean> {
  const name = sql.table(partitionName(week))
  const from = sql.lit(new Date(week).toISOString())
  const to = sql.lit(new Date(week + WEEK).toISOString())
  return transaction(db, async (trx) => {
    await sql`set local lock_timeout = ${sql.lit(LOCK_TIMEOUT)}`.execute(trx)
    await sql`select pg_advisory_xact_lock(${PARTITIONS_LOCK})`.execute(trx)
    if ((await partitions(trx)).some((partition) => partition.week === week)) return false
    await sql`lock table ledger_other in access exclusive mode`.execute(trx)
    await sql`create table ${name} (like ledger including defaults including constraints)`.execute(trx)
    await sql`
      with moved as (delete from ledger_other where occurred_at >= ${from} and occurred_at < ${to} returning *)
      insert into ${name} select * from moved`.execute(trx)
    await sql`alter table ledger attach partition ${name} for values from (${from}) to (${to})`.execute(trx)
    return true
  })
}
