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

/** HubSpot's default lifecycle stages (HubSpot, contact properties): what every account begins with. */
const standard: StageGroup = {
  recordType: 'contact',
  source: 'lifecyclestage',
  label: 'Lifecycle stage',
  stages: Object.entries({
    subscriber: 'Subscriber',
    lead: 'Lead',
    marketingqualifiedlead: 'Marketing Qualified Lead',
    salesqualifiedlead: 'Sales Qualified Lead',
    opportunity: 'Opportunity',
    customer: 'Customer',
    evangelist: 'Evangelist',
    other: 'Other',
  }).map(([id, label], order) => ({ id, label, order, kind: 'open', archived: false })),
}

/**
 * The proposal for a new customer: lifecycle stages on, every other stage in use listed and off; lost ones are negative.
 * Without any live stages, HubSpot's default lifecycle stages.
 */
export function defaultMapping(groups: readonly StageGroup[]): ProposedStage[] {
  return (groups.length > 0 ? groups : [standard]).flatMap(({ source, pipelineId, stages }) =>
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
