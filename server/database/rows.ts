import { type RawBuilder, sql } from 'kysely'

/**
 * Rows as a table expression for set-based statements: one array parameter a column, unnested, so that a thousand rows
 * cost one statement with few parameters.
 *
 * @param name the alias, by which columns are read (`v.record_id`)
 * @param columns SQL type of each column; the keys are the columns and the properties read from each row
 */
export function rows<Row extends object>(
  name: string,
  columns: { [Key in keyof Row]?: string },
  items: readonly Row[],
): RawBuilder<unknown> {
  const keys = Object.keys(columns) as (keyof Row & string)[]
  const arrays = keys.map((key) => sql`${arrayText(items.map((item) => item[key]))}::${sql.raw(columns[key] as string)}[]`)
  return sql`unnest(${sql.join(arrays)}) as ${sql.raw(name)}(${sql.raw(keys.join(', '))})`
}

/** An array as PostgreSQL reads it. Made here, because this is most of what writing a row costs. */
function arrayText(values: readonly unknown[]): string {
  return `{${values.map(elementText).join(',')}}`
}

function elementText(value: unknown): string {
  if (value === null || value === undefined) return 'NULL'
  if (typeof value === 'string') return quoted(value)
  if (value instanceof Date) return quoted(instantText(value))
  if (Buffer.isBuffer(value)) return `"\\\\x${value.toString('hex')}"`
  return String(value)
}

const quoted = (text: string): string => `"${/["\\]/.test(text) ? text.replaceAll(/["\\]/g, '\\$&') : text}"`

/** Years of more than four digits and those before Christ are written otherwise than in JavaScript. */
function instantText(instant: Date): string {
  const text = instant.toISOString()
  if (text.startsWith('+')) return text.replace(/^\+0*/, '')
  if (text.startsWith('-')) return `${String(1 + Number(text.slice(1, 7))).padStart(4, '0')}${text.slice(7)} BC`
  return text
}
