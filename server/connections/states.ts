/** Changes of a connection's state, each with the notice that belongs to it. */
import { sql } from 'kysely'
import type { Database } from '../database/pool.ts'
import { catchUpSoon } from '../intake/history-cursor.ts'
import { closeNotice, openNotice } from './notices.ts'

/** The customer has to act: state `attention` with this reason, and a notice. A connection that was paused or removed stays so. */
export async function needAttention(db: Database, connectionId: number, reason: string, text: string): Promise<void> {
  const connection = await db
    .updateTable('connection')
    .set({ state: 'attention', state_reason: reason })
    .where('id', '=', connectionId)
    .where('state', 'in', ['setup', 'active', 'attention'])
    .returning('workspace_id')
    .executeTakeFirst()
  if (connection === undefined) return
  await openNotice(db, { workspaceId: connection.workspace_id, subject: subjectOf(connectionId), code: reason, text })
}

/**
 * What asked for attention is settled: the notice goes, and the connection works again, or waits for its first route. What
 * was put off meanwhile is due now, and so is what was not reported meanwhile.
 */
export async function attentionOver(db: Database, connectionId: number, reason: string): Promise<void> {
  await sql`
    update connection
    set state = case when exists (select from route where connection_id = connection.id) then 'active' else 'setup' end,
        state_reason = null
    where id = ${connectionId} and state = 'attention' and state_reason = ${reason}`.execute(db)
  await sql`update packet set not_before = '-infinity' where connection_id = ${connectionId} and not quarantined and not_before > now()`.execute(
    db,
  )
  await catchUpSoon(db, connectionId)
  await closeNotice(db, subjectOf(connectionId), reason)
}

function subjectOf(connectionId: number): string {
  return `connection:${connectionId}`
}
