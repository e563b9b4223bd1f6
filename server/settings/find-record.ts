import type { RecordRef } from '../../connectors/connector.ts'
import type { Database } from '../database/pool.ts'
import type { Row } from '../database/tables.ts'
import type { Caller } from './caller.ts'
import { problem } from './problem.ts'

export interface RecordName {
  /** Type and id as the CRM has them. */
  ref: RecordRef
  /** Needed where several connections have a record of that name. */
  connectionId?: number
}

/**
 * The record that people mean by a CRM's type and id. Throws `CodedError` `record_unknown`, `record_ambiguous`.
 *
 * @param trx with it, the record is locked until its end
 */
export async function findRecord(caller: Caller, { ref, connectionId }: RecordName, trx?: Database): Promise<Row<'record'>> {
  const db = trx ?? caller.db
  let connections = db.selectFrom('connection').select('id')
  if (connectionId !== undefined) connections = connections.where('id', '=', connectionId)
  if (caller.workspaceId !== undefined) connections = connections.where('workspace_id', '=', caller.workspaceId)
  const ids = (await connections.execute()).map(({ id }) => id)
  const query = db
    .selectFrom('record')
    .selectAll()
    .where('connection_id', 'in', ids.length > 0 ? ids : [0])
    .where('type', '=', ref.type)
    .where('record_id', '=', ref.id)
  const found = await (trx === undefined ? query : query.orderBy('id').forUpdate()).execute()
  const [record, ...others] = found
  if (record === undefined) throw problem('record_unknown', `No change of the record ${ref.type}/${ref.id} has arrived here.`)
  if (others.length > 0) {
    const where = found.map(({ connection_id }) => connection_id).join(', ')
    throw problem('record_ambiguous', `Several connections (${where}) have a record ${ref.type}/${ref.id}. Name the connection.`)
  }
  return record
}
