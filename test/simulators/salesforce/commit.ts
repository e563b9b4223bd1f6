/** What the end of a transaction leaves behind: rows of history, and changes in the log. */
import type { Entity, OrgChange } from './change-log.ts'
import type { Field } from './objects.ts'
import { isEntity, type Made, type Org, type Row, toSecond, type Value } from './org.ts'

/** A record that a transaction has touched, under the first kind of change that it saw. */
export interface Touch {
  object: string
  id: string
  type: 'CREATE' | 'UPDATE' | 'DELETE' | 'UNDELETE'
  before: Row | undefined
  row: Row
}
/**
 * What the event bus tells of a change: all of it; only that there was one (`gap`); that one of too many was in it (`overflow`); that
 * some record of the object changed (`wildcard`); nothing (`lost`).
 */
export type Told = 'event' | 'gap' | 'overflow' | 'wildcard' | 'lost'

/** Several changes of a record in one transaction are one change with the final values; so are equal changes of several records. */
export function closeTransaction(org: Org, touches: readonly Touch[], made: Made & { at: number; lagMs?: number }): void {
  for (const touch of touches) {
    writeHistory(org, touch, made)
    if (touch.type === 'DELETE') org.deletions.push({ object: touch.object, id: touch.id, at: made.at })
  }
  const { told = 'event' } = made
  if (told === 'lost') return
  const head = org.head(made)
  const equal = new Map<string, OrgChange>()
  for (const [index, { object, id, type, before, row }] of touches.entries()) {
    // Made and gone in one transaction: it never was.
    if (!isEntity(object) || (type === 'DELETE' && before === undefined)) continue
    const change: OrgChange = {
      ...head,
      commitTimestamp: head.commitTimestamp + (object === 'Lead' ? (made.lagMs ?? 0) : 0),
      entity: object,
      recordIds: [id],
      changeType: type,
      sequenceNumber: index + 1,
      changedFields: [],
      nulledFields: [],
      diffFields: [],
      values: {},
    }
    if (told === 'event') describeChange(org, change, before, row)
    else hide(change, told)
    const key =
      told === 'overflow' || told === 'wildcard'
        ? object
        : type === 'UPDATE' || type === 'DELETE'
          ? `${object} ${type} ${JSON.stringify(change.values)}`
          : id
    const same = equal.get(key)
    if (same === undefined) equal.set(key, change)
    else if (told === 'event' || told === 'gap') same.recordIds.push(id)
  }
  for (const change of equal.values()) org.changeLog.append(change)
}

/** The values of a record as change events carry them: by dotted names, dates and instants in milliseconds, nothing that is empty. */
function eventValues(org: Org, entity: Entity, row: Row): Record<string, Value> {
  const values: Record<string, Value> = {}
  for (const field of org.fields(entity)) {
    const value = row[field.name]
    if (field.event && value !== undefined && value !== null) values[toldName(field)] = eventValue(field, value)
  }
  return values
}

function describeChange(org: Org, change: OrgChange, before: Row | undefined, row: Row): void {
  if (change.changeType === 'CREATE' || change.changeType === 'UNDELETE') change.values = eventValues(org, change.entity, row)
  if (change.changeType !== 'UPDATE') return
  for (const field of org.fields(change.entity)) {
    const { name, event } = field
    const value = row[name] ?? null
    // Every update is dated, also one within the second of the last.
    if (!event || (value === (before?.[name] ?? null) && name !== 'LastModifiedDate')) continue
    const told = toldName(field)
    change.changedFields.push(told)
    if (value === null) change.nulledFields.push(told)
    change.values[told] = eventValue(field, value)
  }
}

/** A field as change events call it. */
export const toldName = ({ name, compound }: Field): string => (compound === undefined ? name : `${compound}.${name}`)

/** A value as change events carry it: dates and instants in milliseconds. */
export const eventValue = ({ type }: Field, value: Value): Value =>
  type === 'date' && typeof value === 'string' ? Date.parse(value) : value

function hide(change: OrgChange, told: 'gap' | 'overflow' | 'wildcard'): void {
  change.changeType = told === 'overflow' ? 'GAP_OVERFLOW' : `GAP_${change.changeType}`
  if (told === 'overflow') change.recordIds = ['000000000000000AAA']
  if (told === 'wildcard') change.recordIds = [change.entity === 'Lead' ? '00Q*' : '006*']
}

/** Fields whose change leaves a row in the history of an opportunity, in every org. */
const noted = ['Amount', 'Probability', 'StageName', 'CloseDate']

function writeHistory(org: Org, { object, id, type, before, row }: Touch, made: Made & { at: number }): void {
  if (!isEntity(object) || type === 'DELETE' || type === 'UNDELETE') return
  const author = { CreatedById: made.by ?? org.admin.id, CreatedDate: toSecond(made.at), IsDeleted: false }
  const differs = (name: string) => (row[name] ?? null) !== (before?.[name] ?? null)
  if (object === 'Opportunity' && (before === undefined ? org.facts.historyAtCreation : noted.some(differs))) {
    const historyId = org.newId('008')
    org.table('OpportunityHistory').set(historyId, {
      ...author,
      Id: historyId,
      OpportunityId: id,
      StageName: row.StageName ?? null,
      Amount: row.Amount ?? null,
      ExpectedRevenue: row.ExpectedRevenue ?? null,
      CloseDate: row.CloseDate ?? null,
      Probability: row.Probability ?? null,
      ForecastCategory: row.ForecastCategory ?? null,
      PrevAmount: before !== undefined && differs('Amount') ? (before.Amount ?? null) : null,
      PrevCloseDate: before !== undefined && differs('CloseDate') ? (before.CloseDate ?? null) : null,
      SystemModstamp: toSecond(made.at),
    })
  }
  if (org.tracked.size === 0) return
  const note = (name: string, dataType: string, oldValue: Value, newValue: Value) => {
    const table = object === 'Lead' ? 'LeadHistory' : 'OpportunityFieldHistory'
    const historyId = org.newId('017')
    org.table(table).set(historyId, {
      ...author,
      Id: historyId,
      [`${object}Id`]: id,
      Field: name,
      DataType: dataType,
      OldValue: shown(org, object, name, oldValue),
      NewValue: shown(org, object, name, newValue),
    })
  }
  const tracked = org.fields(object).filter(({ name }) => org.tracked.has(`${object}.${name}`))
  if (tracked.length === 0) return
  if (before === undefined) {
    note('created', 'Text', null, null)
    return
  }
  if (object === 'Lead' && differs('IsConverted')) note('leadConverted', 'Text', null, null)
  for (const { name, type: dataType } of tracked)
    if (differs(name)) note(name, dataType === 'picklist' ? 'DynamicEnum' : 'Text', before[name] ?? null, row[name] ?? null)
}

function shown(org: Org, object: Entity, name: string, value: Value): Value {
  const stages: { ApiName: string; MasterLabel: string }[] = object === 'Lead' ? org.leadStatuses : org.stages
  if (org.facts.historyShows === 'value' || (name !== 'Status' && name !== 'StageName')) return value
  return stages.find(({ ApiName }) => ApiName === value)?.MasterLabel ?? value
}
