import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { CodedError } from '../../connectors/errors.ts'
import type { Log } from '../log.ts'
import { databaseError, isConflict } from './errors.ts'

export const MIGRATIONS = join(import.meta.dirname, 'migrations')

export interface Migration {
  name: string
  sql: string
  checksum: string
}

/** The migrations of a folder, in order: files named `001-what-it-does.sql`. */
export async function readMigrations(folder = MIGRATIONS): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{3}-[a-z\d-]+\.sql$/.test(name)).sort()
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(join(folder, name), 'utf8')
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') }
    }),
  )
}

/** Any number; everybody who migrates this database takes this lock. */
const MIGRATION_LOCK = 7_236_838

/**
 * Brings the database up to date: applies what is missing, each migration in a transaction of its own, one process at a
 * time. Uses a connection without time limits, because a migration may take long.
 *
 * @param upTo how many of the migrations to know of; the rest is left for later
 * @returns names of the migrations applied now
 * Throws `CodedError` `migration_mismatch` when the database holds a migration that is changed here or unknown here, and
 * `migration_failed` when one cannot be applied (nothing of it stays).
 */
export async function migrate(url: string, log: Log, folder = MIGRATIONS, upTo?: number): Promise<string[]> {
  const migrations = (await readMigrations(folder)).slice(0, upTo)
  const client = new pg.Client({
    connectionString: url,
    application_name: 'leadstage migrate',
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK])
    await client.query(
      'create table if not exists migration (name text primary key, checksum text not null, applied_at timestamptz not null default now())',
    )
    const { rows } = await client.query<{ name: string; checksum: string }>('select name, checksum from migration order by name')
    const missing = unapplied(migrations, rows)
    for (const migration of missing) {
      await apply(client, migration)
      log.info({ migration: migration.name }, 'migrated the database')
    }
    return missing.map(({ name }) => name)
  } catch (error) {
    throw databaseError(error)
  } finally {
    // Ends the session and with it the lock.
    await client.end().catch(() => undefined)
  }
}

/** What is still to be applied. What has been applied must be the beginning of what we know, unchanged. Pure. */
export function unapplied(known: readonly Migration[], applied: readonly { name: string; checksum: string }[]): Migration[] {
  for (const [index, { name, checksum }] of applied.entries()) {
    const ours = known[index]
    if (ours?.name === name && ours.checksum === checksum) continue
    const reason =
      ours?.name === name
        ? `its migration ${name} differs from the one here: an applied migration is never edited, add a new one`
        : known.some((migration) => migration.name === name)
          ? `migration ${ours?.name} here is older than ${name}, which has been applied: give it a later number`
          : `it has the migration ${name}, which is unknown here: it was used by a newer version of Leadstage, start that one`
    throw new CodedError({
      code: 'migration_mismatch',
      retry: 'never',
      scope: 'connection',
      userText: `The database does not fit this version: ${reason}.`,
    })
  }
  return known.slice(applied.length)
}

/** How often one is tried whose locks stand crosswise with those of processes at work; PostgreSQL finds that out in a second. */
const TRIES = 30

async function apply(client: pg.Client, migration: Migration, tries = TRIES): Promise<void> {
  const { name, sql, checksum } = migration
  try {
    await client.query('begin')
    await client.query(sql)
    await client.query('insert into migration (name, checksum) values ($1, $2)', [name, checksum])
    await client.query('commit')
  } catch (cause) {
    await client.query('rollback').catch(() => undefined)
    if (isConflict(cause) && tries > 1) return apply(client, migration, tries - 1)
    const coded = databaseError(cause)
    if (coded instanceof CodedError) throw coded
    throw new CodedError({
      code: 'migration_failed',
      retry: 'never',
      scope: 'connection',
      userText: `The migration ${name} could not be applied: ${(cause as Error).message}`,
      cause,
    })
  }
}
