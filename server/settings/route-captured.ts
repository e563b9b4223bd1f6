import { sql } from 'kysely'
import { capturingSources } from '../../connectors/registry.ts'
import type { Trx } from '../database/transaction.ts'

/**
 * Where Meta's own leads go unless somebody says otherwise: to all datasets of their workspace. Called when a source of such leads,
 * or a dataset, is new: only that gets routes, so that none comes back that was removed.
 */
export async function routeCaptured(trx: Trx, workspaceId: number, fresh: { connectionId?: number; datasetId?: number }): Promise<void> {
  const { rows } = await sql<{ connection_id: number }>`
    insert into route (connection_id, dataset_id, mode)
    select c.id, d.id, case when c.sandbox then 'shadow' else 'live' end
    from connection c join dataset d on d.workspace_id = c.workspace_id
    where c.workspace_id = ${workspaceId} and c.state <> 'removed' and c.crm = any(${capturingSources()}::text[])
      and (c.id = ${fresh.connectionId ?? null}::int or d.id = ${fresh.datasetId ?? null}::int)
    on conflict do nothing returning connection_id`.execute(trx)
  const ids = rows.map((row) => row.connection_id)
  await sql`update connection set state = 'active' where id = any(${ids}::int[]) and state = 'setup'`.execute(trx)
}
