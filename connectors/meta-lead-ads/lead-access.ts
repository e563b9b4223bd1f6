/** Whether Meta lets us read the leads of a page (Graph API, has_lead_access of Page), which more than permissions decide on. */
import { z } from 'zod'
import type { ConnectionContext } from '../connector.ts'
import { CodedError } from '../errors.ts'
import { readReply } from './errors.ts'

const answer = z.object({
  has_lead_access: z
    .object({
      can_access_lead: z.boolean(),
      app_has_leads_permission: z.boolean().optional().catch(undefined),
      user_has_leads_permission: z.boolean().optional().catch(undefined),
      enabled_lead_access_manager: z.boolean().optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
})

export interface LeadAccess {
  may: boolean
  /** Why not, and what to do, each in words. */
  obstacles: string[]
}

const WHERE = 'in Meta Business Suite under Settings → Integrations → Leads access'

/** What Meta says of it; where it says nothing, nothing is in the way. */
export async function readLeadAccess({ client, account }: ConnectionContext): Promise<LeadAccess> {
  const { body } = await client.request({ method: 'GET', url: `/${account}`, query: { fields: 'has_lead_access' } })
  const { has_lead_access: access } = readReply(answer, body)
  if (access === undefined || access.can_access_lead) return { may: true, obstacles: [] }
  const obstacles: string[] = []
  const withheld = access.enabled_lead_access_manager === true
  if (access.app_has_leads_permission === false)
    obstacles.push(
      withheld
        ? `Leads Access Manager withholds the leads of this page from Leadstage. Assign Leadstage there: ${WHERE} → CRMs.`
        : 'Meta has not let Leadstage read leads of this page. Connect it again and allow everything that is asked for.',
    )
  if (access.user_has_leads_permission === false)
    obstacles.push(
      withheld
        ? `Leads Access Manager withholds the leads of this page from the person who connected it. Assign the person there: ${WHERE} → People.`
        : 'The person who connected the page may not advertise for it (task "Ads", ADVERTISE). Give that right in the settings of the page, or have another person connect it.',
    )
  if (obstacles.length === 0) obstacles.push(`Meta does not let us read leads of this page. Look at who may ${WHERE}.`)
  return { may: false, obstacles }
}

export function accessRefused({ obstacles }: LeadAccess): CodedError {
  return new CodedError({ code: 'leads_withheld', retry: 'never', scope: 'connection', userText: obstacles.join(' ') })
}
