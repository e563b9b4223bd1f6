import type { StageGroup } from '../../connectors/connector.ts'
import type { MappedStage, StageMapping } from '../../mappings/stage-mapping.ts'
import { findStage } from '../../mappings/stage-policy.ts'

/** A line of the mapping; `vanished`: the CRM has no such stage any more, `archived`: it is no longer in use there. */
export interface ComparedStage extends MappedStage {
  state: 'live' | 'archived' | 'vanished' | 'unknown'
}

/** A stage in use that no line of the mapping fits: its changes are not sent. */
export interface UnmappedStage {
  source: string
  pipelineId?: string
  stageId: string
  label: string
  /** Of its source or pipeline. */
  group: string
}

/**
 * Lays a mapping beside the live stages of its CRM. Pure.
 *
 * @param groups undefined where the CRM could not be asked: every line is then `unknown`
 */
export function compareMapping(
  mapping: StageMapping,
  groups: readonly StageGroup[] | undefined,
): { stages: ComparedStage[]; unmapped: UnmappedStage[] } {
  const stages = mapping.stages.map((line) => ({ ...line, state: groups === undefined ? ('unknown' as const) : stateOf(line, groups) }))
  const unmapped = (groups ?? []).flatMap(({ source, pipelineId, label: group, stages }) =>
    stages
      .filter(({ archived }) => !archived)
      .map(({ id, label }) => ({ source, ...(pipelineId !== undefined && { pipelineId }), stageId: id, label, group }))
      .filter((stage) => {
        const found = findStage(mapping, stage)
        return found.kind === 'refused' && found.reason === 'stage_unmapped'
      }),
  )
  return { stages, unmapped }
}

function stateOf(line: MappedStage, groups: readonly StageGroup[]): 'live' | 'archived' | 'vanished' {
  const fitting = groups.filter(({ source, pipelineId }) => source === line.source && (!line.pipelineId || line.pipelineId === pipelineId))
  const found = fitting.flatMap(({ stages }) => stages.filter(({ id }) => id === line.stageId))
  if (found.length === 0) return 'vanished'
  return found.every(({ archived }) => archived) ? 'archived' : 'live'
}
