/** The whole database goes into a file, and comes back elsewhere: nothing is missing, and nothing is sent twice. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { startEmbedded } from '../../../server/database/embedded.ts'
import { MIGRATIONS, migrate, readMigrations } from '../../../server/database/migrate.ts'
import { type Database, openDatabase } from '../../../server/database/pool.ts'
import { createLog } from '../../../server/log.ts'
import { DATASET, type TestApp, testApp, until } from '../../support/app.ts'
import { testDatabaseUrl } from '../../support/database.ts'
import { count } from '../../support/look.ts'
import { post, stageEvent } from '../../support/post-webhook.ts'
import { serverProcess } from '../../support/server-process.ts'
import { ENCRYPTION_KEYS, envOf, run } from '../command-line/run.ts'
import { silence } from '../resolve/sharing.ts'

const log = createLog({ level: 'silent' })

async function folderFor(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'leadstage-save-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

function databaseAt(t: Test, url: string): Database {
  const db = openDatabase({ url, log })
  t.teardown(() => db.destroy())
  return db
}

/** A funnel in the ledger, and a change that waits for its portal. */
async function work(it: TestApp): Promise<Record<string, unknown>[]> {
  silence(it)
  const at = Date.now() - 60_000
  const events = Array.from({ length: 30 }, (_, index) => {
    const { id } = it.hubspot.create({
      type: 'contact',
      at,
      properties: { meta_lead_id: String(99_887_766_554_433_221n + BigInt(index)) },
    })
    return stageEvent(id, 'marketingqualifiedlead', { occurredAt: at + 1_000 })
  })
  await post(it.url, events)
  await it.settled()
  return events
}

/** Every table, and a sum over all of its rows. */
async function contents(db: Database): Promise<Record<string, string>> {
  const tables = await sql<{ name: string }>`
    select relname as name from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition`.execute(db)
  const sums = await Promise.all(
    tables.rows.map(async ({ name }) => {
      const { rows } = await sql<{ sum: string }>`
        select count(*) || ' ' || coalesce(md5(string_agg(t::text, ',' order by t::text)), '') as sum
        from ${sql.table(name)} t`.execute(db)
      // When each migration was applied is another time.
      return name === 'migration' ? [] : [[name, rows[0]?.sum as string]]
    }),
  )
  return Object.fromEntries(sums.flat()) as Record<string, string>
}

t.test('saved from one PostgreSQL, loaded into the embedded one of another machine, work goes on and nothing is sent twice', async (t) => {
  const folder = await folderFor(t)
  const it = await testApp(t)
  const events = await work(it)
  await it.stop()
  const before = await contents(it.db)
  const file = join(folder, 'backup.gz')
  t.match(await run(['database', 'save', file], { env: envOf(it) }), { code: 0, stderr: '' })
  t.equal((await stat(file)).mode & 0o777, 0o600)
  t.notMatch(gunzipSync(await readFile(file)).toString(), /EAAtesttoken/, 'what is sealed stays sealed')

  const dataDir = join(folder, 'data')
  const here = { DATA_DIR: dataDir }
  const loaded = await run(['database', 'load', file, '--json'], { env: { ...here, ENCRYPTION_KEYS } })
  t.match(loaded, { code: 0, stderr: '' })
  await writeFile(join(dataDir, 'encryption-keys'), ENCRYPTION_KEYS, { mode: 0o600 })
  const embedded = await startEmbedded({ dataDir, log })
  t.teardown(() => embedded.stop())
  const db = databaseAt(t, embedded.url)
  t.strictSame(await contents(db), before)
  const sequences = sql`select sequencename, last_value from pg_sequences where schemaname = 'public' order by 1`
  t.same((await sequences.execute(db)).rows, (await sequences.execute(it.db)).rows)

  const server = await serverProcess(t, it, () => ({ DATABASE_URL: '', ENCRYPTION_KEYS: '', REDIS_URL: '', ...here }))
  await server.start()
  const { id } = it.hubspot.create({ type: 'contact', at: Date.now() - 5_000, properties: { meta_lead_id: '123456789012345' } })
  await post(server.url, [...events, stageEvent(id, 'marketingqualifiedlead')])
  await until(async () => (await count(db, 'packet')) + (await count(db, 'outbox')) === 0)
  t.match(it.meta.summary().datasets[DATASET], { received: 62, distinct: 62, doubled: 0 })
  await server.stop()
})

