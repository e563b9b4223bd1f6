/**
 * For orgs without change events: what changed is asked for. A transaction shows its records only when it ends, with the
 * instant at which each was written, so every question goes back a while behind what was seen last, and what was seen
 * already is left out. A user without View All sees what was shared with that user, and no more is told.
 */
import { z } from 'zod'
import type { ConnectionContext, PollPage } from '../connector.ts'
import type { FoundChange, ReachedChange } from './change.ts'
import { leadFacts } from './lead-facts.ts'
import { lead, opportunity, type SalesforceObject } from './objects.ts'
import { PAGE, readPage } from './pages.ts'
import { type Row, readInstant, text } from './query.ts'
import { readLeadStages } from './read-history.ts'
import type { LeadFacts } from './transitions.ts'

/** How far questions go back. What a longer transaction wrote is found by the history. */
const OVERLAP_MS = 300_000
/** Changes that are remembered as seen: beyond that some are told twice, which does no harm. */
const MOST_SEEN = 10 * PAGE

const place = z.object({ at: z.number(), id: z.string() })
const mark = z.object({
  /** The latest change that was seen, milliseconds. */
  until: z.number(),
  /** Within a question that has more pages. */
  place: place.optional(),
  /** Changes within the overlap that were told: id and instant. */
  seen: z.array(z.string()),
})
type Mark = z.infer<typeof mark>
const position = z.object({ Lead: mark, Opportunity: mark })

/** See `Connector.poll`. */
export async function poll(context: ConnectionContext, from: string | undefined, now: number): Promise<PollPage> {
  const before = readPosition(from)
  if (before === undefined) {
    const fresh: Mark = { until: now, seen: [] }
    return { changes: [], position: JSON.stringify({ Lead: fresh, Opportunity: fresh }), more: false }
  }
  const [leads, opportunities] = await Promise.all([
    readChanged(context, lead, before.Lead, 'Status, IsConverted'),
    readChanged(context, opportunity, before.Opportunity, 'StageName, LastStageChangeDate'),
  ])
  return {
    changes: [...(await leadChanges(context, leads.rows, before.Lead.until)), ...opportunities.rows.flatMap(opportunityChange)],
    position: JSON.stringify({ Lead: leads.mark, Opportunity: opportunities.mark }),
    more: leads.mark.place !== undefined || opportunities.mark.place !== undefined,
  }
}

/** A position that cannot be read, from another release say, is none. The history finds what was missed. */
function readPosition(given: string | undefined): z.infer<typeof position> | undefined {
  try {
    return position.parse(JSON.parse(given ?? ''))
  } catch {
    return undefined
  }
}

/** What changed and was not seen before, deleted records as well. */
async function readChanged(
  { client }: ConnectionContext,
  { entity }: SalesforceObject,
  before: Mark,
  fields: string,
): Promise<{ rows: Row[]; mark: Mark }> {
  const { rows, next } = await readPage(
    client,
    {
      ...({ select: `Id, IsDeleted, CreatedDate, LastModifiedDate, SystemModstamp, ${fields}`, by: 'SystemModstamp' } as const),
      ...{ from: entity, since: before.until - OVERLAP_MS },
    },
    before.place,
    { all: true },
  )
  const seen = new Set(before.seen)
  const fresh = rows.filter((row) => !seen.has(keyOf(row)))
  const [last] = rows.slice(-1)
  const latest = Math.max(before.until, readInstant(last?.SystemModstamp) ?? 0)
  const kept = [...before.seen, ...fresh.map(keyOf)].filter((key) => Number(key.split(' ')[1]) >= latest - OVERLAP_MS).slice(-MOST_SEEN)
  // While there are more pages the question stays the same, or its next page would be another's.
  return { rows: fresh, mark: { until: next ? before.until : latest, ...(next && { place: next }), seen: kept } }
}

const idOf = (row: Row): string => text(row.Id) ?? ''
const keyOf = (row: Row): string => `${idOf(row)} ${readInstant(row.SystemModstamp)}`

/**
 * Where the history of a lead ends at the status it has, it says when that was reached, and what came before. Else the lead is
 * shown as it is.
 */
async function leadChanges({ client }: ConnectionContext, rows: readonly Row[], since: number): Promise<(FoundChange | ReachedChange)[]> {
  const facts = new Map<string, LeadFacts>()
  for (const row of rows) {
    const known = row.IsDeleted === true ? undefined : leadFacts(row)
    if (known !== undefined) facts.set(idOf(row), known)
  }
  const { reached } = await readLeadStages(client, facts)
  return rows.flatMap((row): (FoundChange | ReachedChange)[] => {
    const [id, stage] = [idOf(row), text(row.Status) ?? '']
    const { modifiedAt = readInstant(row.SystemModstamp) ?? Number.NaN } = facts.get(id) ?? {}
    const stages = reached.get(id) ?? []
    const last = stages.at(-1)
    if (last?.stage === stage)
      return stages
        .filter((one) => one === last || one.at >= since - OVERLAP_MS)
        .map((one) => ({ kind: 'reached', entity: 'Lead', id, ...one }))
    const deleted = row.IsDeleted === true
    if (!Number.isFinite(modifiedAt) || (stage === '' && !deleted)) return []
    return [{ kind: 'found', entity: 'Lead', id, stage, at: modifiedAt, exact: false, ...(deleted && { deleted }) }]
  })
}

/** Salesforce dates the stage of an opportunity; without a date it never changed (object reference, Opportunity). */
function opportunityChange(row: Row): FoundChange[] {
  const [id, stage] = [idOf(row), text(row.StageName) ?? '']
  const created = readInstant(row.CreatedDate)
  const changed = readInstant(row.LastStageChangeDate) ?? created
  const deleted = row.IsDeleted === true
  const at = deleted ? (readInstant(row.SystemModstamp) ?? changed) : changed
  if (at === undefined || (stage === '' && !deleted)) return []
  return [{ kind: 'found', entity: 'Opportunity', id, stage, at, exact: !deleted, ...(deleted && { deleted }) }]
}
