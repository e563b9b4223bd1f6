/** The funnel of Meta's own guide on HubSpot's lifecycle stages, as a customer would have saved it. */
import { type MappedStage, type StageMapping, stageMapping } from '../../mappings/stage-mapping.ts'

const lifecycle = {
  lead: 'Raw Lead',
  marketingqualifiedlead: 'Marketing Qualified Lead',
  salesqualifiedlead: 'Sales Qualified Lead',
  opportunity: 'Sales Opportunity',
  customer: 'Converted',
}

/** Lifecycle stages, with further lines behind them. */
export function funnel(...more: (Pick<MappedStage, 'source' | 'stageId' | 'eventName'> & Partial<MappedStage>)[]): StageMapping {
  const stages = Object.entries(lifecycle).map(([stageId, eventName]) => ({ source: 'lifecyclestage', stageId, eventName }))
  return stageMapping.parse({ stages: [...stages, ...more] })
}
