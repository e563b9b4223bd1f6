/** The histories that Salesforce keeps of stages, as the transitions of records (object reference: LeadHistory, OpportunityHistory). */
import type { CrmClient } from '../connector.ts'
import { lead, opportunity } from './objects.ts'
import { type QueryOptions, queryByIds, queryIfThere, type Row, readInstant, text } from './query.ts'
import { readStageNames } from './stages.ts'
import { readTracking } from './tracking.ts'
import { type FieldChange, type LeadFacts, leadStages, opportunityStages, type Reached, startsLate } from './transitions.ts'

/**
 * The statuses that leads reached, by id, oldest first. `complete` is false where the org does not keep this history: then only
 * what the leads themselves tell is there. The leads have to be read before their history, so that no change falls between.
 */
export async function readLeadStages(
  client: CrmClient,
  leads: ReadonlyMap<string, LeadFacts>,
  options?: QueryOptions,
): Promise<{ reached: Map<string, Reached[]>; complete: boolean }> {
  if (leads.size === 0) return { reached: new Map(), complete: true }
  const [tracking, name] = await Promise.all([readTracking(client), readStageNames(client, lead)])
  const complete = tracking === 'on'
  const rows = complete
    ? await readRows(client, [...leads.keys()], options, (list) => leadHistory(`LeadId IN ${list}`))
    : new Map<string, Row[]>()
  const reached = [...leads].map(([id, facts]) => {
    const changes = (rows.get(id) ?? []).flatMap((row) => readChange(row, name))
    return [id, leadStages(facts, changes, complete)] as const
  })
  return { reached: new Map(reached), complete }
}

/** The stages that opportunities reached, by id, oldest first. */
export async function readOpportunityStages(
  client: CrmClient,
  opportunities: ReadonlyMap<string, { createdAt: number; stage?: string }>,
  options?: QueryOptions,
): Promise<Map<string, Reached[]>> {
  if (opportunities.size === 0) return new Map()
  const rows = await readStageRows(client, [...opportunities.keys()], options)
  const late = [...opportunities].filter(([id, facts]) => startsLate(facts, rows.get(id) ?? [])).map(([id]) => id)
  const [name, changes] = await Promise.all([
    readStageNames(client, opportunity),
    readRows(
      client,
      late,
      options,
      (list) =>
        `SELECT Id, OpportunityId, OldValue, NewValue, CreatedDate FROM OpportunityFieldHistory WHERE Field = 'StageName' AND OpportunityId IN ${list} ORDER BY CreatedDate, Id`,
    ),
  ])
  const reached = [...opportunities].map(([id, facts]) => {
    const ofField = (changes.get(id) ?? []).flatMap((row) => readChange(row, name))
    return [id, opportunityStages(facts, rows.get(id) ?? [], ofField)] as const
  })
  return new Map(reached)
}

/** The stage in each row of the histories of opportunities, by id, oldest first; the same stage may follow upon itself. */
export async function readStageRows(client: CrmClient, ids: readonly string[], options?: QueryOptions): Promise<Map<string, Reached[]>> {
  const [name, found] = await Promise.all([
    readStageNames(client, opportunity),
    readRows(client, ids, options, (list) => opportunityHistory(`OpportunityId IN ${list}`)),
  ])
  const stages = [...found].map(([id, rows]) => {
    const reached = rows.flatMap((row): Reached[] => {
      const [stage, at] = [text(row.StageName), readInstant(row.CreatedDate)]
      return stage === undefined || at === undefined ? [] : [{ stage: name(stage), at }]
    })
    return [id, reached] as const
  })
  return new Map(stages)
}

const opportunityHistory = (where: string): string =>
  `SELECT Id, OpportunityId, StageName, CreatedDate FROM OpportunityHistory WHERE ${where} ORDER BY CreatedDate, Id`

/** Old and new values can be read, but not asked for (object reference, history objects). */
const leadHistory = (where: string): string =>
  `SELECT Id, LeadId, OldValue, NewValue, CreatedDate FROM LeadHistory WHERE Field = 'Status' AND ${where} ORDER BY CreatedDate, Id`

/** Rows by the record they belong to, oldest first; none where the user may not read the history. */
async function readRows(
  client: CrmClient,
  ids: readonly string[],
  options: QueryOptions | undefined,
  soql: (list: string) => string,
): Promise<Map<string, Row[]>> {
  const found = await queryByIds(ids, soql, (question) => queryIfThere(client, question, options))
  return Map.groupBy(
    found.flatMap((rows) => rows ?? []),
    (row) => text(row.LeadId) ?? text(row.OpportunityId) ?? '',
  )
}

function readChange(row: Row, name: (text: string) => string): FieldChange[] {
  const at = readInstant(row.CreatedDate)
  const value = (given: unknown) => {
    const plain = text(given)
    return plain === undefined ? undefined : name(plain)
  }
  return at === undefined ? [] : [{ from: value(row.OldValue), to: value(row.NewValue), at }]
}
