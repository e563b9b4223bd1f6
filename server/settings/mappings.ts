/** Stage mappings: a table for each connection, saved whole, every version kept. */
import type { StageGroup } from '../../connectors/connector.ts'
import { CodedError } from '../../connectors/errors.ts'
import { stageKey } from '../../mappings/stage-key.ts'
import { type StageMapping, stageMapping } from '../../mappings/stage-mapping.ts'
import type { Connections } from '../connections/connections.ts'
import type { Database } from '../database/pool.ts'
import { type Trx, transaction } from '../database/transaction.ts'
import { audit, type Caller } from './caller.ts'
import { type ChangedName, changedNames } from './changed-names.ts'
import { type ComparedStage, compareMapping, type UnmappedStage } from './compare-mapping.ts'
import { findConnection, findLiveConnection } from './find.ts'
import { parseInput, problem } from './problem.ts'
import { addSeenStages } from './seen-stages.ts'

export interface MappingView {
  connectionId: number
  /** 0: none is saved, nothing is sent. */
  version: number
  rawLead: StageMapping['rawLead']
  stages: ComparedStage[]
  unmapped: UnmappedStage[]
  /** Why the live stages are not known. */
  liveProblem?: string
}

/**
 * The current mapping beside the live stages of the CRM; without those where the CRM cannot be asked now.
 * Throws `CodedError` `connection_unknown`.
 */
export async function showMapping(caller: Caller, connectionId: number, connections: Connections): Promise<MappingView> {
  await findConnection(caller, connectionId)
  const { version, mapping } = await currentMapping(caller.db, connectionId)
  const live = await liveStages(caller.db, connectionId, connections).catch((error: unknown) => {
    if (error instanceof CodedError) return error
    throw error
  })
  const compared = compareMapping(mapping, live instanceof CodedError ? undefined : live)
  return { connectionId, version, rawLead: mapping.rawLead, ...compared, ...(live instanceof CodedError && { liveProblem: live.userText }) }
}

/** The mapping as it is saved. Throws `CodedError` `connection_unknown`. */
export async function readMapping(caller: Caller, connectionId: number): Promise<{ version: number; mapping: StageMapping }> {
  await findConnection(caller, connectionId)
  return currentMapping(caller.db, connectionId)
}

/** The default mapping for the live stages of the CRM; nothing is saved. Throws `CodedError` `connection_unknown`, or what the CRM throws. */
export async function proposeMapping(caller: Caller, connectionId: number, connections: Connections): Promise<StageMapping> {
  const { crm } = await findLiveConnection(caller, connectionId)
  const { connector } = await connections.get(connectionId)
  const stages = connector.defaultMapping(await liveStages(caller.db, connectionId, connections))
  return parseInput(stageMapping, { stages }, `The proposal for ${crm}`)
}

export interface WantedMapping {
  connectionId: number
  /** The version that the change was made on; it has to be the current one still. */
  version: number
  /** The whole table. */
  body: unknown
  /** Change event names even where they have been sent. */
  confirmed?: boolean
}

/**
 * Saves a new version. Throws `CodedError`: `connection_unknown`, `connection_removed`, `invalid_input`, `mapping_outdated`
 * (somebody saved another version meanwhile), `mapping_renames_sent` (a name that has been sent would go; not when confirmed).
 */
export async function setMapping(caller: Caller, wanted: WantedMapping): Promise<{ version: number; renamed: ChangedName[] }> {
  const { connectionId } = wanted
  const next = parseInput(stageMapping, wanted.body, 'The mapping')
  refuseDoubles(next)
  return transaction(caller.db, async (trx) => {
    const connection = await findLiveConnection(caller, connectionId, { trx, lock: true })
    const { version, mapping } = await currentMapping(trx, connectionId)
    if (version !== wanted.version) {
      const text = `Version ${version} is the current one, and the change was made on version ${wanted.version}. Look at it and make the change again.`
      throw problem('mapping_outdated', text)
    }
    const renamed = await sentBefore(trx, connectionId, changedNames(mapping, next))
    if (renamed.length > 0 && !wanted.confirmed) throw problem('mapping_renames_sent', warning(renamed))
    await insertVersion(trx, caller, connection.workspace_id, connectionId, version + 1, next)
    return { version: version + 1, renamed }
  })
}

