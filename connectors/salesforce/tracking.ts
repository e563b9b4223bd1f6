import type { CrmClient } from '../connector.ts'
import { queryIfThere } from './query.ts'
import { remembered } from './remember.ts'

/**
 * Whether the org keeps the history of lead statuses, which is an admin's choice (field history tracking); `hidden` where the
 * user may not read it. Where tooling is closed to the user, rows of the last weeks tell.
 */
export function readTracking(client: CrmClient): Promise<'on' | 'off' | 'hidden'> {
  return remembered(client, 'tracking', async () => {
    const [definitions, rows] = await Promise.all([
      queryIfThere(
        client,
        "SELECT QualifiedApiName, IsFieldHistoryTracked FROM FieldDefinition WHERE EntityDefinition.QualifiedApiName = 'Lead' AND QualifiedApiName = 'Status'",
        { tooling: true },
      ),
      queryIfThere(client, "SELECT Id FROM LeadHistory WHERE Field = 'Status' AND CreatedDate = LAST_N_DAYS:30 LIMIT 1"),
    ])
    if (rows === undefined) return 'hidden'
    const told = definitions?.[0]?.IsFieldHistoryTracked
    return (typeof told === 'boolean' ? told : rows.length > 0) ? 'on' : 'off'
  })
}
