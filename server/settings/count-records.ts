import { sql } from 'kysely'
import type { Outcome } from '../database/tables.ts'
import type { Caller } from './caller.ts'
import { knownReason } from './entry-text.ts'
import { findConnection } from './find.ts'

export interface CountedRecords {
  outcome: Outcome
  reason: string | null
  /** What the reason means, without the particulars of one record. */
  text: string | null
  count: number
}

/** How many changes of the last days had which outcome, and for which reason; most frequent first. Throws `CodedError` `connection_unknown`. */
export async function countRecords(
  caller: Caller,
  { connectionId, days }: { connectionId: number; days: number },
): Promise<CountedRecords[]> {
  await findConnection(caller, connectionId)
  const { rows } = await sql<{ outcome: Outcome; reason: string | null; count: string }>`
    select outcome, reason, count(*) as count from ledger
    where connection_id = ${connectionId} and occurred_at > now() - make_interval(days => ${days})
    group by 1, 2 order by 3 desc, 1, 2`.execute(caller.db)
  return rows.map(({ outcome, reason, count }) => ({
    outcome,
    reason,
    text: reason === null ? null : (knownReason(reason) ?? null),
    count: Number(count),
  }))
}
