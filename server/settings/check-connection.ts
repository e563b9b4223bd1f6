import type { Finding } from '../../connectors/connector.ts'
import type { Connections } from '../connections/connections.ts'
import type { Caller } from './caller.ts'
import { showConnection } from './connections.ts'
import { findLiveConnection } from './find.ts'
import { pastText } from './past-text.ts'

/**
 * What is missing in the account of a connection, in the words of the CRM's admin. Throws `CodedError` `connection_unknown`,
 * `connection_removed`, and what the CRM makes of being asked.
 */
export async function checkConnection(caller: Caller, id: number, { connections }: { connections: Connections }): Promise<Finding[]> {
  await findLiveConnection(caller, id)
  const { connector, context } = await connections.get(id)
  const [findings, { past }] = await Promise.all([connector.check(context), showConnection(caller, id)])
  if (!past?.reading) return findings
  return [...findings, { code: 'past_unread', fatal: false, text: `What was before the connection is ${pastText(past)}.` }]
}
