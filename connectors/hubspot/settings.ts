/** The settings of one HubSpot connection. All have defaults. */
import { z } from 'zod'

export const hubspotSettings = z.strictObject({
  leadIdField: z
    .string()
    .regex(/^[a-z0-9_]+$/)
    .default('meta_lead_id')
    .meta({ description: 'internal name of the contact property that holds the Meta lead id; HubSpot has none of its own' }),
  contactChoice: z
    .array(z.enum(['primary', 'lead_id', 'oldest']))
    .default(['primary', 'lead_id'])
    .meta({
      description:
        'which contact stands for a deal or lead with several: each step keeps the contacts it fits (labelled primary; carrying a Meta lead id; created first), or all if it fits none. If several are left after the last step, nobody is picked and the record is reported as ambiguous; `oldest` as the last step picks one all the same',
    }),
})
export type HubspotSettings = z.infer<typeof hubspotSettings>
