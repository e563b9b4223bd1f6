/**
 * What the account still knows of a period: the records that changed since its beginning, page by page, and of each the
 * property history. What happened in the period becomes changes like those that webhooks tell.
 */
import { z } from 'zod'
import type { ConnectionContext, HistoryPage } from '../connector.ts'
import { CodedError } from '../errors.ts'
import { type History, readTransitions } from './history.ts'
import { scope } from './install.ts'
import type { WebhookEvent } from './kept-event.ts'
import { type Place, searchModified } from './modified-records.ts'
import { contact, type HubspotObject, lead, MERGED_IDS, objects } from './objects.ts'
import { type Row, readRecords } from './read-records.ts'
import type { HubspotSettings } from './settings.ts'

interface Period {
  from: number
  to: number
}

/** A lead id that came with the record is seen when the record is. */
const AT_CREATION_MS = 1_000

const position = z.object({ type: z.enum(['contact', 'deal', 'lead']), at: z.number(), id: z.string().optional() })

/**
 * See `Connector.history`: contacts, then deals, then leads, each in the order of their last change. The search has no upper
 * end: a record that changed in the period may have changed again since. Where leads may not be read, there are none.
 */
export async function readPeriod(
  context: ConnectionContext<HubspotSettings>,
  period: Period,
  from: string | undefined,
): Promise<HistoryPage> {
  const { type, ...place } = readPosition(from) ?? { type: contact.type, at: period.from }
  const readable = objects.filter((one) => one !== lead || context.scopes.includes(scope.readLeads))
  const index = readable.findIndex((one) => one.type === type)
  const object = readable[index]
  if (object === undefined) return { changes: [], records: 0 }
  const page = await readPage(context, object, period, place)
  const following = readable[index + 1]
  const next = page.next ? { type, ...page.next } : following && { type: following.type, at: period.from }
  return { changes: page.changes, records: page.records, ...(next && { next: JSON.stringify(next) }) }
}

/** A position that cannot be read, from another release say, is none: the period is read from its beginning. */
function readPosition(text: string | undefined): z.infer<typeof position> | undefined {
  try {
    return position.parse(JSON.parse(text ?? ''))
  } catch {
    return undefined
  }
}

async function readPage(context: ConnectionContext<HubspotSettings>, object: HubspotObject, period: Period, place: Place) {
  try {
    const { ids, next } = await searchModified(context.client, object, place)
    const leadIdField = object === contact ? [context.settings.leadIdField] : []
    const tracked = [...object.stages, ...(object.pipeline ? [object.pipeline] : []), ...leadIdField, MERGED_IDS]
    const rows = await readRecords(context.client, object, ids, [object.created], tracked, 'history')
    return { changes: rows.flatMap((row) => changesOf(object, row, period, leadIdField)), records: ids.length, next }
  } catch (error) {
    // Leads are optional: the account may have lost them since its scopes were noted.
    if (object === lead && error instanceof CodedError && error.code === 'missing_scope') return { changes: [], records: 0 }
    throw error
  }
}

/** What happened to one record in the period. Pure. */
function changesOf(object: HubspotObject, row: Row, { from, to }: Period, leadIdField: readonly string[]): WebhookEvent[] {
  const within = (at: number | undefined): at is number => at !== undefined && from <= at && at < to
  const base = { objectId: row.id, origin: 'history' as const }
  const changed = { ...base, subscriptionType: `${object.type}.propertyChange` }

  const merges = readMerges(row.history)
    .filter(({ at }) => within(at))
    .map(({ at, ids }) => ({
      origin: base.origin,
      subscriptionType: `${object.type}.merge`,
      primaryObjectId: row.id,
      mergedObjectIds: ids,
      occurredAt: at,
    }))
  const stages = readTransitions(object, row.history)
    .filter(({ occurredAt }) => within(occurredAt))
    .map(({ stage, occurredAt }) => ({
      ...changed,
      propertyName: stage.source,
      propertyValue: stage.stageId,
      ...(stage.pipelineId !== undefined && { pipelineId: stage.pipelineId }),
      occurredAt,
    }))
  const identities = leadIdField.flatMap((propertyName) =>
    (row.history[propertyName] ?? [])
      .filter(({ at }) => within(at) && at > (row.createdAt ?? 0) + AT_CREATION_MS)
      .slice(0, 1)
      .map(({ at }) => ({ ...changed, propertyName, occurredAt: at })),
  )
  const told = [...merges, ...stages, ...identities]
  if (told.length > 0 || !within(row.createdAt)) return told
  return [{ ...base, subscriptionType: `${object.type}.creation`, occurredAt: row.createdAt }]
}

/** The ids that each merge added to a survivor, oldest first. */
function readMerges(history: History): { at: number; ids: string[] }[] {
  const known = new Set<string>()
  return (history[MERGED_IDS] ?? [])
    .toSorted((a, b) => a.at - b.at)
    .map(({ value, at }) => {
      const ids = value.split(';').flatMap((id) => (/^\d{1,19}$/.test(id.trim()) && !known.has(id.trim()) ? [id.trim()] : []))
      for (const id of ids) known.add(id)
      return { at, ids }
    })
    .filter(({ ids }) => ids.length > 0)
}
