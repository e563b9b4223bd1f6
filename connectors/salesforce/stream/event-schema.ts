/**
 * Reading change events by their schema. Salesforce encodes every field of the object; only those that are wanted are read.
 * What is read is made by filtering the schema of the event itself: a fixed one would fail where an org lacks a field or a
 * list of values grows. Large integers (`commitNumber`) are skipped, because they do not fit into a number.
 */
import avro, { type Type, type types } from 'avsc'
import type { FieldValue } from '../change.ts'
import { changedFields, type FieldLayout } from './changed-fields.ts'

export interface EventHeader {
  entityName: string
  recordIds: string[]
  changeType: string
  changeOrigin: string
  transactionKey: string
  sequenceNumber: number
  /** Milliseconds since the epoch. */
  commitTimestamp: number
}
/** A change event as it is written, as far as it is wanted. */
export interface RawEvent {
  header: EventHeader
  /** API names, parts of compound fields as `Name.FirstName`; fields that were emptied are among them. */
  changed: FieldNames
  /** Fields of which only the difference is told. */
  diffed: FieldNames
  /** Wanted fields that the schema has, parts of compound fields by their own name. Null means nothing unless the field is changed. */
  values: Record<string, FieldValue>
}
export interface FieldNames {
  names: readonly string[]
  /** The same without the names of compound fields. */
  own: ReadonlySet<string>
}
export interface EventSchema {
  /** Throws where the payload does not fit the schema. */
  read(payload: Buffer): RawEvent
}

const HEADER = 'ChangeEventHeader'
const headerFields: readonly string[] = [
  ...['entityName', 'recordIds', 'changeType', 'changeOrigin', 'transactionKey', 'sequenceNumber', 'commitTimestamp'],
  ...['nulledFields', 'diffFields', 'changedFields'],
]
type WrittenHeader = EventHeader & Record<'nulledFields' | 'diffFields' | 'changedFields', string[]>

/** Changes of the same few fields come again and again; this many combinations are remembered of a schema. */
const REMEMBERED = 500

/** @param wanted API names of the fields to read, parts of compound fields by their own name. Throws where `json` is no Avro schema of a change event. */
export function compileSchema(json: string, wanted: ReadonlySet<string>): EventSchema {
  const writer = avro.Type.forSchema(JSON.parse(json), { omitRecordMethods: true })
  if (!isRecord(writer) || writer.fields[0]?.name !== HEADER) throw new Error('the schema is not that of a change event')
  const layout: FieldLayout = {
    names: writer.fields.map(({ name }) => name),
    parts: new Map(writer.fields.flatMap(({ type }, index) => (index > 0 && recordIn(type) ? [[index, partsOf(type)]] : []))),
  }
  const reader = recordOf(writer, (name) => wanted.has(name), wanted)
  const resolver = reader.createResolver(writer)
  // What a compound field shows where it is empty: nothing of any part.
  const compounds = new Map(
    writer.fields.flatMap(({ name, type }) => (recordIn(type) ? [[name, emptyParts(partsOf(type), wanted)] as const] : [])),
  )
  const remembered = new Map<string, FieldNames>()

  function namesIn(...bitmaps: string[][]): FieldNames {
    const key = bitmaps.join(' ')
    const known = remembered.get(key)
    if (known !== undefined) return known
    const names = [...new Set(bitmaps.flatMap((it) => changedFields(it, layout)))]
    const read = { names, own: new Set(names.map((name) => name.slice(name.indexOf('.') + 1))) }
    if (remembered.size >= REMEMBERED) remembered.clear()
    remembered.set(key, read)
    return read
  }

  return {
    read(payload) {
      // Without a check of what lies behind the last wanted field, which need not be read then.
      const event = reader.fromBuffer(payload, resolver, true) as Record<string, unknown>
      const { nulledFields, diffFields, changedFields: changed, ...header } = event[HEADER] as WrittenHeader
      const values: Record<string, FieldValue> = {}
      for (const name in event) {
        if (name === HEADER) continue
        const value = event[name]
        const empty = compounds.get(name)
        if (empty === undefined || typeof value === 'string') values[name] = value as FieldValue
        else Object.assign(values, value === null ? empty : unwrap(value as object))
      }
      return { header, changed: namesIn(changed, nulledFields), diffed: namesIn(diffFields), values }
    },
  }
}

/** The record type with the fields that are wanted, and the header. */
function recordOf(record: types.RecordType, keep: (name: string) => boolean, wanted: ReadonlySet<string>): Type {
  const fields = record.fields.flatMap(({ name, type }): { name: string; type: Type }[] => {
    if (name === HEADER && isRecord(type)) return [{ name, type: recordOf(type, (it) => headerFields.includes(it), wanted) }]
    if (keep(name)) return [{ name, type }]
    const compound = recordIn(type)
    if (compound === undefined || !compound.fields.some((part) => wanted.has(part.name))) return []
    const filtered = recordOf(compound, (it) => wanted.has(it), wanted)
    return [{ name, type: avro.Type.forSchema(branches(type).map((branch) => (branch === compound ? filtered : branch)) as never) }]
  })
  return avro.Type.forSchema({ type: 'record', name: record.name, fields } as never, { omitRecordMethods: true })
}

const isRecord = (type: Type): type is types.RecordType => type.typeName === 'record'
const branches = (type: Type): Type[] => (type.typeName.startsWith('union:') ? (type as types.UnwrappedUnionType).types : [type])
const recordIn = (type: Type): types.RecordType | undefined => branches(type).find(isRecord)
const emptyParts = (parts: readonly string[], wanted: ReadonlySet<string>): Record<string, null> =>
  Object.fromEntries(parts.filter((part) => wanted.has(part)).map((part) => [part, null]))
const partsOf = (type: Type): string[] => (recordIn(type)?.fields ?? []).map(({ name }) => name)

/** A union of several records shows its value under the name of the record. */
function unwrap(value: object): object {
  const [inner, ...more] = Object.values(value)
  return typeof inner === 'object' && inner !== null && more.length === 0 ? inner : value
}
