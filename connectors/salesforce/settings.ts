/** The settings of one Salesforce connection. All have defaults. */
import { z } from 'zod'
import * as brought from './package.ts'

/** API name of a field, with the namespace of its package where it has one. */
const field = z.string().regex(/^[A-Za-z]\w{0,79}$/)

export const salesforceSettings = z.strictObject({
  changes: z
    .enum(['stream', 'poll'])
    .default('stream')
    .meta({ description: 'how changes arrive: told as they happen (needs change events and View All), or asked for every minute' }),
  leadIdField: field
    .default(brought.leadIdField)
    .meta({ description: 'API name of the lead field that holds the Meta lead id; Salesforce has none of its own' }),
  opportunityLeadIdField: field
    .default(brought.leadIdField)
    .meta({ description: 'API name of the opportunity field for the same, where opportunities carry it; else the converted lead tells' }),
  clickIdField: field.optional().meta({ description: 'API name of the lead field that holds the click id (fbclid or fbc)' }),
  genderField: field.optional().meta({ description: 'API name of the lead field that holds the gender' }),
  birthDateField: field.optional().meta({ description: 'API name of the lead field that holds the date of birth' }),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .optional()
    .meta({
      description: 'currency of all amounts (ISO 4217), for orgs with one currency: Salesforce only tells it where there are several',
    }),
  channel: z
    .string()
    .regex(/^\/data\/\w{1,80}$/)
    .default(brought.channel)
    .meta({ description: 'the channel of the change events, as the package brings it' }),
})
export type SalesforceSettings = z.infer<typeof salesforceSettings>
