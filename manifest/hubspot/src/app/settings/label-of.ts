import type { Mapping, Stages } from './shared/answers.ts'

/** What the CRM calls a stage now; what it was called once, where it is gone. */
export function labelOf(
  stage: Pick<Mapping['stages'][number], 'source' | 'pipelineId' | 'stageId' | 'label'>,
  groups: Stages['groups'],
): string {
  const group = groups.find(({ source, pipelineId }) => source === stage.source && pipelineId === stage.pipelineId)
  return group?.stages.find(({ id }) => id === stage.stageId)?.label || stage.label || stage.stageId
}
