import type { Connections } from '../connections/connections.ts'
import { audit, type Caller } from './caller.ts'
import { findLiveConnection } from './find.ts'
import { problem } from './problem.ts'

/**
 * Makes the CRM field that holds the Meta lead id; harmless where it is there. Returns its name.
 * Throws `CodedError` `connection_unknown`, `connection_removed`, `field_not_creatable`, or what the CRM throws.
 */
export async function createLeadIdField(caller: Caller, id: number, connections: Connections): Promise<string> {
  const { workspace_id, crm } = await findLiveConnection(caller, id)
  const { connector, context } = await connections.get(id)
  if (connector.createLeadIdField === undefined) {
    throw problem('field_not_creatable', `In ${crm} the field for the Meta lead id has to be created by hand.`)
  }
  const field = await connector.createLeadIdField(context)
  const subject = `connection:${id}`
  await audit(caller.db, caller, { workspaceId: workspace_id, action: 'connection.lead_id_field', subject, detail: { field } })
  return field
}
