/**
 * The rules of one connection that decide which events go out and with which data. Customer settings; all have defaults.
 */
import { z } from 'zod'

/** A CRM field and what it has to hold. `startsWith` compares text from the front, `equals` the whole; case does not count. */
const fieldRule = z.union([
  z.strictObject({ field: z.string().min(1), equals: z.string() }),
  z.strictObject({ field: z.string().min(1), startsWith: z.string().min(1) }),
])
export type FieldRule = z.infer<typeof fieldRule>

export const rules = z.strictObject({
  whichLeads: z.enum(['meta_leads', 'lead_id_only', 'anyone']).default('meta_leads').meta({
    description:
      'meta_leads: a Meta lead id, or a confirmed source with a usable match key; lead_id_only: nothing but the id is sent or stored; anyone: every record with contact data',
  }),
  confirmedSources: z
    .array(fieldRule)
    .default([])
    .meta({ description: 'CRM fields that mark a record as coming from a Meta form; one match is enough' }),
  consent: z.array(fieldRule).default([]).meta({ description: 'all must hold, or nothing is sent for the record' }),
  optOut: z.array(fieldRule).default([]).meta({ description: 'any that holds stops sending for the record' }),
  limitedDataUse: z
    .enum(['off', 'us_states', 'always'])
    .default('off')
    .meta({ description: 'us_states: only for people in the states that Meta lists' }),
  defaultCountry: z
    .string()
    .regex(/^[A-Za-z]{2}$/)
    .optional()
    .meta({ description: 'ISO 3166 alpha-2; reads national phone numbers where the record has no country' }),
  externalId: z.boolean().default(false).meta({ description: 'send the hashed CRM record id as external_id' }),
  writeLeadId: z.boolean().default(false).meta({ description: 'write the Meta lead id that was found into the CRM record' }),
  leadIdEncoding: z.enum(['integer', 'string']).default('integer'),
  repeats: z.boolean().default(false).meta({ description: 'send a stage again each time it is reached' }),
  backward: z.boolean().default(false).meta({ description: 'send a stage that lies before one already reached' }),
  fillSkipped: z.boolean().default(false).meta({ description: 'send skipped earlier stages with the time of the later one' }),
})
export type Rules = z.infer<typeof rules>
