/** What becomes of the stage changes that a request brought up, by outcome and reason. */
import { type RawBuilder, sql } from 'kysely'
import { rawLeadKey } from '../../mappings/stage-key.ts'
import type { Database } from '../database/pool.ts'
import type { Outcome } from '../database/tables.ts'

export interface Counted {
  outcome: Outcome
  reason: string | null
  /** Counts the events for new leads, which come beside the stages. */
  rawLead: boolean
  count: number
}

/** Most frequent first. Pure. */
export function countEntries(entries: Iterable<{ outcome: Outcome; reason: string | null; stageKey: string }>): Counted[] {
  const groups = new Map<string, Counted>()
  for (const { outcome, reason, stageKey } of entries) {
    const rawLead = stageKey === rawLeadKey
    const key = `${outcome} ${reason} ${rawLead}`
    const group = groups.get(key) ?? { outcome, reason, rawLead, count: 0 }
    group.count += 1
    groups.set(key, group)
  }
  return inOrder([...groups.values()])
}

/** The rows of the ledger that a backfill brought, as they stand now. */
export const countBackfill = (db: Database, id: number): Promise<Counted[]> => countWhere(db, sql`backfill_id = ${id}`)

/** The rows of the ledger that were judged again together, as they stand now. */
export const countReevaluation = (db: Database, id: number): Promise<Counted[]> => countWhere(db, sql`reevaluation_id = ${id}`)

async function countWhere(db: Database, which: RawBuilder<unknown>): Promise<Counted[]> {
  const found = await sql<Omit<Counted, 'count'> & { count: string }>`
    select outcome, reason, stage_key = ${rawLeadKey} as "rawLead", count(*) as count from ledger where ${which} group by 1, 2, 3`.execute(
    db,
  )
  return inOrder(found.rows.map((row) => ({ ...row, count: Number(row.count) })))
}

const text = ({ outcome, reason, rawLead }: Counted) => `${outcome} ${reason} ${rawLead}`
const inOrder = (counts: Counted[]) => counts.sort((a, b) => b.count - a.count || (text(a) < text(b) ? -1 : 1))
