/**
 * The customer's table: which CRM stage is which Meta event, in funnel order. Versioned as a whole by the server.
 */
import { z } from 'zod'

/**
 * An event name: free text for conversion leads, kept to 50 characters like pixel custom events (Meta, server-event
 * parameters; the limit for CRM events is unconfirmed).
 */
export const eventName = z.string().trim().min(1).max(50)

export const mappedStage = z.strictObject({
  source: z.string().min(1).meta({ description: 'stage source of the connector, for example lifecyclestage' }),
  pipelineId: z.string().optional().meta({ description: 'only where the source has pipelines' }),
  stageId: z.string().min(1),
  label: z.string().default('').meta({ description: 'for people; never used to match' }),
  eventName: eventName.nullable().meta({ description: 'null: this stage is not sent' }),
  negative: z.boolean().default(false).meta({ description: 'lost, disqualified: kept out of the funnel' }),
  sendAmount: z.boolean().default(false).meta({ description: 'send the deal or opportunity amount with this stage' }),
})

export const stageMapping = z.strictObject({
  rawLead: z
    .strictObject({ enabled: z.boolean().default(true), eventName: eventName.default('Raw Lead') })
    .prefault({})
    .meta({ description: 'the event for every lead, from whatever shows it first' }),
  stages: z.array(mappedStage).default([]).meta({ description: 'in funnel order, earliest stage first' }),
})
export type MappedStage = z.infer<typeof mappedStage>
export type StageMapping = z.infer<typeof stageMapping>
