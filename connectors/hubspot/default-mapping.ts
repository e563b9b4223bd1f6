import type { ProposedStage, StageGroup } from '../connector.ts'

/**
 * HubSpot's own lifecycle stages as the funnel of Meta's conversion leads guide. One source only: a lead that also moved
 * through deals would otherwise be reported twice under different names.
 */
const lifecycle: Record<string, string> = {
  lead: 'Raw Lead',
  marketingqualifiedlead: 'Marketing Qualified Lead',
  salesqualifiedlead: 'Sales Qualified Lead',
  opportunity: 'Sales Opportunity',
  customer: 'Converted',
}

/** The proposal for a new customer: lifecycle stages on, every other stage in use listed and off; lost ones are negative. */
export function defaultMapping(groups: readonly StageGroup[]): ProposedStage[] {
  return groups.flatMap(({ source, pipelineId, stages }) =>
    stages
      .filter(({ archived }) => !archived)
      .toSorted((a, b) => a.order - b.order)
      .map(({ id, label, kind }) => ({
        source,
        pipelineId,
        stageId: id,
        label,
        eventName: source === 'lifecyclestage' && Object.hasOwn(lifecycle, id) ? (lifecycle[id] as string) : null,
        negative: kind === 'lost',
      })),
  )
}
