import { type ChangeField, changeTypes, compoundParts } from './avro-schema.ts'
import { AvroWriter } from './avro-writer.ts'
import type { OrgChange } from './change-log.ts'
import { fieldBitmaps } from './field-bitmaps.ts'

/** Events above 1 MB become gap events. */
const MAX_EVENT_BYTES = 1_048_576

const writer = new AvroWriter()
/** Many changes name the same few fields. */
const bitmaps = new WeakMap<readonly ChangeField[], Map<string, string[]>>()

/**
 * The Avro payload of a change: its header and every field of the schema, null where the change says nothing. A change too large
 * to be an event comes as the gap event of its kind, with a header only.
 */
export function encodeEvent(fields: readonly ChangeField[], change: OrgChange): Buffer {
  header(fields, change)
  for (const field of fields) {
    if (field.type === 'name' || field.type === 'address') compound(field.name, field.type, change.values)
    else optional(field.type, change.values[field.name])
  }
  const bytes = writer.take()
  return bytes.length <= MAX_EVENT_BYTES ? bytes : encodeEvent(fields, asGap(change))
}

/** What a change is reduced to when it cannot be told. */
const asGap = (change: OrgChange): OrgChange => ({
  ...change,
  changeType: `GAP_${change.changeType}`,
  changedFields: [],
  nulledFields: [],
  diffFields: [],
  values: {},
})

function header(fields: readonly ChangeField[], change: OrgChange): void {
  const type = changeTypes.indexOf(change.changeType)
  if (type < 0) throw new Error(`there is no change type ${change.changeType}`)
  writer.string(change.entity)
  writer.strings(change.recordIds)
  writer.long(type)
  writer.string(change.changeOrigin)
  writer.string(change.transactionKey)
  writer.long(change.sequenceNumber)
  writer.long(change.commitTimestamp)
  writer.long(change.commitNumber)
  writer.string(change.commitUser)
  writer.strings(bitmapsOf(fields, change.nulledFields))
  writer.strings(bitmapsOf(fields, change.diffFields))
  writer.strings(bitmapsOf(fields, change.changedFields))
}

function bitmapsOf(fields: readonly ChangeField[], names: readonly string[]): string[] {
  if (names.length === 0) return []
  let seen = bitmaps.get(fields)
  if (seen === undefined) {
    seen = new Map()
    bitmaps.set(fields, seen)
  }
  const key = names.join()
  let found = seen.get(key)
  if (found === undefined) {
    found = fieldBitmaps(fields, names)
    seen.set(key, found)
  }
  return found
}

/** A union of null and a simple type. */
function optional(type: ChangeField['type'], value: unknown): void {
  writer.long(value === undefined || value === null ? 0 : 1)
  if (value === undefined || value === null) return
  if (type === 'boolean') writer.boolean(value === true)
  else if (type === 'double') writer.double(Number(value))
  else if (type === 'string') writer.string(String(value))
  else writer.long(typeof value === 'bigint' ? value : Number(value))
}

function compound(name: string, type: 'name' | 'address', values: Record<string, unknown>): void {
  const plain = values[name]
  const parts = partsOf(name, type)
  if (type === 'name' && typeof plain === 'string') {
    writer.long(1)
    writer.string(plain)
  } else if (parts.some(({ key }) => values[key] !== undefined && values[key] !== null)) {
    writer.long(type === 'name' ? 2 : 1)
    for (const part of parts) optional(part.type, values[part.key])
  } else writer.long(0)
}

const dotted = new Map<string, { key: string; type: ChangeField['type'] }[]>()

/** The parts of a compound field under their dotted names. */
function partsOf(name: string, type: 'name' | 'address') {
  let parts = dotted.get(name)
  if (parts === undefined) {
    parts = compoundParts[type].map((part) => ({ key: `${name}.${part.name}`, type: part.type }))
    dotted.set(name, parts)
  }
  return parts
}
