/** Records and values as the REST API writes them. */
import type { Field } from './objects.ts'
import type { Org, Row, Value } from './org.ts'

const decimals = new Set<Field['type']>(['double', 'currency', 'percent'])

/** Of what kind a record of an answer is, and where it is. */
export function attributes(object: string, row: Row, root: string): object {
  return { type: object, url: `${root}/sobjects/${object}/${row.Id}` }
}

/** A value as the REST API writes it. */
export function render(org: Org, object: string, field: Field, read: (row: Row) => Value, row: Row): unknown {
  if (field.type === 'address') return addressOf(org, object, row)
  const value = read(row)
  if (typeof value !== 'number') return value
  if (field.type === 'datetime') return new Date(value).toISOString().replace('Z', '+0000')
  return decimals.has(field.type) ? rawJSON(decimal(value)) : value
}

/** Not among the types of the language's library yet. */
const { rawJSON } = JSON as JSON & { rawJSON(text: string): object }

/** A number with a fraction as the service spells it: `10.0`, and from ten million on `1.39E8`. */
function decimal(value: number): string {
  if (value !== 0 && (Math.abs(value) >= 1e7 || Math.abs(value) < 1e-3)) {
    const [digits = '', exponent] = value.toExponential().split('e')
    return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`
  }
  return Number.isInteger(value) ? `${value}.0` : String(value)
}

function addressOf(org: Org, object: string, row: Row): object | null {
  const parts = org.fields(object).filter(({ compound }) => compound === 'Address')
  const values = parts.map(({ name }) => [name.charAt(0).toLowerCase() + name.slice(1), row[name] ?? null] as const)
  return values.every(([, value]) => value === null) ? null : Object.fromEntries(values)
}

/** A picklist's value as people see it. */
export function label(org: Org, object: string, { name }: Field, value: Value): Value {
  const stages: { ApiName: string; MasterLabel: string }[] =
    object === 'Lead' && name === 'Status' ? org.leadStatuses : name === 'StageName' ? org.stages : []
  return stages.find(({ ApiName }) => ApiName === value)?.MasterLabel ?? value
}
