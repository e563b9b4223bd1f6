/** Taking the configuration of a connection over into another one of the same CRM: first what would change, then the change. */
import { isDeepStrictEqual } from 'node:util'
import type { z } from 'zod'
import { CodedError } from '../../connectors/errors.ts'
import { connectorFor } from '../../connectors/registry.ts'
import { rules } from '../../mappings/rules.ts'
import type { StageMapping } from '../../mappings/stage-mapping.ts'
import type { Connections } from '../connections/connections.ts'
import type { Row } from '../database/tables.ts'
import type { Caller } from './caller.ts'
import { requestCatchUp } from './catch-up.ts'
import { type ChangedName, changedNames } from './changed-names.ts'
import { compareMapping } from './compare-mapping.ts'
import { type ConnectionFile, connectionFile } from './connection-file.ts'
import { findConnection, findLiveConnection, findWorkspace } from './find.ts'
import { currentMapping, liveStages, setMapping } from './mappings.ts'
import { parseInput, problem } from './problem.ts'
import { listRoutes, type RouteFilter, setRoute } from './routes.ts'
import { setRules, setSettings } from './rules.ts'

export interface WantedImport {
  /** Parsed JSON of the file. */
  file: unknown
  /** Id or name. */
  workspace: string | number
  /** Into this one; needed where the workspace has several of the CRM. */
  connectionId?: number
}

export interface ImportPlan {
  connectionId: number
  crm: string
  /** Of the file, and of the connection. */
  accounts: { from: string; to: string }
  settings: Change[]
  rules: Change[]
  catchUpMinutes?: { from: number | null; to: number | null }
  mapping: 'same' | 'new' | 'none'
  /** The version that the file's mapping replaces. */
  mappingVersion: number
  /** Event names that would be given up. */
  renamed: ChangedName[]
  /** Stages of the file that the account does not have; null where it could not be asked. */
  unknownStages: string[] | null
  /** `no_dataset`: the workspace does not have it, so the route is left out. */
  routes: { dataset: string; mode: 'live' | 'shadow'; filter: RouteFilter; change: 'new' | 'changed' | 'same' | 'no_dataset' }[]
}

interface Change {
  name: string
  from: unknown
  to: unknown
}

/**
 * What an import would change. Throws `CodedError`: `invalid_input` (the file), `workspace_unknown`, `connection_unknown`,
 * `connection_removed`, `connection_ambiguous` (several would fit), `crm_differs`.
 */
export async function planImport(caller: Caller, wanted: WantedImport, connections: Connections): Promise<ImportPlan> {
  const file = parseInput(connectionFile, wanted.file, 'The file')
  const connection = await findTarget(caller, wanted, file)
  const { settings } = connectorFor(file.crm).manifest
  const { version, mapping } = await currentMapping(caller.db, connection.id)
  const next = file.mapping
  return {
    connectionId: connection.id,
    crm: file.crm,
    accounts: { from: file.account, to: connection.account_key },
    settings: changes(connection.settings, file.settings, settings, 'The settings of the file'),
    rules: changes(connection.rules, file.rules, rules, 'The rules of the file'),
    ...(connection.catch_up_minutes !== file.catchUpMinutes && {
      catchUpMinutes: { from: connection.catch_up_minutes, to: file.catchUpMinutes },
    }),
    mapping: next === null ? 'none' : version > 0 && isDeepStrictEqual(mapping, next) ? 'same' : 'new',
    mappingVersion: version,
    renamed: next === null ? [] : changedNames(mapping, next),
    unknownStages: next === null ? [] : await unknownStages(caller, connection.id, next, connections),
    routes: await planRoutes(caller, connection, file),
  }
}

/**
 * Carries an import out; what is the same already is left alone, so it can be repeated. Routes to datasets that the
 * workspace does not have are left out. Throws as `planImport`, and `mapping_renames_sent` unless `confirmed`.
 */
