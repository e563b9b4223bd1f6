import pg from 'pg'
import { z } from 'zod'
import { CodedError } from '../../connectors/errors.ts'
import type { Log } from '../log.ts'
import { databaseError } from './errors.ts'
import { MIGRATIONS, migrate, readMigrations, unapplied } from './migrate.ts'
import { type SavedHead, type SavedTable, tablesOf } from './save.ts'

/** Rows and characters that go to the database at once. */
const ROWS = 1_000
const CHARACTERS = 4_000_000

const head: z.ZodType<SavedHead> = z.object({
  format: z.literal('leadstage-database'),
  migrations: z.array(z.object({ name: z.string(), checksum: z.string() })),
  sequences: z.array(z.object({ name: z.string(), value: z.string() })),
})

/**
 * Fills an empty database with one that was saved, by this version or an earlier one, and brings it up to date. All rows come, or none.
 *
 * @param lines as `saveDatabase` gives them
 * @returns how many rows each table got
 * Throws `CodedError`: `saved_unreadable` (no saved database, or not all of it), `database_not_empty`, `migration_mismatch` (saved by a
 * newer version), `database_unavailable`.
 */
export async function loadDatabase(url: string, lines: AsyncIterable<string>, log: Log): Promise<Record<string, number>> {
  const reader = lines[Symbol.asyncIterator]()
  const saved = parseHead((await reader.next()).value)
  const known = await readMigrations()
  const later = unapplied(known, saved.migrations)
  const client = new pg.Client({ connectionString: url, application_name: 'leadstage load', keepAlive: true })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await insistOnEmpty(client)
    await migrate(url, log, MIGRATIONS, known.length - later.length)
    await client.query('begin')
    const counts = await fill(client, reader)
    for (const { name, value } of saved.sequences) await client.query('select setval($1::regclass, $2::bigint)', [name, value])
    await client.query('commit')
    await migrate(url, log)
    return counts
  } catch (error) {
    throw databaseError(error)
  } finally {
    await client.end().catch(() => undefined)
  }
}

function parseHead(line: unknown): SavedHead {
  try {
    return head.parse(JSON.parse(String(line)))
  } catch (cause) {
    throw unreadable('It does not begin like one', cause)
  }
}

async function insistOnEmpty(client: pg.Client): Promise<void> {
  for (const table of await tablesOf(client)) {
    const { rowCount } = await client.query(`select from ${pg.escapeIdentifier(table)} limit 1`)
    if (rowCount === 0) continue
    throw new CodedError({
      code: 'database_not_empty',
      retry: 'never',
      scope: 'connection',
      userText: `The database is in use already (table ${table}). Load into an empty one, before a server was started on it.`,
    })
  }
}

async function fill(client: pg.Client, lines: AsyncIterator<string>): Promise<Record<string, number>> {
  const tables = new Set(await tablesOf(client))
  const schema = await schemaOf(client)
  const counts: Record<string, number> = {}
  let table: string | undefined
  let rows: string[] = []
  let characters = 0
  const flush = async () => {
    if (table === undefined || rows.length === 0) return
    // With its schema: by itself, the name of our table of records means any row at all.
    const name = `${schema}.${pg.escapeIdentifier(table)}`
    await client.query(`insert into ${name} overriding system value select * from json_populate_recordset(null::${name}, $1::json)`, [
      `[${rows.join(',')}]`,
    ])
    counts[table] = (counts[table] ?? 0) + rows.length
    rows = []
    characters = 0
  }
  for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
    const next = tableOf(line.value, tables)
    if (next !== undefined) {
      await flush()
      table = next
      continue
    }
    rows.push(line.value)
    characters += line.value.length
    if (rows.length === ROWS || characters > CHARACTERS) await flush()
  }
  await flush()
  return counts
}

async function schemaOf(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ schema: string }>('select quote_ident(current_schema()) as schema')
  return (rows[0] as { schema: string }).schema
}

/** The table that a line names. No row of ours is an object with nothing but that. */
function tableOf(line: string, tables: ReadonlySet<string>): string | undefined {
  if (!/^\{"table":"\w+"\}$/.test(line)) return undefined
  const { table } = JSON.parse(line) as SavedTable
  if (tables.has(table)) return table
  throw unreadable(`It has a table ${table}, which is unknown`)
}

/** Why a file is no saved database; `cause` stays out of the text, because it may quote rows. */
export function unreadable(why: string, cause?: unknown): CodedError {
  return new CodedError({
    code: 'saved_unreadable',
    retry: 'never',
    scope: 'connection',
    userText: `This is no saved database, or not all of one: ${why}. Nothing of it was kept.`,
    cause,
  })
}
