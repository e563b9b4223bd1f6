/**
 * The lead-stage record: the one standard shape in which every connector reports that a CRM record reached a stage.
 * Outside (NDJSON on the command line, stored packets) it is JSON checked by `leadStageRecord`; inside it is the plain type.
 * Ids are strings from the first byte to the last, because Meta lead ids exceed 2^53. Instants are milliseconds since the
 * Unix epoch, UTC; ISO 8601 text with an offset is accepted on the way in.
 */
import { z } from 'zod'

const instant = z
  .union([
    z.int().meta({ description: 'milliseconds since the Unix epoch' }),
    z.iso.datetime({ offset: true }).transform((text) => Date.parse(text)),
  ])
  .meta({ description: 'an instant: ISO 8601 with offset, or milliseconds since the Unix epoch' })

const text = z.string()

/** What is known about the person behind a record, as the CRM holds it: nothing is normalised or hashed here. */
export const leadIdentity = z.strictObject({
  metaLeadId: text.optional().meta({ description: 'Meta lead id, 15 to 17 digits, always as text: a JSON number would be rounded' }),
  clickId: z
    .strictObject({
      value: text.meta({ description: 'raw fbclid, or a complete fb.1.… value' }),
      firstSeenAt: instant.optional().meta({ description: 'when the click id was first seen; without it a raw fbclid cannot be sent' }),
    })
    .optional(),
  emails: z.array(text).optional(),
  phones: z.array(text).optional().meta({ description: 'best first; national numbers need a country' }),
  firstName: text.optional(),
  lastName: text.optional(),
  gender: text.optional(),
  dateOfBirth: text.optional().meta({ description: 'YYYY-MM-DD; ambiguous local formats are dropped' }),
  city: text.optional(),
  state: text.optional(),
  postalCode: text.optional(),
  country: text.optional(),
  externalId: text.optional().meta({ description: 'the record id under which the CRM knows the person' }),
})
export type LeadIdentity = z.infer<typeof leadIdentity>

/** How sure we are of `occurredAt`: the CRM's own field or history, the event's time stamp, an audit log, or only our receipt. */
export const occurredAtSource = z.enum(['field', 'event', 'audit', 'received'])

export const leadStageRecord = z.strictObject({
  crm: text.min(1).meta({ description: 'connector id, for example "hubspot"; decides lead_event_source' }),
  account: text.min(1).meta({ description: 'the CRM account (HubSpot portal id, Salesforce org id, …)' }),
  recordType: text.min(1).meta({ description: 'the kind of record, in the words of the connector: contact, deal, lead, …' }),
  recordId: text.min(1),
  stage: z.strictObject({
    source: text.min(1).meta({ description: 'the stage source, in the words of the connector: lifecyclestage, dealstage, …' }),
    pipelineId: text.optional().meta({ description: 'where stages belong to pipelines' }),
    id: text.min(1).meta({ description: 'the stable internal id of the stage, never its label' }),
  }),
  occurredAt: instant.meta({ description: 'when the record reached the stage, by the clock of the CRM' }),
  occurredAtSource: occurredAtSource.default('event'),
  origin: z.enum(['push', 'stream', 'poll', 'history']).default('push'),
  exact: z.boolean().default(true).meta({ description: 'false: derived from a snapshot, other stages may lie between' }),
  recordCreatedAt: instant.optional().meta({ description: 'when the CRM created the record' }),
  leadGeneratedAt: instant.optional().meta({ description: 'when Meta generated the lead, where known' }),
  isTest: z.boolean().default(false).meta({ description: 'a test lead; never sent' }),
  identity: leadIdentity.default({}),
  amount: z
    .strictObject({ value: z.number(), currency: text.optional() })
    .optional()
    .meta({ description: 'deal or opportunity amount, sent only for stages that ask for it' }),
  fields: z
    .record(text, text.nullable())
    .default({})
    .meta({ description: 'CRM fields that the rules of the connection look at (consent, lead source), by their CRM name' }),
})
/** The record as it may be given (instants as ISO text, defaults left out). */
export type LeadStageRecordInput = z.input<typeof leadStageRecord>
/** The record as the code handles it. */
export type LeadStageRecord = z.infer<typeof leadStageRecord>
