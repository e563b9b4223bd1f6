/**
 * Reading change events by their schema. Salesforce encodes every field of the object, in the order of a schema that is the
 * org's own; only those that are wanted are kept. A field is read by a type that all schemas share: compiling a whole schema
 * makes code of its own, which V8 keeps long after it was last used, 180 kB for an object with 300 fields.
 */
import avro, { type Type, type types } from 'avsc'
import { z } from 'zod'
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
type WrittenHeader = EventHeader & Record<'nulledFields' | 'diffFields' | 'changedFields', string[]>

/** A field of the record, in its place. */
interface Column {
  name: string
  type: Type
  /** One zero byte is its null. */
  nullIsZero: boolean
  /** The parts of a compound field. */
  parts: readonly string[] | undefined
  wanted: boolean | readonly string[]
}

/** Changes of the same few fields come again and again; this many combinations are remembered of a schema. */
const REMEMBERED = 50

/** @param wanted API names of the fields to read, parts of compound fields by their own name. Throws where `json` is no Avro schema of a change event. */
export function compileSchema(json: string, wanted: ReadonlySet<string>): EventSchema {
  const columns = readColumns(JSON.parse(json), wanted)
  const layout: FieldLayout = {
    names: columns.map(({ name }) => name),
    parts: new Map(columns.flatMap(({ parts }, index) => (index > 0 && parts !== undefined ? [[index, parts]] : []))),
  }
  const last = columns.findLastIndex((column) => column.wanted)
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
      let header: WrittenHeader | undefined
      const values: RawEvent['values'] = {}
      let place = 0
      for (let index = 0; index <= last; index++) {
        const column = columns[index] as Column
        let value: unknown = null
        // Most fields of most events are null.
        if (column.nullIsZero && payload[place] === 0) place += 1
        else {
          const read = column.type.decode(payload, place)
          if (read.offset < 0) throw new Error('a change event is cut off')
          place = read.offset
          value = read.value
        }
        if (index === 0) header = value as WrittenHeader
        else if (column.wanted) keepValue(values, column, value)
      }
      const { entityName, recordIds, changeType, changeOrigin, transactionKey, sequenceNumber, commitTimestamp } = header as WrittenHeader
      const { nulledFields, diffFields, changedFields: changed } = header as WrittenHeader
      return {
        header: { entityName, recordIds, changeType, changeOrigin, transactionKey, sequenceNumber, commitTimestamp },
        changed: namesIn(changed, nulledFields),
        diffed: namesIn(diffFields),
        values,
      }
    },
  }
}

function readColumns(schema: unknown, wanted: ReadonlySet<string>): Column[] {
  const { fields, namespace } = eventRecord.parse(schema)
  const registry: Registry = {}
  return fields.map(({ name, type: described }, index) => {
    const type = typeOf(described, namespace, registry)
    const parts = recordIn(type)?.fields.map((part) => part.name)
    const wantedParts = parts?.filter((part) => wanted.has(part)) ?? []
    return {
      name,
      type,
      nullIsZero: type.typeName.startsWith('union:') && branches(type)[0]?.typeName === 'null',
      parts,
      wanted: index === 0 || (wantedParts.length > 0 ? wantedParts : wanted.has(name)),
    }
  })
}

const eventRecord = z.object({
  type: z.literal('record'),
  namespace: z.string().optional(),
  fields: z
    .array(z.object({ name: z.string(), type: z.unknown() }))
    .refine(([first]) => first?.name === HEADER, 'the schema is not that of a change event'),
})

type Registry = Record<string, Type>
/** Types that describe themselves in full, by their description. The fields of all objects have a few dozens of them. */
const shared = new Map<string, { type: Type; names: Registry }>()
const MOST_SHARED = 1_000

/** @param registry the named types of the schema so far: they are described once, and may be named afterwards. Extended. */
function typeOf(described: unknown, namespace: string | undefined, registry: Registry): Type {
  const key = `${namespace} ${JSON.stringify(described)}`
  const compile = (names: Registry) =>
    avro.Type.forSchema(described as never, { registry: names, namespace, omitRecordMethods: true, logicalTypes, typeHook: bounded })
  let found = shared.get(key)
  if (found === undefined) {
    const names: Registry = { long }
    try {
      found = { type: compile(names), names }
    } catch {
      // It names a type of this schema, or nothing that exists.
      return compile({ ...registry, long })
    }
    if (shared.size >= MOST_SHARED) shared.clear()
    shared.set(key, found)
  }
  Object.assign(registry, found.names)
  return found.type
}

/** Integers of 64 bits: a number where it is exact, else its digits (`commitNumber` is beyond that, and would not be read at all). */
const long = avro.types.LongType.__with({
  fromBuffer(bytes: Buffer) {
    const value = bytes.readBigInt64LE()
    return BigInt.asIntN(53, value) === value ? Number(value) : value.toString()
  },
  toBuffer: onlyRead,
  fromJSON: onlyRead,
  toJSON: onlyRead,
  compare: onlyRead,
  isValid: () => false,
})

/** The driver believes what an array says of its length: damaged bytes can claim billions of items, and keep a process busy with them. */
class Item extends avro.types.LogicalType {
  protected override _fromValue(value: unknown): unknown {
    if (value === undefined) throw new Error('a change event is cut off')
    return value
  }
  protected override _toValue = onlyRead
}
const logicalTypes = { item: Item }

/** Lists of text end where the bytes end. */
function bounded(described: unknown, options: Parameters<typeof avro.Type.forSchema>[1]): Type | undefined {
  if (typeof described !== 'object' || described === null || !('type' in described) || !('items' in described)) return undefined
  if (described.type !== 'array' || described.items !== 'string') return undefined
  const items = { type: 'string', logicalType: 'item' }
  return avro.Type.forSchema({ type: 'array', items } as never, { ...options, typeHook: () => undefined })
}

function onlyRead(): never {
  throw new Error('events are only read')
}

function keepValue(values: RawEvent['values'], { name, wanted }: Column, value: unknown): void {
  if (typeof wanted === 'boolean') {
    values[name] = value as FieldValue
    return
  }
  // Of a name that is one text no part is known; an empty compound field shows nothing of any part.
  if (typeof value === 'string') return
  const record = value === null ? undefined : unwrap(value as object)
  for (const part of wanted) values[part] = record?.[part] ?? null
}

const isRecord = (type: Type): type is types.RecordType => type.typeName === 'record'
const branches = (type: Type): Type[] => (type.typeName.startsWith('union:') ? (type as types.UnwrappedUnionType).types : [type])
const recordIn = (type: Type): types.RecordType | undefined => branches(type).find(isRecord)

/** A union of several records shows its value under the name of the record. */
function unwrap(value: object): Record<string, FieldValue> {
  const [inner, ...more] = Object.values(value)
  return typeof inner === 'object' && inner !== null && more.length === 0 ? inner : (value as Record<string, FieldValue>)
}
