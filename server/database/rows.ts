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
  const arrays = keys.map((key) => sql`${items.map((item) => item[key] ?? null)}::${sql.raw(columns[key] as string)}[]`)
  return sql`unnest(${sql.join(arrays)}) as ${sql.raw(name)}(${sql.raw(keys.join(', '))})`
}
