/** The fields that hold the Meta lead id: Salesforce has none of its own, our package brings one for leads and one for opportunities. */
import type { ConnectionContext, Finding, RecordRef } from '../connector.ts'
import { CodedError } from '../errors.ts'
import { type Field, typeOf } from './fields.ts'
import { objects, opportunity } from './objects.ts'
import { labels } from './package.ts'
import type { SalesforceSettings } from './settings.ts'
import { root } from './version.ts'

/** See `Connector.writeLeadId`. Needs a user who may edit the record; converted leads are read-only for most. */
export async function writeLeadId(
  { client, settings }: ConnectionContext<SalesforceSettings>,
  ref: RecordRef,
  metaLeadId: string,
): Promise<void> {
  const object = objects.find(({ type }) => type === ref.type)
  if (object === undefined)
    throw new CodedError({
      code: 'not_a_lead',
      retry: 'never',
      scope: 'event',
      userText: 'In Salesforce the Meta lead ID is kept on leads and opportunities only.',
    })
  const field = object === opportunity ? settings.opportunityLeadIdField : settings.leadIdField
  await client.request({
    method: 'PATCH',
    url: `${root}/sobjects/${object.entity}/${encodeURIComponent(ref.id)}`,
    json: { [field]: metaLeadId },
  })
}

/** Names under which other tools keep the id (as seen in public packages and exports). */
const LIKELY = /(meta|facebook|fb).*lead.*id|lead_?gen_?id|^lid__c$/i

/**
 * What is wrong with the field for the Meta lead id on leads. Fields cannot be made through the API with what we ask for
 * (that is the Metadata API, and a right that is not ours to want): the package brings it, or an admin makes it.
 */
export function judgeLeadIdField(fields: readonly Field[], name: string): Finding[] {
  const field = fields.find((one) => one.name === name)
  const others = fields.filter((one) => LIKELY.test(one.name) && typeOf(one.type) === 'text').map((one) => one.name)
  const choice = others.length === 0 ? '' : ` It may be in ${others.join(' or ')}: then choose that field in the settings.`
  if (field === undefined)
    return [
      {
        code: 'lead_id_field_missing',
        fatal: true,
        text: `The connected user does not see a lead field "${name}" for the Meta lead ID.${choice} Otherwise install the ${labels.package} package and assign its permission set "${labels.integration}" to that user, or create a text field of 18 characters under Setup, Object Manager, Lead, Fields & Relationships. Leadstage cannot create it for you.`,
      },
    ]
  if (typeOf(field.type) === 'text') return []
  return [
    {
      code: 'lead_id_field_unfit',
      fatal: false,
      text: `The lead field "${name}" is of type ${field.type} and cannot hold Meta lead IDs exactly: they have up to 17 digits, and Salesforce rounds numbers after 15. IDs that may have been rounded are not sent.${choice} Otherwise keep the ID in a text field.`,
    },
  ]
}
