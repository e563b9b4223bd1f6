/** Stages of CRMs that cannot be asked for them: what has arrived. */
import { sql } from 'kysely'
import type { StageGroup } from '../../connectors/connector.ts'
import { parseStageKey, rawLeadKey } from '../../mappings/stage-key.ts'
import type { Database } from '../database/pool.ts'

const MOST = 500

/** The groups, with the stages that the ledger knows of the connection put behind those that are listed. */
export async function addSeenStages(db: Database, connectionId: number, listed: readonly StageGroup[]): Promise<StageGroup[]> {
  const { rows } = await sql<{ type: string; key: string }>`
    select r.type, l.stage_key as key from record r join ledger l on l.record_id = r.id
    where r.connection_id = ${connectionId} and l.stage_key <> ${rawLeadKey}
    group by r.type, l.stage_key order by min(l.occurred_at) limit ${MOST}`.execute(db)
  const groups = listed.map((group) => ({ ...group, stages: [...group.stages] }))
  for (const { type, key } of rows) {
    const stage = parseStageKey(key)
    if (stage === undefined) continue
    const { source, pipelineId, stageId } = stage
    let group = groups.find((it) => it.source === source && it.pipelineId === pipelineId)
    if (group === undefined) {
      group = { recordType: type, source, ...(pipelineId !== undefined && { pipelineId }), label: pipelineId ?? source, stages: [] }
      groups.push(group)
    }
    if (group.stages.some(({ id }) => id === stageId)) continue
    group.stages.push({ id: stageId, label: stageId, order: group.stages.length, kind: 'open', archived: false })
  }
  return groups
}
