import type { ChangeField, ChangeFieldType } from './avro-schema.ts'
import type { FieldType, ObjectDefinition } from './objects.ts'

const types: Partial<Record<FieldType, ChangeFieldType>> = {
  boolean: 'boolean',
  int: 'int',
  double: 'double',
  currency: 'double',
  percent: 'double',
  date: 'long',
  datetime: 'long',
}
const known = new WeakMap<ObjectDefinition, readonly ChangeField[]>()

/** The fields of an object's change events, each compound field once, where its first part is. The same list for the same definition. */
export function changeFields(definition: ObjectDefinition): readonly ChangeField[] {
  let fields = known.get(definition)
  if (fields === undefined) {
    const byName = new Map<string, ChangeField>()
    for (const { name, type, event, compound } of definition.fields) {
      if (!event) continue
      const told = compound ?? name
      if (!byName.has(told))
        byName.set(told, {
          name: told,
          type: compound === undefined ? (types[type] ?? 'string') : compound === 'Name' ? 'name' : 'address',
        })
    }
    fields = [...byName.values()]
    known.set(definition, fields)
  }
  return fields
}
