/** What asks for attention, and its notice: they come and go together. */
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { attentionOver, needAttention, RECONNECT } from '../../../server/connections/states.ts'
import { testDatabase } from '../../support/database.ts'

async function setUp(t: Test) {
  const db = await testDatabase(t)
  const workspace = await db.insertInto('workspace').values({ name: 'Acme' }).returning('id').executeTakeFirstOrThrow()
  const { id } = await db
    .insertInto('connection')
    .values({ workspace_id: workspace.id, crm: 'hubspot', account_key: '1001', state: 'active', state_reason: null })
    .returning('id')
    .executeTakeFirstOrThrow()
  return {
    ...{ db, id },
    state: () => db.selectFrom('connection').select(['state', 'state_reason']).where('id', '=', id).executeTakeFirstOrThrow(),
    open: async () => (await db.selectFrom('notice').select('code').where('closed_at', 'is', null).execute()).map(({ code }) => code),
    /** Until the function that comes back is called. */
    async withoutNotices() {
      await sql`create function refuse() returns trigger language plpgsql as 'begin raise exception ''no notices''; end'`.execute(db)
      await sql`create trigger refuse before insert or update on notice execute function refuse()`.execute(db)
      return () => sql`drop trigger refuse on notice`.execute(db)
    },
  }
}

t.test('what asks for attention gives way to something else, and so does its notice', async (t) => {
  const it = await setUp(t)
  await needAttention(it.db, it.id, 'missing_scope', 'Grant it.')
  await needAttention(it.db, it.id, RECONNECT, 'Connect it again.')
  t.same(await it.open(), [RECONNECT])
  await needAttention(it.db, it.id, 'missing_scope', 'Grant it.')
  t.same(await it.open(), [RECONNECT], 'a disconnected one asks for nothing else')
  await attentionOver(it.db, it.id, RECONNECT)
  t.same(await it.open(), [])
})

t.test('a connection asks for attention only together with its notice', async (t) => {
  const it = await setUp(t)
  const again = await it.withoutNotices()
  await t.rejects(needAttention(it.db, it.id, 'missing_scope', 'Grant it.'), /no notices/)
  t.same(await it.state(), { state: 'active', state_reason: null }, 'or it would never be told')
  await again()
  await needAttention(it.db, it.id, 'missing_scope', 'Grant it.')
  t.same(await it.open(), ['missing_scope'])
})

t.test('attention is over only together with its notice', async (t) => {
  const it = await setUp(t)
  await needAttention(it.db, it.id, 'missing_scope', 'Grant it.')
  const again = await it.withoutNotices()
  await t.rejects(attentionOver(it.db, it.id, 'missing_scope'), /no notices/)
  t.same(await it.state(), { state: 'attention', state_reason: 'missing_scope' }, 'or nobody would close it any more')
  await again()
  await attentionOver(it.db, it.id, 'missing_scope')
  t.same(await it.open(), [])
  t.match(await it.state(), { state_reason: null })
})
