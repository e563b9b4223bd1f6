/**
 * Which records changed since an instant, by HubSpot's search. Every page is a search of its own that begins where the last
 * one ended, so neither the ceiling of 10,000 results nor records that change meanwhile matter: what changes moves to the
 * end, where it is still ahead.
 */
import { z } from 'zod'
import type { CrmClient } from '../connector.ts'
import { readReply } from './errors.ts'
import type { HubspotObject } from './objects.ts'
import { api } from './version.ts'

/** Where a page begins. */
export interface Place {
  /** Last modified at this instant or later, milliseconds since the epoch. */
  at: number
  /** Exactly at that instant, and only ids above this one: more records share it than one page holds. */
  id?: string
}

/** HubSpot's largest page of a search. */
export const PAGE = 200

const ID = 'hs_object_id'
const page = z.object({
  results: z.array(
    z.object({
      id: z.union([z.string(), z.number().transform(String)]),
      updatedAt: z.iso.datetime({ offset: true }).optional(),
      properties: z.record(z.string(), z.unknown()).default({}),
    }),
  ),
})

/** Ids of one page in the order of their change, and where to go on; no `next` after the last one. */
export async function searchModified(
  client: CrmClient,
  object: HubspotObject,
  { at, id }: Place,
): Promise<{ ids: string[]; next?: Place }> {
  const modified = { propertyName: object.modified, operator: id === undefined ? 'GTE' : 'EQ', value: String(at) }
  const above = id === undefined ? [] : [{ propertyName: ID, operator: 'GT', value: id }]
  const { body } = await client.request({
    method: 'POST',
    url: `/crm/objects/${api.version}/${object.path}/search`,
    bucket: 'search',
    json: {
      filterGroups: [{ filters: [modified, ...above] }],
      sorts: [{ propertyName: id === undefined ? object.modified : ID, direction: 'ASCENDING' }],
      properties: [object.modified],
      limit: PAGE,
    },
  })
  const found = readReply(page, body).results
  const ids = found.map((one) => one.id)
  const full = found.length >= PAGE
  if (id !== undefined) return { ids, next: full ? { at, id: ids.at(-1) as string } : { at: at + 1 } }
  if (!full) return { ids }

  const instants = found.map(({ properties, updatedAt }) => readInstant(properties[object.modified] ?? updatedAt))
  const last = Math.max(at, ...instants)
  // The last instant of a full page may go on behind it, so it is left to the next page.
  const before = ids.filter((_, index) => (instants[index] as number) < last)
  return before.length > 0 ? { ids: before, next: { at: last } } : { ids: [], next: { at: last, id: '0' } }
}

/** ISO text; throws `unreadable_answer` for anything else, because going on in the wrong place would lose records. */
function readInstant(value: unknown): number {
  return Date.parse(readReply(z.iso.datetime({ offset: true }), value))
}
