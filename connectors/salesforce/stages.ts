/**
 * The live stages of an org: the statuses of leads and the stages of opportunities, each in the order of Setup (object
 * reference, LeadStatus and OpportunityStage). Record types and sales processes only choose among them: what a stage is called,
 * whether it is won and where it stands is the same in all, so they need no groups of their own.
 */
import { z } from 'zod'
import type { ConnectionContext, CrmClient, StageGroup, StageOption } from '../connector.ts'
import { readReply } from './errors.ts'
import { lead, opportunity, type SalesforceObject } from './objects.ts'
import { query } from './query.ts'
import { remembered } from './remember.ts'

const statuses = z.array(
  z.object({ ApiName: z.string(), MasterLabel: z.string().default(''), IsConverted: z.boolean(), IsDefault: z.boolean().default(false) }),
)
const opportunityStages = z.array(
  z.object({ ApiName: z.string(), MasterLabel: z.string().default(''), IsActive: z.boolean(), IsClosed: z.boolean(), IsWon: z.boolean() }),
)

/** See `Connector.listStages`. What a stage means is told by its flags; labels are for people. */
export async function listStages({ client }: Pick<ConnectionContext, 'client'>): Promise<StageGroup[]> {
  const [ofLeads, ofOpportunities] = await Promise.all([
    query(client, 'SELECT ApiName, MasterLabel, IsConverted, IsDefault, SortOrder FROM LeadStatus ORDER BY SortOrder'),
    query(client, 'SELECT ApiName, MasterLabel, IsActive, IsClosed, IsWon, SortOrder FROM OpportunityStage ORDER BY SortOrder'),
  ])
  return [
    group(
      lead,
      'Lead status',
      readReply(statuses, ofLeads).map((status) => ({
        ...{ ...status, kind: status.IsConverted ? 'won' : 'open', archived: false },
        ...(status.IsDefault && { initial: true }),
      })),
    ),
    group(
      opportunity,
      'Opportunity stage',
      readReply(opportunityStages, ofOpportunities).map((stage) => ({
        ...stage,
        kind: stage.IsWon ? 'won' : stage.IsClosed ? 'lost' : 'open',
        archived: !stage.IsActive,
      })),
    ),
  ]
}

type Listed = { ApiName: string; MasterLabel: string } & Pick<StageOption, 'kind' | 'archived' | 'initial'>

function group({ type, source }: SalesforceObject, label: string, listed: readonly Listed[]): StageGroup {
  const stages = listed.map(({ ApiName, MasterLabel, kind, archived, initial }, order) => ({
    ...{ id: ApiName, label: MasterLabel || ApiName, order, kind, archived },
    ...(initial && { initial }),
  }))
  return { recordType: type, source, label, stages }
}

/**
 * Reads what a history calls a stage: its API name as a rule, its label in some. An API name goes before a label of the same
 * text; what is neither (a stage that was deleted since) stays as it is.
 */
export async function readStageNames(client: CrmClient, object: SalesforceObject): Promise<(text: string) => string> {
  const renamed = await remembered(client, 'stage names', async () =>
    (await listStages({ client })).map(({ source, stages }) => {
      const ids = new Set(stages.map(({ id }) => id))
      return { source, byLabel: new Map(stages.filter(({ label }) => !ids.has(label)).map(({ id, label }) => [label, id])) }
    }),
  )
  const names = renamed.find(({ source }) => source === object.source)
  return (text) => names?.byLabel.get(text) ?? text
}