export interface MappingVersion {
  version: number
  createdAt: Date
  createdBy: string
  mapping: StageMapping
}

/** All versions, the newest first. Throws `CodedError` `connection_unknown`. */
export async function mappingHistory(caller: Caller, connectionId: number): Promise<MappingVersion[]> {
  await findConnection(caller, connectionId)
  const rows = await caller.db
    .selectFrom('mapping')
    .selectAll()
    .where('connection_id', '=', connectionId)
    .orderBy('version', 'desc')
    .execute()
  return rows.map((row) => ({
    version: row.version,
    createdAt: row.created_at,
    createdBy: row.created_by,
    mapping: stageMapping.parse(row.body),
  }))
}

/** Saves version 1 where no version exists. Returns whether it did. */
export async function saveFirstMapping(caller: Caller, connectionId: number, propose: () => Promise<StageMapping>): Promise<boolean> {
  if ((await currentMapping(caller.db, connectionId)).version > 0) return false
  const proposed = await propose()
  return transaction(caller.db, async (trx) => {
    const { workspace_id } = await findLiveConnection(caller, connectionId, { trx, lock: true })
    if ((await currentMapping(trx, connectionId)).version > 0) return false
    await insertVersion(trx, caller, workspace_id, connectionId, 1, proposed)
    return true
  })
}

/** The stages of the CRM as they are now; of one that is never asked, also those that have arrived. Throws what the CRM throws. */
export async function liveStages(db: Database, connectionId: number, connections: Connections): Promise<StageGroup[]> {
  const { connector, context } = await connections.get(connectionId)
  const listed = await connector.listStages(context)
  return connector.manifest.api === undefined ? addSeenStages(db, connectionId, listed) : listed
}

/** The newest version; 0 and an empty mapping where none is saved. */
export async function currentMapping(db: Database, connectionId: number): Promise<{ version: number; mapping: StageMapping }> {
  const row = await db
    .selectFrom('mapping')
    .select(['version', 'body'])
    .where('connection_id', '=', connectionId)
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst()
  return { version: row?.version ?? 0, mapping: stageMapping.parse(row?.body ?? {}) }
}

async function insertVersion(trx: Trx, caller: Caller, workspaceId: number, connectionId: number, version: number, body: StageMapping) {
  await trx
    .insertInto('mapping')
    .values({ connection_id: connectionId, version, body: JSON.stringify(body), created_by: caller.actor })
    .execute()
  await audit(trx, caller, { workspaceId, action: 'mapping.set', subject: `connection:${connectionId}`, detail: { version } })
}

/** The first line would win and the second be dead: more likely a mistake than a wish. */
function refuseDoubles({ stages }: StageMapping): void {
  const keys = stages.map(stageKey)
  const doubled = stages.find((line, index) => keys.indexOf(stageKey(line)) !== index)
  if (doubled !== undefined) throw problem('invalid_input', `The mapping lists the stage "${doubled.label || doubled.stageId}" twice.`)
}

/** Those of the names under which a lead has been reported to a dataset of this connection. */
async function sentBefore(trx: Trx, connectionId: number, names: readonly ChangedName[]): Promise<ChangedName[]> {
  if (names.length === 0) return []
  const sent = new Set<string>()
  for (const name of new Set(names.map(({ from }) => from))) {
    const found = await trx
      .selectFrom('milestone')
      .innerJoin('route', 'route.dataset_id', 'milestone.dataset_id')
      .select('milestone.event_id')
      .where('route.connection_id', '=', connectionId)
      .where('milestone.event_name', '=', name)
      .limit(1)
      .executeTakeFirst()
    if (found !== undefined) sent.add(name)
  }
  return names.filter(({ from }) => sent.has(from))
}

function warning(renamed: readonly ChangedName[]): string {
  const list = renamed.map(
    ({ from, to, where }) => `"${from}" (${where}) ${to === null ? 'would not be sent any more' : `would become "${to}"`}`,
  )
  return `Meta has learned from event names that this would change: ${list.join('; ')}. A new name begins at nothing. Nothing was saved.`
}
