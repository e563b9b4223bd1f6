import type { Finding } from '../../connectors/connector.ts'
import type { Connections } from '../connections/connections.ts'
import type { Caller } from './caller.ts'
import { findLiveConnection } from './find.ts'

/**
 * What is missing in the account of a connection, in the words of the CRM's admin. Throws `CodedError` `connection_unknown`,
 * `connection_removed`, and what the CRM makes of being asked.
 */
export async function checkConnection(caller: Caller, id: number, { connections }: { connections: Connections }): Promise<Finding[]> {
  await findLiveConnection(caller, id)
  const { connector, context } = await connections.get(id)
  return connector.check(context)
}
