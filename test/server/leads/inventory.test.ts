/** The inventory of personal data names what the database has: whoever adds a table has to say what it holds of people. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import t from 'tap'
import { testDatabase } from '../../support/database.ts'

const path = join(import.meta.dirname, '../../../server/leads/README.md')
const names = (cell = '') => [...cell.matchAll(/`([a-z_]+)`/g)].map(([, name]) => name as string)

t.test('every table is in the inventory, and every column that could hold anything', async (t) => {
  const db = await testDatabase(t)
  const { rows } = await sql<{ table: string; column: string; type: string }>`
    select c.relname as table, a.attname as column, format_type(a.atttypid, null) as type
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace`.execute(db)
  const tables = Map.groupBy(rows, ({ table }) => table)
  const inventory = new Map<string, string>()
  for (const line of (await readFile(path, 'utf8')).split('\n')) {
    const [, first, , data] = line.split('|')
    if (!first?.trim().startsWith('`')) continue
    for (const table of names(first)) {
      t.notOk(inventory.has(table), `${table} is listed once`)
      inventory.set(table, data as string)
    }
  }
  t.same(
    [...inventory.keys()].filter((table) => !tables.has(table)),
    [],
    'nothing is listed that is not there',
  )
  t.same(
    [...tables.keys()].filter((table) => !inventory.has(table)),
    [],
    'tables that server/leads/README.md does not name',
  )
  const silent = rows.filter(
    ({ table, column, type }) => ['jsonb', 'json', 'bytea'].includes(type) && !names(inventory.get(table)).includes(column),
  )
  t.same(
    silent.map(({ table, column }) => `${table}.${column}`),
    [],
    'columns that could hold anything, of which it says nothing',
  )
})
