/** The settings of one webhook connection. All have defaults. */
import { z } from 'zod'

/** The fields of a record, as the documented body names them. */
export const fieldNames = [
  'record_id',
  'stage',
  'record_type',
  'pipeline',
  'action',
  'event_id',
  'occurred_at',
  'lead_created_at',
  'meta_lead_id',
  'email',
  'phone',
  'first_name',
  'last_name',
  'gender',
  'date_of_birth',
  'city',
  'state',
  'postal_code',
  'country',
  'external_id',
  'fbclid',
  'fbclid_seen_at',
  'amount',
  'currency',
] as const
export type FieldName = (typeof fieldNames)[number]

const fieldName = z.enum(fieldNames)
/** `lead.stage.name`, or a JSON Pointer (RFC 6901) where names hold dots: `/lead/stage.name`. */
const path = z.string().min(1).max(300)

export const webhookSettings = z.strictObject({
  leadEventSource: z
    .string()
    .trim()
    .min(1)
    .max(100)
    .default('Webhook')
    .meta({ description: 'the name of the CRM behind this connection, sent to Meta as lead_event_source' }),
  auth: z
    .enum(['hmac', 'secret', 'basic', 'path'])
    .default('hmac')
    .meta({ description: 'how a request proves itself: a signature, a secret in a header, Basic, or by knowing the address alone (weak)' }),
  secretHeader: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,100}$/)
    .transform((name) => name.toLowerCase())
    .default('authorization')
    .meta({ description: 'for `secret`: the header that holds it; in Authorization it comes after "Bearer "' }),
  records: path.optional().meta({ description: 'path to the list of records, where the body is no list itself' }),
  paths: z
    .partialRecord(fieldName, path)
    .default({})
    .meta({ description: 'where a field of the documented body is found in a record of this CRM: dot path or JSON Pointer' }),
  constants: z
    .partialRecord(fieldName, z.string().min(1).max(200))
    .default({})
    .meta({ description: 'values of fields that this CRM does not send' }),
  ruleFields: z
    .record(z.string().min(1).max(100), path)
    .default({})
    .meta({ description: 'where the values for rules (consent, lead source) are found; without it, in `fields`' }),
  stages: z
    .array(z.string().min(1).max(200))
    .max(200)
    .default([])
    .meta({ description: 'stages to offer in the mapping before they have arrived' }),
})
export type WebhookSettings = z.infer<typeof webhookSettings>
