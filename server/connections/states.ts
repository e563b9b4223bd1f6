/** Changes of a connection's state that nobody asked for, each with its notice and its line in the audit trail. */
import { sql } from 'kysely'
import type { Database } from '../database/pool.ts'
import type { ConnectionState } from '../database/tables.ts'
import { inTransaction } from '../database/transaction.ts'
import { catchUpSoon } from '../intake/history-cursor.ts'
import { audit, system } from '../settings/caller.ts'
import { closeNotice, openNotice } from './notices.ts'

/** The reason of a connection whose CRM no longer knows us: it is disconnected. */
export const RECONNECT = 'reconnect'
/** Code of the notice that such a connection will count as uninstalled. */
export const REMOVAL_AHEAD = 'removal_ahead'

/**
 * The customer has to act: state `attention` with this reason, and a notice in place of that of another reason. A connection that was
 * paused or removed stays so, and a disconnected one asks for nothing else before it is connected again.
 */
export async function needAttention(db: Database, connectionId: number, reason: string, text: string): Promise<void> {
  await inTransaction(db, (trx) => askForAttention(trx, connectionId, reason, text))
}

async function askForAttention(db: Database, connectionId: number, reason: string, text: string): Promise<void> {
  const { rows } = await sql<{ workspace_id: number; state: ConnectionState; state_reason: string | null }>`
    with was as (
      select id, state, state_reason from connection
      where id = ${connectionId} and state in ('setup', 'active', 'attention')
        and (state_reason is distinct from ${RECONNECT} or ${reason === RECONNECT}) for update
    )
    update connection c set state = 'attention', state_reason = ${reason},
      disconnected_at = case when ${reason === RECONNECT} then coalesce(c.disconnected_at, now()) end
    from was where c.id = was.id returning c.workspace_id, was.state, was.state_reason`.execute(db)
  const [was] = rows
  if (was === undefined) return
  const subject = subjectOf(connectionId)
  if (was.state !== 'attention' || was.state_reason !== reason) {
    const detail = { reason, from: was.state, ...(was.state_reason !== null && { before: was.state_reason }) }
    await audit(db, system, { workspaceId: was.workspace_id, action: 'connection.attention', subject, detail })
  }
  if (was.state_reason !== null && was.state_reason !== reason) await closeNotice(db, subject, was.state_reason)
  await openNotice(db, { workspaceId: was.workspace_id, subject, code: reason, text })
}

/**
 * What asked for attention is settled: the notice goes, and the connection works again, or waits for its first route. What
 * was put off meanwhile is due now, and so is what was not reported meanwhile.
 */
export async function attentionOver(db: Database, connectionId: number, reason: string): Promise<void> {
  await inTransaction(db, (trx) => endAttention(trx, connectionId, reason))
}

async function endAttention(db: Database, connectionId: number, reason: string): Promise<void> {
  const { rows } = await sql<{ workspace_id: number; state: ConnectionState }>`
    update connection
    set state = case when exists (select from route where connection_id = connection.id) then 'active' else 'setup' end,
        state_reason = null, disconnected_at = null
    where id = ${connectionId} and state = 'attention' and state_reason = ${reason} returning workspace_id, state`.execute(db)
  const subject = subjectOf(connectionId)
  for (const { workspace_id, state } of rows) {
    const detail = { reason, to: state }
    await audit(db, system, { workspaceId: workspace_id, action: 'connection.attention_over', subject, detail })
  }
  await sql`update packet set not_before = '-infinity' where connection_id = ${connectionId} and not quarantined and not_before > now()`.execute(
    db,
  )
  await catchUpSoon(db, connectionId)
  await closeNotice(db, subject, reason)
  if (reason === RECONNECT) await closeNotice(db, subject, REMOVAL_AHEAD)
}

function subjectOf(connectionId: number): string {
  return `connection:${connectionId}`
}
