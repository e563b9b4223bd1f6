/** What resolving needs to know of one connection: its routes, rules and current mapping. Read once a run. */
import { leadEventSource } from '../../connectors/registry.ts'
import { type Rules, rules as rulesSchema } from '../../mappings/rules.ts'
import { type StageMapping, stageMapping } from '../../mappings/stage-mapping.ts'
import type { Database } from '../database/pool.ts'

export interface RouteSetup {
  id: number
  datasetId: number
  metaId: string
  mode: 'live' | 'shadow'
  /** Empty lists let everything pass. */
  filter: { pipelineIds?: string[]; recordTypes?: string[] }
}

export interface ConnectionSetup {
  connectionId: number
  workspaceId: number
  crm: string
  leadEventSource: string
  account: string
  state: string
  /** Why the customer has to act, where the state says so. */
  stateReason: string | null
  rules: Rules
  mapping: StageMapping
  mappingVersion: number
  routes: RouteSetup[]
}

/** Returns undefined when there is no such connection. A connection without a saved mapping has an empty one. */
export async function readSetup(db: Database, connectionId: number): Promise<ConnectionSetup | undefined> {
  const connection = await db.selectFrom('connection').selectAll().where('id', '=', connectionId).executeTakeFirst()
  if (connection === undefined) return undefined
  const [mapping, routes] = await Promise.all([
    db
      .selectFrom('mapping')
      .select(['version', 'body'])
      .where('connection_id', '=', connectionId)
      .orderBy('version', 'desc')
      .limit(1)
      .executeTakeFirst(),
    db
      .selectFrom('route')
      .innerJoin('dataset', 'dataset.id', 'route.dataset_id')
      .select(['route.id', 'route.dataset_id', 'route.mode', 'route.filter', 'dataset.meta_id'])
      .where('route.connection_id', '=', connectionId)
      .orderBy('route.id')
      .execute(),
  ])
  return {
    connectionId,
    workspaceId: connection.workspace_id,
    crm: connection.crm,
    leadEventSource: leadEventSource(connection.crm, connection.settings),
    account: connection.account_key,
    state: connection.state,
    stateReason: connection.state_reason,
    rules: rulesSchema.parse(connection.rules),
    mapping: stageMapping.parse(mapping?.body ?? {}),
    mappingVersion: mapping?.version ?? 0,
    routes: routes.map((route) => ({
      id: route.id,
      datasetId: route.dataset_id,
      metaId: route.meta_id,
      mode: route.mode as 'live' | 'shadow',
      filter: (route.filter ?? {}) as RouteSetup['filter'],
    })),
  }
}
