/** A fresh, migrated database for a test file. */
import { createHash, randomUUID } from 'node:crypto'
import pg from 'pg'
import type { TAP } from 'tap'
import type { Embedded } from '../../server/database/embedded.ts'
import { migrate, readMigrations } from '../../server/database/migrate.ts'
import { type Database, openDatabase } from '../../server/database/pool.ts'
import { createLog } from '../../server/log.ts'
import { testServer } from './server.ts'

const log = createLog({ level: 'silent' })
/** Serialises the making of templates; any number. */
const TEMPLATE_LOCK = 7_236_840

let server: Promise<Embedded> | undefined
let users = 0

/** What is needed of a test: something to hang the clean-up on. */
type Test = Pick<TAP, 'teardown'>

/**
 * A database of its own on the test server, cloned from a migrated template and dropped when `t` ends.
 *
 * @param options `migrated: false` gives an empty database
 * @returns its postgres:// URL
 */
export async function testDatabaseUrl(t: Test, { migrated = true } = {}): Promise<string> {
  users += 1
  server ??= testServer()
  const { url } = await server
  const name = `test_${randomUUID().replaceAll('-', '')}`
  const template = migrated ? await templateFor(url) : 'template0'
  await asAdmin(url, (admin) => admin.query(`create database ${name} template ${template}`))
  t.teardown(async () => {
    await asAdmin(url, (admin) => admin.query(`drop database ${name} with (force)`))
    users -= 1
    if (users > 0) return
    const ours = await server
    server = undefined
    // The server of the whole run is stopped at its end; one that this file had to start itself goes with it.
    await (ours?.adopted ? ours.release() : ours?.stop())
  })
  return withDatabase(url, name)
}

/** Opens a pool on a database of its own; closed and dropped when `t` ends. */
export async function testDatabase(t: Test, { max = 10 } = {}): Promise<Database> {
  const db = openDatabase({ url: await testDatabaseUrl(t), log, max })
  t.teardown(() => db.destroy())
  return db
}

/** Made once for each state of the migrations; under another name until it is complete. */
async function templateFor(url: string): Promise<string> {
  const state = createHash('sha256')
    .update((await readMigrations()).map(({ name, checksum }) => `${name} ${checksum}`).join())
    .digest('hex')
  const template = `template_${state.slice(0, 16)}`
  await asAdmin(url, async (admin) => {
    await admin.query('select pg_advisory_lock($1)', [TEMPLATE_LOCK])
    const { rowCount } = await admin.query('select from pg_database where datname = $1', [template])
    if (rowCount === 1) return
    await admin.query('drop database if exists template_draft with (force)')
    await admin.query('create database template_draft template template0')
    await migrate(withDatabase(url, 'template_draft'), log)
    await admin.query(`alter database template_draft rename to ${template}`)
  })
  return template
}

async function asAdmin<Result>(url: string, work: (admin: pg.Client) => Promise<Result>): Promise<Result> {
  const admin = new pg.Client({ connectionString: url })
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.end()
  }
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.href
}
