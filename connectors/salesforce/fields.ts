/** Which fields leads and opportunities have, as far as the connected user may see them (REST API guide, sObject describe). */
import { z } from 'zod'
import type { ConnectionContext, CrmClient, FieldOption } from '../connector.ts'
import { CodedError } from '../errors.ts'
import { readReply } from './errors.ts'
import { codeFields, contactFields, mappedFields } from './identity.ts'
import { lead, objects, opportunity, type SalesforceObject } from './objects.ts'
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

/** What can be asked for of both objects. */
export interface ReadableFields {
  lead: string[]
  /** Absent: the user may not see opportunities. */
  opportunity?: string[]
  /** Those of the above, by object and name (`Lead.Score__c`), that hold numbers. */
  numeric: string[]
}

/**
 * The fields that a lookup asks for, as far as they are there. Throws `unknown_field` where one that the connection maps is
 * not, or is hidden: without it leads would be lost in silence. `unknown_object` where leads are hidden. A field that rules
 * look at has to be on one of the two objects.
 */
export function readableFields({ client, settings, ruleFields }: Context): Promise<ReadableFields> {
  const mapped = mappedFields(settings)
  const rules = ruleFields.filter((name) => /^\w+$/.test(name))
  const name = JSON.stringify(['fields', mapped, settings.opportunityLeadIdField, ruleFields])
  return remembered(client, name, async () => {
    const [ofLead, ofOpportunity] = await Promise.all([readFields(client, lead), readFields(client, opportunity)])
    if (ofLead === undefined) throw hiddenLeads()
    const there = (fields: readonly Field[] | undefined, wanted: readonly string[]) =>
      fields?.filter((field) => wanted.includes(field.name)).map((field) => field.name) ?? []
    const missing = [
      ...mapped.filter((field) => there(ofLead, [field]).length === 0),
      ...ruleFields.filter((field) => there([...ofLead, ...(ofOpportunity ?? [])], [field]).length === 0),
    ]
    if (missing.length > 0) throw hiddenField(missing)
    const isNumber = (field: Field) => typeOf(field.type) === 'number'
    const numbers = (object: SalesforceObject, fields: readonly Field[] = []) =>
      fields
        .filter((field) => isNumber(field) && [...mapped, settings.opportunityLeadIdField].includes(field.name))
        .map((field) => `${object.entity}.${field.name}`)
    return {
      lead: there(ofLead, [...contactFields, ...codeFields, ...mapped, ...rules]),
      ...(ofOpportunity && {
        opportunity: there(ofOpportunity, ['Amount', 'CurrencyIsoCode', settings.opportunityLeadIdField, ...rules]),
      }),
      numeric: [...numbers(lead, ofLead), ...numbers(opportunity, ofOpportunity)],
    }
  })
}

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
    userText: `Salesforce does not show the connected user the lead field ${names.join(', ')}. Either there is no such field, or field-level security hides it: assign the permission set "Meta Connector Admin" to that user, or choose another field in the settings.`,
  })
}
