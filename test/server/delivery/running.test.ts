/** Who sends, and when not: pauses, removed routes, lost leases, restarts in the middle of a request. */
import { sql } from 'kysely'
import t from 'tap'
import { DATASET, testApp, until } from '../../support/app.ts'
import { createDoor } from '../../support/door.ts'
import { count, ledger } from '../../support/look.ts'
import { resolved, sent } from '../resolve/sharing.ts'
import { aSweep, outcomes, report, resume } from './sharing.ts'

t.test('a paused connection sends nothing and keeps everything', async (t) => {
  const it = await testApp(t)
  await it.db.updateTable('dataset').set({ state: 'held' }).execute()
  await report(it, 2)
  await resolved(it)
  await it.db.updateTable('connection').set({ state: 'paused' }).execute()
  // A run that has just looked at the connection may still take what comes in this moment.
  await aSweep()
  await resume(it, it.datasetId)
  await report(it, 2)
  await aSweep()
  t.equal(it.meta.requests().length, 0)
  t.equal(await count(it.db, 'outbox'), 2, 'what was resolved waits in the outbox')
  t.equal(await count(it.db, 'packet'), 1, 'what came later in the inbox')
  await it.db.updateTable('connection').set({ state: 'active' }).execute()
  await until(() => sent(it).length === 4)
  await it.settled()
  t.strictSame(await outcomes(it, it), { sent: 4 })
})

t.test('what became of route and connection is looked at again before sending', async (t) => {
  const it = await testApp(t)
  const change = async (what: 'shadow' | 'no route' | 'removed') => {
    if (what === 'shadow') await it.db.updateTable('route').set({ mode: 'shadow' }).execute()
    else if (what === 'no route') await it.db.deleteFrom('route').execute()
    else await it.db.updateTable('connection').set({ state: 'removed' }).execute()
  }
  for (const [what, reason] of [
    ['shadow', 'route_shadow'],
    ['no route', 'route_removed'],
    ['removed', 'connection_removed'],
  ] as const) {
    await it.db.updateTable('dataset').set({ state: 'held' }).execute()
    await it.db
      .insertInto('route')
      .values({ connection_id: it.connectionId, dataset_id: it.datasetId })
      .onConflict((conflict) => conflict.columns(['connection_id', 'dataset_id']).doUpdateSet({ mode: 'live' }))
      .execute()
    const [leadId] = await report(it, 1)
    await resolved(it)
    await change(what)
    await resume(it, it.datasetId)
    await until(async () => (await count(it.db, 'outbox')) === 0)
    t.ok(
      (await ledger(it.db)).some((line) => line.outcome === 'suppressed' && line.reason === reason),
      `${what} ${leadId}`,
    )
  }
  t.equal(it.meta.requests().length, 0)
})

t.test('a runner that lost its lease during a request writes nothing', async (t) => {
  const it = await testApp(t)
  const door = createDoor()
  it.meta.misbehave({ how: 'slow', held: door.pass, path: '/events$' })
  await report(it, 3)
  await door.came
  await sql`update lease set owner = 'another process', fence = fence + 1, until = now() + interval '1 hour'`.execute(it.db)
  door.open()
  await until(() => sent(it).length === 3)
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.strictSame(await outcomes(it, it), { pending: 3 }, 'Meta has them, but the outcome is no longer this runner’s to write')
  t.equal(await count(it.db, 'outbox'), 3)
  await sql`update lease set until = '-infinity' where owner = 'another process'`.execute(it.db)
  await it.settled()
  t.strictSame(await outcomes(it, it), { sent: 3 })
  t.match(it.meta.summary().datasets[DATASET], { distinctEventIds: 3, doubledById: 3 })
})

t.test('a restart in the middle of a request ends it first, and nothing is sent twice', async (t) => {
  const it = await testApp(t)
  const door = createDoor()
  it.meta.misbehave({ how: 'slow', held: door.pass, path: '/events$' })
  await report(it, 3)
  await door.came
  const restarted = it.restart()
  await new Promise((resolve) => setTimeout(resolve, 300))
  door.open()
  await restarted
  t.strictSame(await outcomes(it, it), { sent: 3 })
  await report(it, 2)
  await it.settled()
  t.match(it.meta.summary().datasets[DATASET], { received: 5, doubled: 0 })
})

t.test('what arrives while a request is under way forms the next batch', async (t) => {
  const it = await testApp(t, { env: { BATCH_LIMIT: '4' } })
  const door = createDoor()
  it.meta.misbehave({ how: 'slow', held: door.pass, path: '/events$' })
  await report(it, 1)
  await door.came
  await report(it, 2)
  await report(it, 4)
  await until(async () => (await count(it.db, 'outbox')) === 7)
  door.open()
  await it.settled()
  t.strictSame(
    it.meta.requests().map(({ events }) => events),
    [1, 4, 2],
  )
})
