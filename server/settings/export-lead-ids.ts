import type { Connections } from '../connections/connections.ts'
import type { Caller } from './caller.ts'
import { csvHead, csvLeadId, csvLine } from './csv.ts'
import { findLiveConnection } from './find.ts'
import { problem } from './problem.ts'

/**
 * What the CRM's own field for the Meta lead id holds, as CSV in pieces: with some CRMs it goes when our app does. What is no id is
 * written as it is.
 *
 * @param onProgress told after every page how many records there were so far
 * Throws `CodedError` `connection_unknown`, `connection_removed`, `no_lead_id_field`, or what the CRM throws.
 */
export async function* exportLeadIds(
  caller: Caller,
  id: number,
  connections: Connections,
  onProgress: (records: number) => void = () => undefined,
): AsyncGenerator<string> {
  const { crm } = await findLiveConnection(caller, id)
  const { connector, context } = await connections.get(id)
  if (connector.leadIds === undefined) throw problem('no_lead_id_field', `In ${crm} there is no field for the Meta lead id to read.`)
  yield csvHead(['record_type', 'record_id', 'meta_lead_id'])
  let records = 0
  for (let position: string | undefined, more = true; more; more = position !== undefined) {
    const { entries, next } = await connector.leadIds(context, position)
    yield entries.map(({ ref, value }) => csvLine([ref.type, ref.id, /^\d{15,17}$/.test(value) ? csvLeadId(value) : value])).join('')
    records += entries.length
    onProgress(records)
    position = next
  }
}