export async function importConnection(
  caller: Caller,
  wanted: WantedImport & { confirmed?: boolean },
  connections: Connections,
): Promise<ImportPlan> {
  const plan = await planImport(caller, wanted, connections)
  const { connectionId } = plan
  const file = parseInput(connectionFile, wanted.file, 'The file')
  // First what may be refused.
  if (plan.mapping === 'new') {
    await setMapping(caller, {
      connectionId,
      version: plan.mappingVersion,
      body: file.mapping,
      ...(wanted.confirmed && { confirmed: true }),
    })
  }
  if (plan.settings.length > 0) await setSettings(caller, connectionId, valuesOf(plan.settings, file.settings))
  if (plan.rules.length > 0) await setRules(caller, connectionId, valuesOf(plan.rules, file.rules))
  if (plan.catchUpMinutes !== undefined) await requestCatchUp(caller, connectionId, { everyMinutes: plan.catchUpMinutes.to })
  for (const { change, ...route } of plan.routes) {
    if (change === 'new' || change === 'changed') await setRoute(caller, { connectionId, ...route })
  }
  connections.forget(connectionId)
  return plan
}

async function findTarget(caller: Caller, { workspace, connectionId }: WantedImport, { crm }: ConnectionFile): Promise<Row<'connection'>> {
  const { id: workspaceId } = await findWorkspace(caller, workspace)
  const inside = { ...caller, workspaceId }
  if (connectionId !== undefined) {
    const found = await findLiveConnection(inside, connectionId)
    if (found.crm !== crm) throw problem('crm_differs', `The file is of ${crm}, and connection ${connectionId} is of ${found.crm}.`)
    return found
  }
  const fitting = caller.db.selectFrom('connection').select('id').where('workspace_id', '=', workspaceId).where('crm', '=', crm)
  const [first, ...others] = await fitting.where('state', '<>', 'removed').orderBy('id').execute()
  if (first === undefined) throw problem('connection_unknown', `The workspace has no connection to ${crm} yet. Connect the account first.`)
  if (others.length > 0) {
    const ids = [first, ...others].map(({ id }) => id).join(', ')
    throw problem('connection_ambiguous', `The workspace has several connections to ${crm} (${ids}). Name the one that is meant.`)
  }
  return findConnection(inside, first.id)
}

/** What differs once defaults are filled in: a default that is written out is no change. */
function changes(before: unknown, after: object, schema: z.ZodType, what: string): Change[] {
  const was = schema.parse(before) as Record<string, unknown>
  const is = parseInput(schema, after, what) as Record<string, unknown>
  return [...new Set([...Object.keys(was), ...Object.keys(is)])].flatMap((name) => {
    const [from, to] = [was[name] ?? null, is[name] ?? null]
    return isDeepStrictEqual(from, to) ? [] : [{ name, from, to }]
  })
}

/** As the file gives them; what it does not give is taken back to its default. */
const valuesOf = (list: readonly Change[], given: Record<string, unknown>) =>
  Object.fromEntries(list.map(({ name }) => [name, given[name] ?? null]))

async function unknownStages(caller: Caller, id: number, mapping: StageMapping, connections: Connections): Promise<string[] | null> {
  try {
    const { stages } = compareMapping(mapping, await liveStages(caller.db, id, connections))
    return stages.flatMap(({ state, label, stageId }) => (state === 'vanished' ? [label || stageId] : []))
  } catch (error) {
    if (error instanceof CodedError) return null
    throw error
  }
}

async function planRoutes(caller: Caller, connection: Row<'connection'>, file: ConnectionFile): Promise<ImportPlan['routes']> {
  const known = await listRoutes(caller, { connectionId: connection.id })
  const datasets = await caller.db.selectFrom('dataset').select('meta_id').where('workspace_id', '=', connection.workspace_id).execute()
  return file.routes.map(({ dataset, mode: wanted, filter }) => {
    // What is tried out in a sandbox must not teach Meta.
    const mode = connection.sandbox ? 'shadow' : wanted
    const route = known.find(({ metaId }) => metaId === dataset)
    if (route === undefined)
      return { dataset, mode, filter, change: datasets.some(({ meta_id }) => meta_id === dataset) ? 'new' : 'no_dataset' }
    return { dataset, mode, filter, change: route.mode === mode && isDeepStrictEqual(route.filter, filter) ? 'same' : 'changed' }
  })
}