t.test('what was sent after a back-up goes once more under the same ids where that back-up is loaded', async (t) => {
  const folder = await folderFor(t)
  const it = await testApp(t)
  const file = join(folder, 'backup.gz')
  t.match(await run(['database', 'save', file], { env: envOf(it) }), { code: 0 })
  const events = await work(it)
  await it.stop()
  const databaseUrl = await testDatabaseUrl(t, { migrated: false })
  t.match(await run(['database', 'load', file], { env: envOf({ databaseUrl }) }), { code: 0 })
  const db = databaseAt(t, databaseUrl)
  const server = await serverProcess(t, it, () => ({ DATABASE_URL: databaseUrl }))
  await server.start()
  await post(server.url, events)
  await until(async () => (await count(db, 'ledger')) > 0 && (await count(db, 'packet')) + (await count(db, 'outbox')) === 0)
  t.match(it.meta.summary().datasets[DATASET], { received: 120, distinct: 60, doubled: 60 })
  await server.stop()
})

t.test('without the right keys that is said at once', async (t) => {
  const folder = await folderFor(t)
  const it = await testApp(t, { launch: false })
  const file = join(folder, 'backup.gz')
  await run(['database', 'save', file], { env: envOf(it) })
  const databaseUrl = await testDatabaseUrl(t, { migrated: false })
  const other = { ...envOf({ databaseUrl }), ENCRYPTION_KEYS: `k2:${Buffer.alloc(32, 2).toString('base64')}` }
  t.match(await run(['database', 'load', file], { env: other }), { code: 1, stderr: /needs the encryption key "k1"/ })
})

t.test('a database in use is not written over, and neither is a file', async (t) => {
  const folder = await folderFor(t)
  const it = await testApp(t, { launch: false })
  const file = join(folder, 'backup.gz')
  t.match(await run(['database', 'save', file], { env: envOf(it) }), { code: 0 })
  t.match(await run(['database', 'save', file], { env: envOf(it) }), { code: 1, stderr: /cannot be made \(EEXIST\)/ })
  const before = await contents(it.db)
  t.match(await run(['database', 'load', file], { env: envOf(it) }), { code: 1, stderr: /in use already/ })
  t.strictSame(await contents(it.db), before)
})

t.test('of a file that was cut off, or is none of ours, nothing is kept', async (t) => {
  const folder = await folderFor(t)
  const it = await testApp(t)
  await work(it)
  const file = join(folder, 'backup.gz')
  await run(['database', 'save', file], { env: envOf(it) })
  const whole = await readFile(file)
  const databaseUrl = await testDatabaseUrl(t, { migrated: false })
  const db = databaseAt(t, databaseUrl)
  const broken = join(folder, 'broken.gz')
  for (const bytes of [whole.subarray(0, whole.length - 20), gzipSync('{"format":"other"}\n'), Buffer.from('no archive')]) {
    await writeFile(broken, bytes)
    t.match(await run(['database', 'load', broken], { env: envOf({ databaseUrl }) }), {
      code: 1,
      stderr: /no saved database, or not all of one/,
    })
  }
  t.equal(await count(db, 'workspace'), 0)
  t.match(await run(['database', 'load', join(folder, 'nowhere')], { env: envOf({ databaseUrl }) }), { code: 1, stderr: /ENOENT/ })
  t.match(await run(['database', 'load', file], { env: envOf({ databaseUrl }) }), { code: 0 }, 'then the whole one still loads')
})

t.test('what an earlier version saved is brought up to date', async (t) => {
  const folder = await folderFor(t)
  const url = await testDatabaseUrl(t, { migrated: false })
  const known = await readMigrations()
  await migrate(url, log, MIGRATIONS, known.length - 5)
  await sql`insert into workspace (name) values ('Acme')`.execute(databaseAt(t, url))
  const file = join(folder, 'backup.gz')
  t.match(await run(['database', 'save', file], { env: envOf({ databaseUrl: url }) }), { code: 0 })
  const databaseUrl = await testDatabaseUrl(t, { migrated: false })
  t.match(await run(['database', 'load', file], { env: envOf({ databaseUrl }) }), { code: 0 })
  const db = databaseAt(t, databaseUrl)
  t.equal(await count(db, 'workspace'), 1)
  t.equal(Number((await sql<{ n: string }>`select count(*) as n from migration`.execute(db)).rows[0]?.n), known.length)
})
