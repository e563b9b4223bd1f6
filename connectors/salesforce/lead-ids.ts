/** What the fields for the Meta lead id hold, on leads and opportunities, in the order of their ids. */
import type { ConnectionContext, LeadIdPage } from '../connector.ts'
import { readableFields } from './fields.ts'
import { readLeadId } from './lead-id-value.ts'
import { lead, opportunity } from './objects.ts'
import { query, quote, text } from './query.ts'
import type { SalesforceSettings } from './settings.ts'

/** As many rows as one answer holds (REST API guide, query). */
const PAGE = 2_000

/** See `Connector.leadIds`. A position is the type and the last id of the page before, with a colon between. */
export async function leadIds(context: ConnectionContext<SalesforceSettings>, position: string | undefined): Promise<LeadIdPage> {
  const { client, settings } = context
  const [type, after = ''] = (position ?? lead.type).split(':')
  const object = type === opportunity.type ? opportunity : lead
  const { opportunity: ofOpportunities = [] } = await readableFields(context)
  const field = object === lead ? settings.leadIdField : settings.opportunityLeadIdField
  if (object === opportunity && !ofOpportunities.includes(field)) return { entries: [] }
  const behind = after === '' ? '' : ` AND Id > ${quote(after)}`
  const soql = `SELECT Id, ${field} FROM ${object.entity} WHERE ${field} != null${behind} ORDER BY Id LIMIT ${PAGE}`
  const rows = await query(client, soql, { bucket: 'history' })
  const entries = rows.flatMap((row) => {
    const id = text(row.Id)
    const value = readLeadId(row[field])
    return id === undefined || value === undefined ? [] : [{ ref: { type: object.type, id }, value }]
  })
  const last = text(rows.at(-1)?.Id)
  if (rows.length >= PAGE && last !== undefined) return { entries, next: `${object.type}:${last}` }
  return object === lead ? { entries, next: opportunity.type } : { entries }
}
