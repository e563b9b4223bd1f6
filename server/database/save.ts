import pg from 'pg'
import { databaseError } from './errors.ts'

/** First line of a saved database. */
export interface SavedHead {
  format: 'leadstage-database'
  /** What its tables look like. */
  migrations: { name: string; checksum: string }[]
  /** Where its sequences stand, so that no number is given twice. */
  sequences: { name: string; value: string }[]
}

/** Between two lines of this kind come the rows of the table that the first one names, as PostgreSQL prints them. */
export interface SavedTable {
  table: string
}

const ROWS = 200

/**
 * Reads a whole database as it is at one moment, while others work on it: JSON in lines, without their ends. What is sealed stays so.
 * Rows are never read as numbers here, because JavaScript's would round the ids of 64 bits.
 *
 * Throws `CodedError` `database_unavailable`.
 */
export async function* saveDatabase(url: string): AsyncGenerator<string> {
  const client = new pg.Client({ connectionString: url, application_name: 'leadstage save', keepAlive: true })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('begin isolation level repeatable read read only')
    yield JSON.stringify(await readHead(client))
    for (const table of await tablesOf(client)) {
      yield JSON.stringify({ table } satisfies SavedTable)
      yield* readRows(client, table)
    }
    await client.query('commit')
  } catch (error) {
    throw databaseError(error)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** All tables that hold something of ours, those that others refer to first; a partitioned one stands for its partitions. */
export async function tablesOf(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ table: string }>(`
    select relname as table from pg_class
    where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p') and not relispartition and relname <> 'migration'
    order by oid`)
  return rows.map(({ table }) => table)
}

async function readHead(client: pg.Client): Promise<SavedHead> {
  const migrations = await client.query<SavedHead['migrations'][number]>('select name, checksum from migration order by name')
  const sequences = await client.query<SavedHead['sequences'][number]>(`
    select sequencename as name, last_value::text as value from pg_sequences
    where schemaname = current_schema() and last_value is not null`)
  return { format: 'leadstage-database', migrations: migrations.rows, sequences: sequences.rows }
}

async function* readRows(client: pg.Client, table: string): AsyncGenerator<string> {
  await client.query(`declare rows no scroll cursor for select row_to_json(t)::text as row from ${pg.escapeIdentifier(table)} t`)
  for (;;) {
    const { rows } = await client.query<{ row: string }>(`fetch ${ROWS} from rows`)
    // Within a text they are escaped: these are white space of a value that is kept as it came.
    for (const { row } of rows) yield row.replaceAll('\n', ' ')
    if (rows.length < ROWS) break
  }
  await client.query('close rows')
}
