import { codeFields, contactFields, mappedFields } from '../identity.ts'
import { objects } from '../objects.ts'
import type { SalesforceSettings } from '../settings.ts'

/** What decides how the events of a connection are read. */
export interface Reading {
  settings: SalesforceSettings
  ruleFields: readonly string[]
}

export const CREATED = 'CreatedDate'
export const CONVERTED_TO = 'ConvertedOpportunityId'

/**
 * API names of the fields that are read of the change events of either object, parts of compound fields by their own name.
 * Both in one set: an object does not have the fields of the other, or they do no harm.
 */
export function wantedFields({ settings, ruleFields }: Reading): Set<string> {
  return new Set([
    ...objects.map(({ stage }) => stage),
    ...[CREATED, CONVERTED_TO, ...contactFields, ...codeFields],
    ...[...mappedFields(settings), settings.opportunityLeadIdField, ...ruleFields],
  ])
}
