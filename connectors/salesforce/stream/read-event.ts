import type { LeadIdentity } from '../../record.ts'
import { type ChangeType, changeTypes, type Entity, type EventChange, type FieldValue } from '../change.ts'
import { codeFields, contactFields, mappedFields, readIdentity } from '../identity.ts'
import { readLeadId } from '../lead-id-value.ts'
import { objects } from '../objects.ts'
import type { SalesforceSettings } from '../settings.ts'
import type { RawEvent } from './event-schema.ts'
import { CONVERTED_TO, CREATED, type Reading } from './wanted-fields.ts'

/**
 * The change that an event of the stream tells of; undefined where it concerns another object, or is of a kind that means
 * nothing to us (`SNAPSHOT` is reserved). Pure.
 *
 * An event has every field, and null says nothing of one that is not among the changed ones: known is what is changed, and
 * what is not null (fields that the channel adds). On CREATE all is known.
 */
export function readEvent(event: RawEvent, reading: Reading): EventChange | undefined {
  const { header, changed, diffed, values } = event
  const object = objects.find(({ entity }) => entity === header.entityName)
  const type = changeTypes.find((it) => it === header.changeType)
  if (object === undefined || type === undefined) return undefined
  const isKnown = (name: string) =>
    Object.hasOwn(values, name) && !diffed.own.has(name) && (type === 'CREATE' || values[name] !== null || changed.own.has(name))
  const person = tellsValues(type) ? readPerson(event, object.entity, type, isKnown, reading.settings) : {}
  const rules = tellsValues(type) ? readRules(values, reading.ruleFields.filter(isKnown)) : undefined
  return {
    kind: 'event',
    entity: object.entity,
    ids: header.recordIds,
    type,
    at: header.commitTimestamp,
    transaction: header.transactionKey,
    sequence: header.sequenceNumber,
    changed: [...changed.names],
    fields: readFields(values, type, [object.stage, CREATED, CONVERTED_TO].filter(isKnown)),
    ...person,
    ...(rules && { rules }),
    ...(reading.ruleFields.some((name) => diffed.own.has(name)) && { unclear: true }),
    ...(header.recordIds.length > 1 && { together: header.recordIds.length }),
    ...(header.changeOrigin === '' && { internal: true }),
  }
}

const tellsValues = (type: ChangeType): boolean => type === 'CREATE' || type === 'UPDATE'

function readFields(values: RawEvent['values'], type: ChangeType, names: readonly string[]): EventChange['fields'] {
  const fields: EventChange['fields'] = {}
  for (const name of names) if (type !== 'CREATE' || values[name] !== null) fields[name] = values[name] ?? null
  return fields
}

function readRules(values: RawEvent['values'], known: readonly string[]): EventChange['rules'] {
  return known.length === 0 ? undefined : Object.fromEntries(known.map((name) => [name, asText(values[name]) ?? null]))
}

/** The person, and whether more about it changed than the event can tell. */
function readPerson(
  { changed, diffed, values }: RawEvent,
  entity: Entity,
  type: ChangeType,
  isKnown: (name: string) => boolean,
  settings: SalesforceSettings,
): Pick<EventChange, 'identity' | 'unclear'> {
  const { leadIdField, clickIdField, opportunityLeadIdField, birthDateField } = settings
  const get = (name: string) => {
    if (name === birthDateField) return asDate(values[name])
    return name === leadIdField || name === opportunityLeadIdField ? readLeadId(values[name]) : asText(values[name])
  }
  if (entity === 'Opportunity') {
    const metaLeadId = isKnown(opportunityLeadIdField) ? get(opportunityLeadIdField) : undefined
    // An amount means nothing without its currency, which may be the org's.
    const unclear =
      type === 'UPDATE' && (emptied(opportunityLeadIdField) || ['Amount', 'CurrencyIsoCode'].some((it) => changed.own.has(it)))
    return { ...(metaLeadId !== undefined && { identity: { metaLeadId } }), ...(unclear && { unclear }) }
  }
  if (type === 'CREATE') {
    const created = values[CREATED]
    return { identity: withoutId(readIdentity('', get, settings, typeof created === 'number' ? created : undefined)) }
  }
  // What else says who somebody is can only be told together: a number needs the country, a click id its time.
  const alone = [...mappedFields(settings).filter((name) => name !== clickIdField), 'FirstName', 'LastName', 'Email']
  const identity = withoutId(readIdentity('', (name) => (alone.includes(name) && isKnown(name) ? get(name) : undefined), settings))
  const all = [...mappedFields(settings), ...contactFields, ...codeFields]
  const unclear = all.some((name) => emptied(name) || diffed.own.has(name) || (changed.own.has(name) && !alone.includes(name)))
  // A person who has lost the lead id is not known by the rest.
  return {
    ...(Object.keys(identity).length > 0 && !emptied(leadIdField) && { identity }),
    ...(unclear && { unclear }),
  }

  function emptied(name: string): boolean {
    return changed.own.has(name) && get(name) === undefined
  }
}

/** An event may be about several records. */
function withoutId({ externalId: _, ...identity }: LeadIdentity): LeadIdentity {
  return identity
}

/** A value's text; undefined if it is absent or blank. */
function asText(value: FieldValue | undefined): string | undefined {
  const text = value === null || value === undefined ? '' : String(value).trim()
  return text === '' ? undefined : text
}

/** Dates come as milliseconds of their midnight, UTC. */
function asDate(value: FieldValue | undefined): string | undefined {
  return typeof value === 'number' ? new Date(value).toISOString().slice(0, 10) : asText(value)
}
