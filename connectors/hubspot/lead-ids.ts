/** What the contact property for the Meta lead id holds, by HubSpot's search, in the order of the contacts' ids. */
import { z } from 'zod'
import type { ConnectionContext, LeadIdPage } from '../connector.ts'
import { readReply } from './errors.ts'
import { PAGE } from './modified-records.ts'
import { contact } from './objects.ts'
import type { HubspotSettings } from './settings.ts'
import { api } from './version.ts'

const ID = 'hs_object_id'
const page = z.object({
  results: z.array(z.object({ id: z.union([z.string(), z.number().transform(String)]), properties: z.record(z.string(), z.unknown()) })),
})

/**
 * See `Connector.leadIds`. A position is the last id of the page before: every page is a search of its own, so the ceiling of 10,000
 * results does not matter.
 */
export async function leadIds(
  { client, settings: { leadIdField } }: ConnectionContext<HubspotSettings>,
  position: string | undefined,
): Promise<LeadIdPage> {
  const above = position === undefined ? [] : [{ propertyName: ID, operator: 'GT', value: position }]
  const { body } = await client.request({
    method: 'POST',
    url: `/crm/objects/${api.version}/${contact.path}/search`,
    bucket: 'search',
    json: {
      filterGroups: [{ filters: [{ propertyName: leadIdField, operator: 'HAS_PROPERTY' }, ...above] }],
      sorts: [{ propertyName: ID, direction: 'ASCENDING' }],
      properties: [leadIdField],
      limit: PAGE,
    },
  })
  const { results } = readReply(page, body)
  const entries = results.flatMap(({ id, properties }) => {
    const value = String(properties[leadIdField] ?? '').trim()
    return value === '' ? [] : [{ ref: { type: contact.type, id }, value }]
  })
  return { entries, ...(results.length >= PAGE && { next: results.at(-1)?.id }) }
}
