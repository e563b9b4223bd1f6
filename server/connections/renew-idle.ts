/** Grants that nobody uses are renewed now and then, because CRMs forget them, some after 30 days. */
import { sql } from 'kysely'
import type { Database } from '../database/pool.ts'
import type { Connections } from './connections.ts'

/** Untouched for so long, a grant is renewed: weeks of trouble may follow before it is lost. */
const IDLE_MS = 3 * 24 * 3_600_000

/** Connections whose grant nobody has renewed for three days, paused ones too. */
export async function findIdleGrants(db: Database): Promise<number[]> {
  const found = await sql<{ id: number }>`
    select c.id from secret s join connection c on s.owner = 'connection:' || c.id
    where s.purpose = 'grant' and s.changed_at < now() - make_interval(secs => ${IDLE_MS / 1000})
      and c.state <> 'removed' and (c.state <> 'attention' or c.state_reason is distinct from 'reconnect')`.execute(db)
  return found.rows.map(({ id }) => id)
}

/** Renews the grant of a connection, unless somebody has meanwhile. Throws `CodedError` as `AccessToken`. */
export async function renewIdle(connections: Connections, connectionId: number): Promise<void> {
  const { access } = await connections.get(connectionId)
  await access.renew(IDLE_MS)
}
