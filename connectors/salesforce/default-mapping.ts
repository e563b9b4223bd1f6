import type { ProposedStage, StageGroup, StageOption } from '../connector.ts'
import { lead, opportunity } from './objects.ts'

/** What Salesforce brings to a new org (LeadStatus and OpportunityStage, default values), as far as the funnel needs it. */
const standard: StageGroup[] = [
  {
    ...{ recordType: lead.type, source: lead.source, label: 'Lead status' },
    stages: [
      { id: 'Open - Not Contacted', label: 'Open - Not Contacted', order: 0, kind: 'open', archived: false, initial: true },
      { id: 'Working - Contacted', label: 'Working - Contacted', order: 1, kind: 'open', archived: false },
      { id: 'Closed - Converted', label: 'Closed - Converted', order: 2, kind: 'won', archived: false },
      { id: 'Closed - Not Converted', label: 'Closed - Not Converted', order: 3, kind: 'open', archived: false },
    ],
  },
  {
    ...{ recordType: opportunity.type, source: opportunity.source, label: 'Opportunity stage' },
    stages: [
      { id: 'Prospecting', label: 'Prospecting', order: 0, kind: 'open', archived: false },
      { id: 'Closed Won', label: 'Closed Won', order: 1, kind: 'won', archived: false },
      { id: 'Closed Lost', label: 'Closed Lost', order: 2, kind: 'lost', archived: false },
    ],
  },
]

/**
 * The proposal for a new customer, from lead to opportunity: where leads begin, where they are converted, where opportunities
 * begin, where they are won. All else in use is listed and off; lost stages are negative. Without any live stages, those of a
 * new org.
 */
export function defaultMapping(groups: readonly StageGroup[]): ProposedStage[] {
  return (groups.length > 0 ? groups : standard).flatMap((group) => {
    const stages = group.stages.filter(({ archived }) => !archived).toSorted((a, b) => a.order - b.order)
    return stages.map((stage) => ({
      source: group.source,
      stageId: stage.id,
      label: stage.label,
      eventName: eventName(group, stage, stages),
      negative: stage.kind === 'lost',
    }))
  })
}

function eventName({ source }: StageGroup, stage: StageOption, stages: readonly StageOption[]): string | null {
  const begins = stage === (stages.find(({ initial }) => initial) ?? stages.find(({ kind }) => kind === 'open'))
  if (source === lead.source) return stage.kind === 'won' ? 'Qualified Lead' : begins ? 'Raw Lead' : null
  if (source === opportunity.source) return stage.kind === 'won' ? 'Converted' : begins ? 'Sales Opportunity' : null
  return null
}
