/** What resolving needs to know of one connection: its routes, rules and current mapping. Read once a run. */
import { sql } from 'kysely'
import { capturingSources, leadEventSource } from '../../connectors/registry.ts'
import { type Rules, rules as rulesSchema } from '../../mappings/rules.ts'
import { type StageMapping, stageMapping } from '../../mappings/stage-mapping.ts'
import type { Database } from '../database/pool.ts'
import { asStrictAs, findSpeakers, type Speaker } from './speakers.ts'

export interface RouteSetup {
  id: number
  datasetId: number
  metaId: string
  mode: 'live' | 'shadow'
  /** Id of the one event that goes in shadow mode, too (`withSentOnes`). */
  sentOne?: string
  /** Empty lists let everything pass. */
  filter: { pipelineIds?: string[]; recordTypes?: string[] }
  /** Whose name events bear here, and what a raw lead is called; null: no CRM feeds the dataset that leads are captured for. */
  speaker: Speaker | null
}

export interface ConnectionSetup {
  connectionId: number
  workspaceId: number
  crm: string
  account: string
  state: string
  /** When the connection was made, milliseconds since the epoch. */
  createdAt: number
  /** Why the customer has to act, where the state says so. */
  stateReason: string | null
  rules: Rules
  mapping: StageMapping
  mappingVersion: number
  /** The records of the connection are Meta's own leads. */
  captures: boolean
  /** Meta itself tells of the workspace's leads, so that a lead id that only the CRM has shown may still turn out to be a test. */
  awaitsCapture: boolean
  /** Some of the lead ids in the CRM are those that we wrote there. */
  wroteIds: boolean
  routes: RouteSetup[]
}

/** Whether changes of a connection are handled now. Until a route exists they are kept; `attention` may be over when the CRM is asked. */
export async function isAtWork(db: Database, connectionId: number): Promise<boolean> {
  const found = await sql`
    select from connection where id = ${connectionId} and state in ('active', 'attention')
      and exists (select from route where connection_id = connection.id)`.execute(db)
  return found.rows.length > 0
}

/** Returns undefined when there is no such connection. A connection without a saved mapping has an empty one. */
export async function readSetup(db: Database, connectionId: number): Promise<ConnectionSetup | undefined> {
  const connection = await db.selectFrom('connection').selectAll().where('id', '=', connectionId).executeTakeFirst()
  if (connection === undefined) return undefined
  const capturing = capturingSources()
  const captures = capturing.includes(connection.crm)
  const [mapping, routes, capturer, written] = await Promise.all([
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
    captures || capturing.length === 0
      ? undefined
      : db
          .selectFrom('connection')
          .select('id')
          .where('workspace_id', '=', connection.workspace_id)
          .where('crm', 'in', capturing)
          .where('state', '=', 'active')
          .executeTakeFirst(),
    db.selectFrom('write_back').select('record_id').where('connection_id', '=', connectionId).limit(1).executeTakeFirst(),
  ])
  const stages = stageMapping.parse(mapping?.body ?? {})
  const rules = rulesSchema.parse(connection.rules)
  const speakers = captures ? await findSpeakers(db, routes, rules) : undefined
  const itself: Speaker = {
    leadEventSource: leadEventSource(connection.crm, connection.settings),
    rawLead: stages.rawLead,
    rules,
    mode: 'live',
  }
  return {
    connectionId,
    workspaceId: connection.workspace_id,
    crm: connection.crm,
    account: connection.account_key,
    state: connection.state,
    createdAt: connection.created_at.getTime(),
    stateReason: connection.state_reason,
    rules: speakers === undefined ? rules : asStrictAs(rules, speakers.values()),
    mapping: stages,
    mappingVersion: mapping?.version ?? 0,
    captures,
    awaitsCapture: capturer !== undefined,
    wroteIds: written !== undefined,
    routes: routes.map((route) => {
      const speaker = speakers === undefined ? itself : (speakers.get(route.dataset_id) ?? null)
      return {
        id: route.id,
        datasetId: route.dataset_id,
        metaId: route.meta_id,
        mode: speaker?.mode === 'shadow' ? 'shadow' : (route.mode as 'live' | 'shadow'),
        filter: (route.filter ?? {}) as RouteSetup['filter'],
        speaker,
      }
    }),
  }
}

/**
 * The setup with the events that shadow routes may send. They are asked for with their record locked, and wait then: who reads this
 * under the same lock misses none.
 */
export async function withSentOnes(trx: Database, setup: ConnectionSetup): Promise<ConnectionSetup> {
  if (setup.routes.every(({ mode }) => mode === 'live')) return setup
  const rows = await trx
    .selectFrom('route')
    .select(['id', 'sent_one'])
    .where('connection_id', '=', setup.connectionId)
    .where('sent_one', 'is not', null)
    .execute()
  const ones = new Map(rows.map(({ id, sent_one }) => [id, sent_one?.replaceAll('-', '')]))
  return { ...setup, routes: setup.routes.map((route) => ({ ...route, sentOne: ones.get(route.id) })) }
}
