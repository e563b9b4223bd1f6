/** A newer version migrates the database while a process of this one works on it. */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { MIGRATIONS, migrate } from '../../../server/database/migrate.ts'
import { createLog } from '../../../server/log.ts'
import { DATASET, testApp, until } from '../../support/app.ts'
import { post, stageEvent } from '../../support/post-webhook.ts'
import { envOf, run } from '../command-line/run.ts'
import { silence } from '../resolve/sharing.ts'

/** All that the rule allows, where it hurts most. */
const NEWER = `
  alter table packet add column newer int;
  alter table record add column newer text not null default 'a';
  alter table ledger add column newer jsonb;
  alter table outbox add column newer int;
  create index ledger_newer on ledger (newer);
  create table newer (id int generated always as identity primary key, workspace_id int not null references workspace);`

t.test('who works goes on working, nothing is lost or doubled, and a new process of the old version does not start', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'leadstage-migrations-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await cp(MIGRATIONS, folder, { recursive: true })
  await writeFile(join(folder, '999-newer.sql'), NEWER)
  const it = await testApp(t)
  silence(it)

  let over = false
  let leads = 0
  const reach = async () => {
    leads += 1
    const at = Date.now() - 60_000
    const { id } = it.hubspot.create({ type: 'contact', at, properties: { meta_lead_id: String(100_000_000_000_000 + leads) } })
    const body = [stageEvent(id, 'marketingqualifiedlead', { occurredAt: at + 1_000 })]
    // What is refused is sent again, as CRMs do.
    while ((await post(it.url, body)).status !== 202);
  }
  const reaching = (async () => {
    while (!over) await reach()
  })()
  await until(() => leads > 20)
  t.same(await migrate(it.databaseUrl, createLog({ level: 'silent' }), folder), ['999-newer.sql'])
  await reach()
  over = true
  await reaching
  await it.settled()

  t.match(
    it.meta.summary().datasets[DATASET],
    { received: 2 * leads, distinct: 2 * leads, doubled: 0 },
    'the stage and the raw lead of each',
  )
  t.match(await run(['workspace', 'list'], { env: envOf(it) }), { code: 1, stderr: /999-newer\.sql, which is unknown here/ })
})
