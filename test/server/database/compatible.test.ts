import t from 'tap'
import { readMigrations } from '../../../server/database/migrate.ts'

/** The last migration from before there was anybody whose old processes had to live on. */
const BEFORE = '018-first-run.sql'

/** What takes something from the code of before, or asks something of it that it does not know. */
const breaking = [
  /\bdrop\s+(table|column|view|function|type|schema)\b/i,
  /\brename\b/i,
  /\balter\s+column\s+\S+\s+(set\s+data\s+)?type\b/i,
  /\bset\s+not\s+null\b/i,
  /\badd\s+(column\s+)?(if\s+not\s+exists\s+)?(?!constraint\b)\w+\s+(?![^,;]*\bdefault\b)[^,;]*\bnot\s+null\b/i,
  /\btruncate\b/i,
]

const breaks = (sql: string) => breaking.some((pattern) => pattern.test(sql.replaceAll(/--.*$/gm, '')))

t.test('a migration leaves to the version before all that it uses', async (t) => {
  const later = (await readMigrations()).filter(({ name }) => name > BEFORE)
  for (const { name, sql } of later) t.notOk(breaks(sql), name)
})

t.test('what would break the version before is seen', async (t) => {
  for (const sql of [
    'alter table lead drop column email',
    'alter table lead\n  rename column a to b',
    'alter table lead alter column id type bigint',
    'alter table lead alter column a set not null',
    'alter table lead add column a int not null',
    'drop table lead',
  ])
    t.ok(breaks(sql), sql)
  for (const sql of [
    'alter table lead add column a int',
    'alter table lead add column a int not null default 0',
    '-- nothing is to drop table\ncreate table new (id int not null)',
    'alter table lead drop constraint a_check, add constraint a_check check (a in (1, 2))',
  ])
    t.notOk(breaks(sql), sql)
})
