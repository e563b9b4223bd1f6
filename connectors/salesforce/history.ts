/**
 * What the org still knows of a period, page by page: the leads that were created in it, the changes of lead statuses, then the
 * same of opportunities. Where the org does not keep the history of lead statuses, the leads that changed are shown as they
 * are now: that they changed is known, and what lay between is not.
 */
import { z } from 'zod'
import type { ConnectionContext, HistoryPage } from '../connector.ts'
import type { Entity, FoundChange, ReachedChange } from './change.ts'
import { leadFacts } from './lead-facts.ts'
import { lead } from './objects.ts'
import { type Place, readPage } from './pages.ts'
import { type QueryOptions, type Row, readInstant, text } from './query.ts'
import { readLeadStages, readOpportunityStages, readStageRows } from './read-history.ts'
import { readStageNames } from './stages.ts'
import { readTracking } from './tracking.ts'
import { opportunityStages } from './transitions.ts'

interface Period {
  from: number
  to: number
}
interface Page {
  changes: (ReachedChange | FoundChange)[]
  records: number
  next?: Place
}

const parts = ['leads', 'statuses', 'opportunities', 'stages'] as const
const position = z.object({ part: z.enum(parts), place: z.object({ at: z.number(), id: z.string() }).optional() })

/** Reading the past leaves room for what happens now. */
const options: QueryOptions = { bucket: 'history' }

/** See `Connector.history`. */
export async function history(context: ConnectionContext, period: Period, from: string | undefined): Promise<HistoryPage> {
  const { part, place } = readPosition(from)
  const { changes, records, next } = await readers[part](context, period, place)
  const following = next ? { part, place: next } : { part: parts[parts.indexOf(part) + 1] }
  return { changes, records, ...(following.part && { next: JSON.stringify(following) }) }
}

/** A position that cannot be read, from another release say, is none: the period is read from its beginning. */
function readPosition(text: string | undefined): z.infer<typeof position> {
  try {
    return position.parse(JSON.parse(text ?? ''))
  } catch {
    return { part: 'leads' }
  }
}

const LEAD = 'Id, CreatedDate, LastModifiedDate, SystemModstamp, Status, IsConverted'

const readers: Record<(typeof parts)[number], (context: ConnectionContext, period: Period, place: Place | undefined) => Promise<Page>> = {
  /** The first status of every lead that was created. */
  async leads({ client }, { from, to }, place) {
    const created = { select: LEAD, from: 'Lead', by: 'CreatedDate', since: from, until: to } as const
    const { rows, next } = await readPage(client, created, place, options)
    const facts = new Map(rows.flatMap((row) => keyed(row.Id, leadFacts(row))))
    const { reached } = await readLeadStages(client, facts, options)
    const changes = rows.flatMap((row): Page['changes'] => {
      const id = text(row.Id) ?? ''
      const [first] = reached.get(id) ?? []
      return first !== undefined && first.at === facts.get(id)?.createdAt ? reachedChange('Lead', id, first) : found(row)
    })
    return { changes, records: rows.length, next }
  },

  async statuses(context, { from, to }, place) {
    const { client } = context
    if ((await readTracking(client)) !== 'on') return readChangedLeads(context, { from, to }, place)
    const changed = {
      ...({ select: 'Id, LeadId, OldValue, NewValue, CreatedDate', from: 'LeadHistory', by: 'CreatedDate' } as const),
      ...{ where: "Field = 'Status'", since: from, until: to },
    }
    const { rows, next } = await readPage(client, changed, place, options)
    const name = await readStageNames(client, lead)
    const changes = rows.flatMap((row) => {
      const [id, to, at] = [text(row.LeadId), text(row.NewValue), readInstant(row.CreatedDate)]
      if (id === undefined || to === undefined || at === undefined || to === text(row.OldValue)) return []
      return reachedChange('Lead', id, { stage: name(to), at })
    })
    return { changes, records: rows.length, next }
  },

  /** The first stage of every opportunity that was created, where no row of its history tells it. */
  async opportunities({ client }, { from, to }, place) {
    const created = { select: 'Id, CreatedDate, StageName', from: 'Opportunity', by: 'CreatedDate', since: from, until: to } as const
    const { rows, next } = await readPage(client, created, place, options)
    const facts = new Map(
      rows.flatMap((row) => {
        const createdAt = readInstant(row.CreatedDate)
        return keyed(row.Id, createdAt === undefined ? undefined : { createdAt, stage: text(row.StageName) })
      }),
    )
    const reached = await readOpportunityStages(client, facts, options)
    const changes = [...facts].flatMap(([id, { createdAt }]) => {
      const [first] = reached.get(id) ?? []
      return first !== undefined && first.at === createdAt ? reachedChange('Opportunity', id, first) : []
    })
    return { changes, records: rows.length, next }
  },

  /** A row tells of a change of stage where the row before, maybe from before the period, says something else. */
  async stages({ client }, { from, to }, place) {
    const changed = {
      ...({ select: 'Id, OpportunityId, CreatedDate', from: 'OpportunityHistory', by: 'CreatedDate' } as const),
      ...{ since: from, until: to },
    }
    const { rows, next } = await readPage(client, changed, place, options)
    const inPage = Map.groupBy(rows, (row) => text(row.OpportunityId) ?? '')
    const all = await readStageRows(client, [...inPage.keys()], options)
    const changes = [...inPage].flatMap(([id, own]) => {
      const instants = new Set(own.map((row) => readInstant(row.CreatedDate)))
      const stages = all.get(id) ?? []
      return opportunityStages({ createdAt: stages[0]?.at ?? 0 }, stages)
        .filter(({ at }) => instants.has(at))
        .flatMap((one) => reachedChange('Opportunity', id, one))
    })
    return { changes, records: rows.length, next }
  },
}

/** For orgs without a history of statuses. */
async function readChangedLeads({ client }: ConnectionContext, { from, to }: Period, place: Place | undefined): Promise<Page> {
  const changed = { select: LEAD, from: 'Lead', by: 'SystemModstamp', since: from, until: to } as const
  const { rows, next } = await readPage(client, changed, place, options)
  return { changes: rows.flatMap(found), records: rows.length, next }
}

const keyed = <T>(id: unknown, value: T | undefined): [string, T][] => {
  const key = text(id)
  return key === undefined || value === undefined ? [] : [[key, value]]
}

const reachedChange = (entity: Entity, id: string, { stage, at }: { stage: string; at: number }): ReachedChange[] => [
  { kind: 'reached', entity, id, stage, at },
]

function found(row: Row): FoundChange[] {
  const facts = leadFacts(row)
  const id = text(row.Id)
  if (facts?.status === undefined || id === undefined || !Number.isFinite(facts.modifiedAt)) return []
  return [{ kind: 'found', entity: 'Lead', id, stage: facts.status, at: facts.modifiedAt, exact: false, history: true }]
}
