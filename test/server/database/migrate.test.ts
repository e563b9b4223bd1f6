import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import t from 'tap'
import { migrate, readMigrations, unapplied } from '../../../server/database/migrate.ts'
import { openDatabase } from '../../../server/database/pool.ts'
import { createLog } from '../../../server/log.ts'
import { testDatabase, testDatabaseUrl } from '../../support/database.ts'

const log = createLog({ level: 'silent' })

t.test('all tables of the design are there after migrating, and migrating again does nothing', async (t) => {
  const url = await testDatabaseUrl(t, { migrated: false })
  const names = (await readMigrations()).map(({ name }) => name)
  t.same(await migrate(url, log), names)
  t.same(await migrate(url, log), [])
  const db = openDatabase({ url, log })
  t.teardown(() => db.destroy())
  t.same(await db.selectFrom('ledger').selectAll().execute(), [])
})

t.test('processes that migrate at the same time apply each migration once', async (t) => {
  const url = await testDatabaseUrl(t, { migrated: false })
  const applied = await Promise.all([migrate(url, log), migrate(url, log), migrate(url, log)])
  t.equal(applied.flat().length, (await readMigrations()).length)
})

t.test('a migration that fails leaves nothing behind and says why', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'migrations-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, '001-good.sql'), 'create table good (id int)')
  await writeFile(join(folder, '002-bad.sql'), 'create table half (id int); select nonsense;')
  const url = await testDatabaseUrl(t, { migrated: false })
  await t.rejects(migrate(url, log, folder), { code: 'migration_failed', userText: /002-bad\.sql.*nonsense/ })
  const db = openDatabase({ url, log })
  t.teardown(() => db.destroy())
  const { rows } = await sql`select to_regclass('good') is not null as good, to_regclass('half') is null as half`.execute(db)
  t.same(rows, [{ good: true, half: true }])
})

t.test('an applied migration that is changed, unknown or overtaken is refused', async (t) => {
  const one = { name: '001-one.sql', sql: '', checksum: 'a' }
  const two = { name: '002-two.sql', sql: '', checksum: 'b' }
  t.same(unapplied([one, two], [one]), [two])
  t.throws(() => unapplied([one, two], [{ ...one, checksum: 'x' }]), { code: 'migration_mismatch', userText: /001-one\.sql differs/ })
  t.throws(() => unapplied([one], [one, two]), { code: 'migration_mismatch', userText: /002-two\.sql.*unknown here/ })
  t.throws(() => unapplied([one, two], [two]), { code: 'migration_mismatch', userText: /001-one\.sql here is older/ })
})

t.test('the template of the tests is migrated', async (t) => {
  const db = await testDatabase(t)
  t.same(await db.selectFrom('workspace').selectAll().execute(), [])
})
