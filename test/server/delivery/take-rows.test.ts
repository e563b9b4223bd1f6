/** A batch costs no more where many events wait. */
import { sql } from 'kysely'
import t from 'tap'
import { takeRows } from '../../../server/delivery/outbox.ts'
import { testDatabase } from '../../support/database.ts'

const titles = ['before PostgreSQL has counted them', 'afterwards']
for (const [index, when] of titles.entries()) {
  t.test(`of many events of one connection and one instant no more are read than are taken, ${when}`, async (t) => {
    const db = await testDatabase(t, { max: 1 })
    await sql`alter table outbox set (autovacuum_enabled = false)`.execute(db)
    await sql`
    with w as (insert into workspace (name) values ('Test') returning id),
    c as (insert into connection (workspace_id, crm, account_key, state, rules) select id, 'hubspot', '1', 'active', '{}' from w returning id),
    d as (insert into dataset (workspace_id, meta_id) select id, '700000000000001' from w returning id),
    r as (insert into record (connection_id, type, record_id, first_seen_at) select id, 'contact', '1', now() from c returning id)
    insert into outbox (dataset_id, occurred_at, event_id, connection_id, record_id, lead_id, position, payload)
    select d.id, '2026-11-22', gen_random_uuid(), c.id, r.id, n, n % 2, repeat('x', 500) from c, d, r, generate_series(1, 20000) n`.execute(
      db,
    )
    if (index === 1) await sql`vacuum analyze outbox`.execute(db)
    const { id } = await db.selectFrom('dataset').select('id').executeTakeFirstOrThrow()
    const read = async () => {
      await sql`select pg_stat_force_next_flush()`.execute(db)
      const { rows } = await sql<{ read: string }>`
      select seq_tup_read + coalesce(idx_tup_fetch, 0) as read from pg_stat_user_tables where relname = 'outbox'`.execute(db)
      return Number(rows[0]?.read)
    }
    const before = await read()
    const rows = await takeRows(db, id, 100)
    t.equal(rows.length, 100)
    t.ok(
      rows.every(({ position }) => position === 0),
      'the first of the instant',
    )
    const cost = (await read()) - before
    t.ok(cost >= 100 && cost < 1_000, `${cost} rows were read`)
  })
}
