/** Batch reads of records and of their contacts (HubSpot, CRM objects and associations). */
import { z } from 'zod'
import type { CrmClient } from '../connector.ts'
import { CodedError } from '../errors.ts'
import { readReply } from './errors.ts'
import type { History } from './history.ts'
import type { HubspotObject } from './objects.ts'
import { api } from './version.ts'

/** A record as read: properties that the account does not define are absent, empty ones null. */
export interface Row {
  id: string
  createdAt?: number
  properties: Readonly<Record<string, string | null>>
  history: History
}

/** HubSpot's limits of one batch; history halves it. */
const BATCH = 100
const BATCH_WITH_HISTORY = 50
const ASSOCIATIONS_BATCH = 1000
/** Pages of contacts read for one deal or lead. A deal with more contacts than this holds has no meaning for us. */
const MAX_PAGES = 10

const text = z.union([z.string(), z.union([z.number(), z.boolean()]).transform(String)])
const failures = z.array(z.object({ category: z.string().default('') })).default([])
const rows = z.object({
  results: z.array(
    z.object({
      id: text,
      createdAt: z.string().optional(),
      properties: z.record(z.string(), text.nullable()),
      propertiesWithHistory: z.record(z.string(), z.array(z.object({ value: text.nullish(), timestamp: z.string() }))).nullish(),
    }),
  ),
  errors: failures,
})
const links = z.object({
  results: z.array(
    z.object({
      from: z.object({ id: text }),
      to: z.array(
        z.object({
          // A string in dated versions, an integer in numbered ones.
          toObjectId: text,
          associationTypes: z
            .array(z.object({ category: z.string().default(''), typeId: z.number(), label: z.string().nullish() }))
            .default([]),
        }),
      ),
      paging: z.object({ next: z.object({ after: z.string() }).optional() }).nullish(),
    }),
  ),
  errors: failures,
})

/**
 * Reads records by id, in concurrent batches. Records that are gone are missing in the answer; one read under an id that
 * was merged away may appear under its survivor's id.
 * @param bucket the limit against which the requests count
 */
export async function readRecords(
  client: CrmClient,
  object: HubspotObject,
  ids: readonly string[],
  properties: readonly string[],
  propertiesWithHistory: readonly string[] = [],
  bucket = 'default',
): Promise<Row[]> {
  const size = propertiesWithHistory.length > 0 ? BATCH_WITH_HISTORY : BATCH
  const batches = await Promise.all(
    chunk(ids, size).map(async (batch) => {
      const { body } = await client.request({
        method: 'POST',
        url: `/crm/objects/${api.version}/${object.path}/batch/read`,
        bucket,
        json: { inputs: batch.map((id) => ({ id })), properties, propertiesWithHistory },
      })
      const { results, errors } = readReply(rows, body)
      insistOnMissingOnly(errors)
      return results
    }),
  )
  return batches.flat().map(({ id, createdAt, properties, propertiesWithHistory }) => ({
    id,
    createdAt: instant(properties[object.created]) ?? instant(createdAt),
    properties,
    history: Object.fromEntries(
      Object.entries(propertiesWithHistory ?? {}).map(([name, entries]) => [
        name,
        entries.map((entry) => ({ value: entry.value ?? '', at: Date.parse(entry.timestamp) })).filter(({ at }) => !Number.isNaN(at)),
      ]),
    ),
  }))
}

/** A contact linked to a deal or lead. */
export interface Link {
  contactId: string
  primary: boolean
}

/** The contacts of each deal or lead; records without contacts are missing in the answer. */
export async function readContactLinks(client: CrmClient, from: HubspotObject, ids: readonly string[]): Promise<Map<string, Link[]>> {
  const found = new Map<string, Link[]>()
  await Promise.all(
    chunk(ids, ASSOCIATIONS_BATCH).map(async (batch) => {
      let inputs: { id: string; after?: string }[] = batch.map((id) => ({ id }))
      for (let page = 0; page < MAX_PAGES && inputs.length > 0; page++) {
        const { body } = await client.request({
          method: 'POST',
          url: `/crm/associations/${api.version}/${from.path}/contacts/batch/read`,
          json: { inputs },
        })
        const { results, errors } = readReply(links, body)
        insistOnMissingOnly(errors)
        for (const { from, to } of results)
          found.set(from.id, [
            ...(found.get(from.id) ?? []),
            ...to.map(({ toObjectId, associationTypes }) => ({ contactId: toObjectId, primary: associationTypes.some(isPrimary) })),
          ])
        inputs = results.flatMap(({ from, paging }) => (paging?.next ? [{ id: from.id, after: paging.next.after }] : []))
      }
    }),
  )
  return found
}

/** Lead to primary contact is type 578 of HubSpot's own; for deals, accounts define a label that begins with "primary". */
function isPrimary(type: { category: string; typeId: number; label?: string | null }): boolean {
  return (type.typeId === 578 && type.category !== 'USER_DEFINED') || /^\s*primary\b/i.test(type.label ?? '')
}

/**
 * Status 207 reports single records. That one is gone, or that an id cannot be one, is an answer; anything else is a
 * failure that must not pass for "gone".
 */
function insistOnMissingOnly(errors: { category: string }[]): void {
  const harmless = ['OBJECT_NOT_FOUND', 'VALIDATION_ERROR']
  const other = errors.find(({ category }) => !harmless.includes(category))
  if (other === undefined) return
  throw new CodedError({
    code: 'partial_answer',
    retry: 'later',
    scope: 'batch',
    userText: 'HubSpot could not read some of the records just now. They are read again.',
    message: `partial_answer: category ${other.category.replace(/\W/g, '').slice(0, 64) || 'none'}`,
  })
}

function instant(text: string | null | undefined): number | undefined {
  const at = Date.parse(text ?? '')
  return Number.isNaN(at) ? undefined : at
}

function chunk<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size))
}
