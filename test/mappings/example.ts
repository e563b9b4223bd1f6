import type { z } from 'zod'
import { type LeadStageRecord, type LeadStageRecordInput, leadStageRecord } from '../../connectors/record.ts'
import type { ConversionSettings } from '../../mappings/conversion-event.ts'
import { rules } from '../../mappings/rules.ts'
import { stageMapping } from '../../mappings/stage-mapping.ts'

export const day = 86_400_000
export const now = Date.UTC(2026, 8, 1, 12)

/** A record that is sent as it stands; `changes` make the case. */
export const exampleRecord = (changes: Partial<LeadStageRecordInput> = {}): LeadStageRecord =>
  leadStageRecord.parse({
    crm: 'hubspot',
    account: '4711',
    recordType: 'contact',
    recordId: '101',
    stage: { source: 'lifecyclestage', id: 'marketingqualifiedlead' },
    occurredAt: now - 3_600_000 + 999,
    identity: { metaLeadId: '12345678901234567', emails: ['Test@Example.com'] },
    ...changes,
  })

/** Settings with a funnel of four stages in the first source and one in a pipeline; `rule` and `mapping` make the case. */
export const exampleSettings = (
  rule: z.input<typeof rules> = {},
  mapping: z.input<typeof stageMapping> = exampleMapping,
): ConversionSettings => ({
  mapping: stageMapping.parse(mapping),
  rules: rules.parse(rule),
  leadEventSource: 'HubSpot',
  datasetId: '1234567890123456',
})

export const exampleMapping: z.input<typeof stageMapping> = {
  stages: [
    { source: 'lifecyclestage', stageId: 'lead', label: 'Lead', eventName: 'Raw Lead' },
    { source: 'lifecyclestage', stageId: 'marketingqualifiedlead', label: 'MQL', eventName: 'Marketing Qualified Lead' },
    { source: 'lifecyclestage', stageId: 'salesqualifiedlead', label: 'SQL', eventName: 'Sales Qualified Lead' },
    { source: 'lifecyclestage', stageId: 'opportunity', label: 'Opportunity', eventName: 'Sales Opportunity' },
    { source: 'lifecyclestage', stageId: 'customer', label: 'Customer', eventName: 'Converted', sendAmount: true },
    { source: 'lifecyclestage', stageId: 'evangelist', label: 'Evangelist', eventName: null },
    { source: 'lifecyclestage', stageId: 'lost', label: 'Lost', eventName: 'Lost', negative: true },
    { source: 'dealstage', pipelineId: 'b2b', stageId: 'won', label: 'Won', eventName: 'Converted' },
    { source: 'dealstage', stageId: 'won', label: 'Won elsewhere', eventName: 'Sales Opportunity' },
  ],
}
