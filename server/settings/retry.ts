/** Trying again what was not sent. Nothing is sent from here: resolve judges it anew. */
import { sql } from 'kysely'
import type { Database } from '../database/pool.ts'
import { rows } from '../database/rows.ts'
import type { Row } from '../database/tables.ts'
import { transaction } from '../database/transaction.ts'
import { audit, type Caller } from './caller.ts'
import { findLiveConnection } from './find.ts'
import { findRecord, type RecordName } from './find-record.ts'
import { problem } from './problem.ts'

/** Outcomes after which an event may be judged again. What was sent never is. */
const UNSENT = new Set(['rejected', 'suppressed', 'unconfirmed', 'expired', 'waiting'])

/**
 * Has the unsent changes of a record judged anew, all of them or one: their milestones are given back, and the record is
 * looked up again. Returns how many.
 *
 * Throws `CodedError`: `record_unknown`, `record_ambiguous`, `connection_removed`, `record_erased`, `event_unknown`,
 * `event_sent`, `event_pending`, `nothing_to_retry`.
 */
export async function retryRecord(caller: Caller, name: RecordName & { eventId?: string }): Promise<{ retried: number }> {
  return transaction(caller.db, async (trx) => {
    const record = await findRecord(caller, name, trx)
    const connection = await findLiveConnection(caller, record.connection_id, { trx })
    if (record.state === 'erased') throw problem('record_erased', 'The person asked to be forgotten; nothing of them is sent again.')
    const entries = await lockEntries(trx, [record.id])
    const chosen = choose(entries, name.eventId)
    await judgeAnew(trx, chosen)
    await trx.updateTable('record').set({ look_again_at: new Date() }).where('id', '=', record.id).execute()
    const detail = { connection: connection.id, events: chosen.map(({ event_id, outcome }) => ({ event: event_id, was: outcome })) }
    await audit(trx, caller, { workspaceId: connection.workspace_id, action: 'record.retry', subject: `record:${record.id}`, detail })
    return { retried: chosen.length }
  })
}

/**
 * Takes changes that were set aside back into the inbox. Returns how many packets.
 * Throws `CodedError` `connection_unknown`, `connection_removed`.
 */
export async function retryQuarantined(caller: Caller, connectionId: number): Promise<{ packets: number }> {
  return transaction(caller.db, async (trx) => {
    const { workspace_id } = await findLiveConnection(caller, connectionId, { trx })
    const freed = await trx
      .updateTable('packet')
      .set({ quarantined: false, attempts: 0, not_before: '-infinity' })
      .where('connection_id', '=', connectionId)
      .where('quarantined', '=', true)
      .executeTakeFirst()
    const packets = Number(freed.numUpdatedRows)
    await audit(trx, caller, {
      workspaceId: workspace_id,
      action: 'connection.retry_quarantined',
      subject: `connection:${connectionId}`,
      detail: { packets },
    })
    return { packets }
  })
}

export type Entry = Pick<Row<'ledger'>, 'occurred_at' | 'event_id' | 'lead_id' | 'stage_key' | 'outcome' | 'reason' | 'dataset_id'>

/** The ledger's rows of locked records, locked after their leads: records first, then leads in id order, as resolve locks them. */
export async function lockEntries(trx: Database, recordIds: readonly string[]): Promise<Entry[]> {
  await sql`
    select id from lead where id in (select lead_id from ledger where record_id = any(${recordIds}::bigint[])) order by id for update`.execute(
    trx,
  )
  return trx
    .selectFrom('ledger')
    .select(['occurred_at', 'event_id', 'lead_id', 'stage_key', 'outcome', 'reason', 'dataset_id'])
    .where(sql<boolean>`record_id = any(${recordIds}::bigint[])`)
    .forUpdate()
    .execute()
}

function choose(entries: readonly Entry[], eventId: string | undefined): Entry[] {
  if (eventId === undefined) {
    const unsent = entries.filter(({ outcome }) => UNSENT.has(outcome))
    if (unsent.length > 0) return unsent
    const sent = entries.filter(({ outcome }) => outcome === 'sent').length
    throw problem('nothing_to_retry', `Nothing is left to retry: ${sent} sent, ${entries.length - sent} on their way.`)
  }
  const entry = entries.find(({ event_id }) => event_id.replaceAll('-', '') === eventId.replaceAll('-', '').toLowerCase())
  if (entry === undefined) throw problem('event_unknown', `The record has no event ${eventId}.`)
  if (entry.outcome === 'sent') throw problem('event_sent', 'Meta has taken this event; it is never sent twice.')
  if (entry.outcome === 'pending') throw problem('event_pending', 'This event is on its way already.')
  return [entry]
}

/** Has locked entries wait for resolve to judge them; milestones that they hold are given back. The caller has their records looked at. */
export async function judgeAnew(trx: Database, entries: readonly Entry[], reevaluationId?: number): Promise<void> {
  const keys = rows('v', { occurred_at: 'timestamptz', event_id: 'uuid', dataset_id: 'int', lead_id: 'bigint' }, entries)
  await sql`
    update ledger l set outcome = 'waiting', reason = null, settled_at = null,
      reevaluation_id = coalesce(${reevaluationId ?? null}::int, l.reevaluation_id)
    from ${keys} where l.occurred_at = v.occurred_at and l.event_id = v.event_id`.execute(trx)
  await sql`
    delete from milestone m using ${keys}
    where m.dataset_id = v.dataset_id and m.lead_id = v.lead_id and m.event_id = v.event_id`.execute(trx)
}
