/** The contact property that holds the Meta lead id: HubSpot has none of its own. */
import { z } from 'zod'
import type { ConnectionContext, RecordRef } from '../connector.ts'
import { CodedError } from '../errors.ts'
import { missingScope, readReply } from './errors.ts'
import { scope } from './install.ts'
import { contact } from './objects.ts'
import type { HubspotSettings } from './settings.ts'
import { api } from './version.ts'

type Context = ConnectionContext<HubspotSettings>

const properties = `/crm/properties/${api.version}/contacts`

/** The type of the configured property; `missing` if there is none, `hidden` if the account may not read definitions. */
export async function readLeadIdFieldType({ client, settings }: Context): Promise<string> {
  const { status, body } = await client.request({ method: 'GET', url: `${properties}/${settings.leadIdField}`, expect: [403, 404] })
  if (status !== 200) return status === 403 ? 'hidden' : 'missing'
  const { type, archived } = readReply(z.object({ type: z.string(), archived: z.boolean().nullish() }), body)
  return archived ? 'missing' : type
}

/**
 * See `Connector.createLeadIdField`. Text, because a number property cannot hold 17 digits exactly. Not unique: that can
 * never be undone, and merges and test leads make duplicates. Throws `lead_id_field_unfit` where a property of that name
 * holds something else, `missing_scope` and `lead_id_field_refused`.
 */
export async function createLeadIdField(context: Context): Promise<string> {
  const { client, scopes, settings } = context
  if (await isThere(context)) return settings.leadIdField
  if (!scopes.includes(scope.writeContactProperties)) throw missingScope([scope.writeContactProperties])

  // How HubSpot says that a name is taken is not documented, so a refusal is no failure yet: what is there afterwards counts.
  const refusals = [400, 409]
  await client.request({
    method: 'POST',
    url: `${properties}/groups`,
    json: { name: 'meta_capi', label: 'Meta Conversions API', displayOrder: -1 },
    expect: refusals,
  })
  const { status } = await client.request({
    method: 'POST',
    url: properties,
    json: {
      name: settings.leadIdField,
      label: 'Meta lead ID',
      description: 'The 15 to 17 digits by which Meta knows the instant form lead of this contact',
      groupName: 'meta_capi',
      type: 'string',
      fieldType: 'text',
      formField: true,
      hidden: false,
    },
    expect: refusals,
  })
  if (refusals.includes(status) && !(await isThere(context)))
    throw new CodedError({
      code: 'lead_id_field_refused',
      retry: 'never',
      scope: 'connection',
      userText: `HubSpot refused to create the contact property "${settings.leadIdField}". Create it in HubSpot's settings as a single-line text property.`,
      message: `lead_id_field_refused: HTTP ${status}`,
    })
  return settings.leadIdField
}

/** See `Connector.writeLeadId`. Needs the optional scope to write contacts. */
export async function writeLeadId({ client, scopes, settings }: Context, ref: RecordRef, metaLeadId: string): Promise<void> {
  if (!scopes.includes(scope.writeContacts)) throw missingScope([scope.writeContacts])
  if (ref.type !== contact.type)
    throw new CodedError({
      code: 'not_a_contact',
      retry: 'never',
      scope: 'event',
      userText: 'In HubSpot the Meta lead ID is kept on contacts only.',
    })
  await client.request({
    method: 'PATCH',
    url: `/crm/objects/${api.version}/contacts/${encodeURIComponent(ref.id)}`,
    json: { properties: { [settings.leadIdField]: metaLeadId } },
  })
}

async function isThere(context: Context): Promise<boolean> {
  const type = await readLeadIdFieldType(context)
  if (type === 'missing' || type === 'hidden') return false
  if (type === 'string') return true
  throw new CodedError({
    code: 'lead_id_field_unfit',
    retry: 'never',
    scope: 'connection',
    userText: unfitText(context.settings.leadIdField, type),
  })
}

/** What to tell an admin whose property is not text. */
export function unfitText(name: string, type: string): string {
  return `The contact property "${name}" is of type ${type} and cannot hold Meta lead IDs exactly: they have up to 17 digits and have to be kept as text. Choose or create a single-line text property.`
}
