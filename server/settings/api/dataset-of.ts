import type { Database } from '../../database/pool.ts'
import { problem } from '../problem.ts'

/** Meta's id of a dataset of the workspace, by ours. Throws `CodedError` `dataset_unknown`. */
export async function datasetOf(db: Database, workspaceId: number, id: number): Promise<string> {
  const found = await db
    .selectFrom('dataset')
    .select('meta_id')
    .where('id', '=', id)
    .where('workspace_id', '=', workspaceId)
    .executeTakeFirst()
  if (found === undefined) throw problem('dataset_unknown', `There is no dataset ${id} here.`)
  return found.meta_id
}
