/**
 * Judging again what was not sent, after the mapping, a consent or a rule has changed. Nothing is sent from here: entries
 * are made to wait, and resolve judges them anew, with the times and ids that they always had.
 */
import { sql } from 'kysely'
import { type Counted, countEntries, countReevaluation } from '../backfill/counts.ts'
import { transaction } from '../database/transaction.ts'
import { audit, type Caller } from './caller.ts'
import { findConnection, findLiveConnection } from './find.ts'
import { problem } from './problem.ts'
import { judgeAnew, lockEntries } from './retry.ts'

export interface Which {
  connectionId: number
  /** Only entries with this reason. */
  reason?: string
}

/** Records that one transaction holds. */
const BATCH = 200
/** As far back as Meta takes events. */
const DAYS = 7

/** What can be judged again: suppressed changes of the last seven days, by reason. Throws `CodedError` `connection_unknown`. */
export async function countSuppressed(caller: Caller, which: Which): Promise<Counted[]> {
  await findConnection(caller, which.connectionId)
  const { rows } = await sql<{ reason: string; stageKey: string }>`
    select l.reason, l.stage_key as "stageKey" ${suppressed(which)}`.execute(caller.db)
  return countEntries(rows.map((row) => ({ ...row, outcome: 'suppressed' as const })))
}

/**
 * Has these changes judged again, a bounded number of records at a time. Returns the number of the re-evaluation, under
 * which `showReevaluation` tells what came of it, and how many entries it holds.
 *
 * Throws `CodedError` `connection_unknown`, `connection_removed`, `nothing_to_reevaluate`.
 */
export async function reevaluate(caller: Caller, which: Which): Promise<{ id: number; entries: number }> {
  const { db } = caller
  const { connectionId, reason } = which
  const connection = await findLiveConnection(caller, connectionId)
  const { rows } = await sql<{ id: string }>`select distinct l.record_id as id ${suppressed(which)} order by 1`.execute(db)
  if (rows.length === 0) throw problem('nothing_to_reevaluate', 'Nothing of the last seven days was held back for that reason.')
  const { id } = await transaction(db, async (trx) => {
    const row = { workspace_id: connection.workspace_id, connection_id: connectionId, reason, requested_by: caller.actor }
    const made = await trx.insertInto('reevaluation').values(row).returning('id').executeTakeFirstOrThrow()
    await audit(trx, caller, {
      workspaceId: connection.workspace_id,
      action: 'record.reevaluate',
      subject: `connection:${connectionId}`,
      detail: { reevaluation: made.id, reason: reason ?? null },
    })
    return made
  })
  let entries = 0
  for (let from = 0; from < rows.length; from += BATCH) {
    const batch = rows.slice(from, from + BATCH).map((row) => row.id)
    entries += await judgeBatch(caller, which, id, batch)
  }
  return { id, entries }
}

export interface Reevaluation {
  id: number
  connectionId: number
  /** Where only entries of one reason were judged again. */
  reason: string | null
  entries: number
  requestedBy: string
  requestedAt: Date
  /** What became of them so far. */
  counts: Counted[]
}

/** The latest re-evaluation of a connection. Throws `CodedError` `connection_unknown`, `reevaluation_unknown`. */
export async function showReevaluation(caller: Caller, connectionId: number): Promise<Reevaluation> {
  await findConnection(caller, connectionId)
  const latest = caller.db.selectFrom('reevaluation').selectAll().where('connection_id', '=', connectionId).orderBy('id', 'desc')
  const row = await latest.executeTakeFirst()
  if (row === undefined) throw problem('reevaluation_unknown', `Nothing of connection ${connectionId} has been judged again yet.`)
  const { id, reason, entries, requested_by: requestedBy, requested_at: requestedAt } = row
  return { id, connectionId, reason, entries, requestedBy, requestedAt, counts: await countReevaluation(caller.db, id) }
}

/** What a person asked to have forgotten is never judged again. */
const suppressed = ({ connectionId, reason }: Which) => sql`
  from ledger l join record r on r.id = l.record_id
  where l.connection_id = ${connectionId} and l.outcome = 'suppressed' and l.occurred_at > now() - make_interval(days => ${DAYS})
    and r.state <> 'erased' and l.reason <> 'erased' and (${reason ?? null}::text is null or l.reason = ${reason ?? null})`

async function judgeBatch({ db }: Caller, { reason }: Which, id: number, recordIds: readonly string[]): Promise<number> {
  const since = Date.now() - DAYS * 86_400_000
  return transaction(db, async (trx) => {
    const alive = await sql<{ id: string }>`
      select id from record where id = any(${recordIds}::bigint[]) and state <> 'erased' order by id for update`.execute(trx)
    const ids = alive.rows.map((row) => row.id)
    const entries = (await lockEntries(trx, ids)).filter(
      (entry) =>
        entry.outcome === 'suppressed' &&
        entry.reason !== 'erased' &&
        (reason === undefined || entry.reason === reason) &&
        entry.occurred_at.getTime() > since,
    )
    await judgeAnew(trx, entries, id)
    await sql`update record set look_again_at = now() where id = any(${ids}::bigint[])`.execute(trx)
    await trx
      .updateTable('reevaluation')
      .set((row) => ({ entries: row('entries', '+', entries.length) }))
      .where('id', '=', id)
      .execute()
    return entries.length
  })
}
