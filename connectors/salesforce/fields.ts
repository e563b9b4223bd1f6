/** Which fields leads and opportunities have, as far as the connected user may see them (REST API guide, sObject describe). */
import { z } from 'zod'
import type { ConnectionContext, CrmClient, FieldOption } from '../connector.ts'
import { CodedError } from '../errors.ts'
import { readReply } from './errors.ts'
import { codeFields, contactFields, mappedFields } from './identity.ts'
import { lead, objects, opportunity, type SalesforceObject } from './objects.ts'
import { labels } from './package.ts'
import { remembered } from './remember.ts'
import type { SalesforceSettings } from './settings.ts'
import { root } from './version.ts'

type Context = ConnectionContext<SalesforceSettings>

const description = z.object({
  fields: z.array(z.object({ name: z.string(), label: z.string().default(''), type: z.string().default('') })),
})
export type Field = z.infer<typeof description>['fields'][number]

/** The fields of an object; undefined where the user may not see the object at all. */
export async function readFields(client: CrmClient, { entity }: SalesforceObject): Promise<Field[] | undefined> {
  const { status, body } = await client.request({ method: 'GET', url: `${root}/sobjects/${entity}/describe`, expect: [404] })
  return status === 404 ? undefined : readReply(description, body).fields
}

/** See `Connector.listFields`. */
export async function listFields({ client }: ConnectionContext): Promise<FieldOption[]> {
  const options = objects.map(async (object) =>
    ((await readFields(client, object)) ?? []).map(({ name, label, type }) => ({
      recordType: object.type,
      name,
      label: label || name,
      type: typeOf(type),
    })),
  )
  return (await Promise.all(options)).flat()
}

const fieldTypes: Record<string, FieldOption['type']> = {
  ...{ string: 'text', textarea: 'text', email: 'text', phone: 'text', url: 'text', encryptedstring: 'text' },
  ...{ int: 'number', double: 'number', currency: 'number', percent: 'number', long: 'number' },
  ...{ picklist: 'choice', multipicklist: 'choice', combobox: 'choice', boolean: 'choice' },
  ...{ date: 'date', datetime: 'date' },
}
export const typeOf = (type: string): FieldOption['type'] => (Object.hasOwn(fieldTypes, type) ? (fieldTypes[type] as 'text') : 'other')

/** What a lookup can ask for. */
export interface ReadableFields {
  lead: string[]
  /** Absent: the user may not see opportunities. */
  opportunity?: string[]
  /** Whether the fields for the Meta lead id hold numbers. */
  leadIdIsNumber: { lead: boolean; opportunity: boolean }
}

/**
 * The fields that a lookup asks for, as far as they are there. Throws `unknown_field` where one that the connection maps is
 * not, or is hidden: without it leads would be lost in silence. `unknown_object` where leads are hidden. A field that rules
 * look at has to be on one of the two objects.
 */
export function readableFields({ client, settings, ruleFields }: Context): Promise<ReadableFields> {
  const mapped = mappedFields(settings)
  const ofLeads = [...contactFields, ...codeFields, ...mapped, ...ruleFields]
  const ofOpportunities = ['Amount', 'CurrencyIsoCode', settings.opportunityLeadIdField, ...ruleFields]
  return remembered(client, JSON.stringify(['fields', ofLeads, ofOpportunities]), async () => {
    const [leads, opportunities] = await Promise.all([readFields(client, lead), readFields(client, opportunity)])
    if (leads === undefined) throw hiddenLeads()
    const missing = [
      ...mapped.filter((name) => !has(leads, name)),
      ...ruleFields.filter((name) => !has(leads, name) && !has(opportunities, name)),
    ]
    if (missing.length > 0) throw hiddenField(missing)
    const isNumber = (fields: readonly Field[] | undefined, name: string) =>
      fields?.some((field) => field.name === name && typeOf(field.type) === 'number') === true
    return {
      lead: ofLeads.filter((name) => has(leads, name)),
      ...(opportunities && { opportunity: ofOpportunities.filter((name) => has(opportunities, name)) }),
      leadIdIsNumber: {
        lead: isNumber(leads, settings.leadIdField),
        opportunity: isNumber(opportunities, settings.opportunityLeadIdField),
      },
    }
  })
}

/** Whether there is such a field, as far as the user may see. */
export const has = (fields: readonly Field[] | undefined, name: string): boolean => fields?.some((field) => field.name === name) === true

function hiddenLeads(): CodedError {
  return new CodedError({
    code: 'unknown_object',
    retry: 'never',
    scope: 'connection',
    userText: 'Salesforce does not show leads to the connected user. Give that user read access to leads and opportunities.',
  })
}

function hiddenField(names: readonly string[]): CodedError {
  return new CodedError({
    code: 'unknown_field',
    retry: 'never',
    scope: 'connection',
    userText: `Salesforce does not show the connected user the lead field ${names.join(', ')}. Either there is no such field, or field-level security hides it: assign the permission set "${labels.integration}" to that user, or choose another field in the settings.`,
  })
}
