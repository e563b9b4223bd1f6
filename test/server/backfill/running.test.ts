/** How a backfill runs, step by step: its place survives, live traffic goes first, and it stops when it is told to. */
import { sql } from 'kysely'
import t from 'tap'
import { CodedError } from '../../../connectors/errors.ts'
import { hubspot } from '../../../connectors/hubspot/index.ts'
import { checkWork } from '../../../server/command-line/check-work.ts'
import { insertPackets } from '../../../server/intake/inbox.ts'
import { packChanges } from '../../../server/intake/packet.ts'
import {
  cancelBackfill,
  confirmBackfill,
  listBackfills,
  pauseBackfill,
  planBackfill,
  resumeBackfill,
  showBackfill,
} from '../../../server/settings/backfills.ts'
import { testApp } from '../../support/app.ts'
import { funnel } from '../../support/funnel.ts'
import { count, ledger, story } from '../../support/look.ts'
import { stageEvent } from '../../support/post-webhook.ts'
import { sent, sentOf, silence } from '../resolve/sharing.ts'
import { bench, callerOf, DAY, people, settle, state } from './sharing.ts'

const MINUTE = 60_000
const LEAD_ID = '101000000000000'

t.test('each page moves on only when what it brought is handled, and a new process goes on from there', async (t) => {
  const it = await testApp(t, { launch: false })
  const [caller, at] = [callerOf(it), Date.now() - DAY]
  const first = bench(t, it)
  people(it, 3, at)
  const { id } = await planBackfill(caller, { connectionId: it.connectionId, days: 7 })
  await t.rejects(confirmBackfill(caller, id), { code: 'backfill_state' })
  await first.step(id)
  t.match(await confirmBackfill(caller, id), { state: 'running', forecast: { records: 3, stages: 9 } })
  await first.step(id)
  t.match(await showBackfill(caller, id), { records: 3, state: 'running' })
  const packets = await count(it.db, 'packet')
  t.ok(packets > 0)
  await first.step(id)
  t.equal(await count(it.db, 'packet'), packets, 'nothing is read while the inbox holds something')
  const place = await it.db.selectFrom('backfill').select(['position', 'read_all']).executeTakeFirstOrThrow()
  t.ok(place.position)

  const second = bench(t, it)
  await second.resolve()
  await second.step(id)
  t.match(await showBackfill(caller, id), { records: 3, state: 'running' }, 'the contacts were not read again')
  await second.step(id)
  t.match(await showBackfill(caller, id), { state: 'done', finishedAt: Date })
  const { app } = await it.another()
  t.ok(app)
  await settle(it)
  t.strictSame(sentOf(it, LEAD_ID), ['Raw Lead', 'Marketing Qualified Lead', 'Converted'])
  t.match(it.meta.summary().datasets, { '700000000000001': { received: 9, doubled: 0 } })
})

t.test('a dry run that was cut short begins anew', async (t) => {
  const it = await testApp(t, { launch: false })
  people(it, 2, Date.now() - DAY)
  const { id } = await planBackfill(callerOf(it), { connectionId: it.connectionId, days: 7 })
  const forecast = JSON.stringify({ records: 1, stages: 1, refused: 0, counts: [] })
  await it.db.updateTable('backfill').set({ state: 'dry_running', forecast }).execute()
  await bench(t, it).step(id)
  t.match(await showBackfill(callerOf(it), id), { state: 'ready', forecast: { records: 2, stages: 6 } })
})

t.test('a stage that two deals of one person reach, pages apart, counts once, in the dry run too', async (t) => {
  const mapping = funnel({ source: 'dealstage', pipelineId: 'default', stageId: 'closedwon', eventName: 'Deal Won' })
  const it = await testApp(t, { mapping })
  silence(it)
  const at = Date.now() - DAY
  const [contact] = people(it, 1, at) as [string]
  const deal = (from: number) => it.hubspot.create({ type: 'deal', at: from, properties: {} }).id
  const [first, second] = [at + 10 * MINUTE, at + 30 * MINUTE].map((from) => {
    const id = deal(from)
    it.hubspot.associate({ from: { type: 'deal', id }, to: { type: 'contact', id: contact } })
    it.hubspot.change({ type: 'deal', id, at: from + MINUTE, properties: { dealstage: 'closedwon' } })
    return id
  }) as [string, string]
  // As many as one page holds, between the two.
  for (let index = 0; index < 200; index++) deal(at + 20 * MINUTE)
  const caller = callerOf(it)
  const { id } = await planBackfill(caller, { connectionId: it.connectionId, days: 7 })
  await state(it, id, 'ready')
  const { forecast } = await showBackfill(caller, id)
  await confirmBackfill(caller, id)
  await state(it, id, 'done')
  await settle(it)
  t.strictSame(sentOf(it, LEAD_ID), ['Raw Lead', 'Marketing Qualified Lead', 'Converted', 'Deal Won'])
  t.ok((await story(it.db, first)).includes('closedwon sent'))
  t.ok((await story(it.db, second)).includes('closedwon suppressed already_reached'))
  const pending = (await showBackfill(caller, id)).counts.map((one) => (one.outcome === 'sent' ? { ...one, outcome: 'pending' } : one))
  t.strictSame(pending, forecast?.counts)
})

t.test('paused it reads nothing, resumed it goes on, cancelled it ends; what it has read stays', async (t) => {
  const it = await testApp(t, { launch: false })
  const caller = callerOf(it)
  const { step, resolve } = bench(t, it)
  people(it, 2, Date.now() - DAY)
  const plan = () => planBackfill(caller, { connectionId: it.connectionId, days: 7 })
  const { id } = await plan()
  await t.rejects(plan(), { code: 'backfill_under_way' })
  await t.rejects(pauseBackfill(caller, id), { code: 'backfill_state' })
  await step(id)
  await confirmBackfill(caller, id)
  await pauseBackfill(caller, id)
  await step(id)
  t.match(await showBackfill(caller, id), { state: 'paused', records: 0 })
  t.equal(await count(it.db, 'packet'), 0)
  await resumeBackfill(caller, id)
  await step(id)
  t.match(await showBackfill(caller, id), { state: 'running', records: 2 })
  await cancelBackfill(caller, id)
  await step(id)
  await resolve()
  await step(id)
  t.match(await showBackfill(caller, id), { state: 'cancelled', records: 2 })
  t.equal((await ledger(it.db)).filter(({ outcome }) => outcome === 'pending').length, 6)
  await t.rejects(resumeBackfill(caller, id), { code: 'backfill_state' })
  await t.rejects(cancelBackfill(caller, id), { code: 'backfill_state' })

  const forgotten = await plan()
  await it.db.deleteFrom('outbox').execute()
  await step(forgotten.id)
  const latest = await plan()
  t.strictSame(
    (await listBackfills(caller, { connectionId: it.connectionId })).map((one) => [one.id, one.state]),
    [
      [latest.id, 'planned'],
      [forgotten.id, 'cancelled'],
      [id, 'cancelled'],
    ],
    'a forecast that nobody confirmed lapses',
  )
})

t.test('live traffic goes first: nothing is read while changes wait, or while a dataset has many events to send', async (t) => {
  const it = await testApp(t, { launch: false })
  const caller = callerOf(it)
  const { step, resolve } = bench(t, it)
  const [live] = people(it, 2, Date.now() - DAY) as [string]
  const { id } = await planBackfill(caller, { connectionId: it.connectionId, days: 7 })
  await step(id)
  await confirmBackfill(caller, id)

  const event = { ...stageEvent(live, 'opportunity'), objectId: live }
  await insertPackets(it.db, [packChanges(it.vault.for('packet'), it.connectionId, [event], Date.now())])
  await step(id)
  t.match(await showBackfill(caller, id), { records: 0, hindrance: 'inbox' }, 'a live change waits')
  await resolve()
  await it.db.deleteFrom('outbox').execute()
  await sql`
    insert into outbox (dataset_id, occurred_at, event_id, connection_id, record_id, lead_id, payload)
    select ${it.datasetId}, now(), gen_random_uuid(), ${it.connectionId}, 0, 0, '{}' from generate_series(1, 500)`.execute(it.db)
  await step(id)
  t.match(await showBackfill(caller, id), { records: 0, hindrance: 'outbox' }, 'the outbox is full')
  await sql`delete from outbox where event_id = (select event_id from outbox limit 1)`.execute(it.db)
  await step(id)
  t.match(await showBackfill(caller, id), { records: 2 })
})

t.test('what fails for good is told with its reason, and goes on where it stood when resumed', async (t) => {
  const it = await testApp(t, { launch: false })
  const caller = callerOf(it)
  people(it, 1, Date.now() - DAY)
  const failing = (retry: 'never' | 'later') =>
    bench(t, it, {
      ...hubspot,
      history: async () => {
        throw new CodedError({ code: 'missing_scope', retry, scope: 'connection', userText: 'The account does not allow this.' })
      },
    })
  const { step } = bench(t, it)
  const { id } = await planBackfill(caller, { connectionId: it.connectionId, days: 7 })
  await failing('never').step(id)
  t.match(await showBackfill(caller, id), { state: 'failed', error: 'missing_scope', errorText: 'The account does not allow this.' })
  const findings = async () => (await checkWork(it.db)).filter(({ name }) => name === `backfill ${id}`)
  t.match(await findings(), [{ status: 'warning', text: `The account does not allow this. Then: backfill resume ${id}` }])
  t.match(await resumeBackfill(caller, id), { state: 'planned', error: null })
  t.strictSame(await findings(), [])
  await step(id)
  await confirmBackfill(caller, id)
  await t.rejects(failing('later').step(id), { code: 'missing_scope' })
  t.match(await showBackfill(caller, id), { state: 'running', error: 'missing_scope' })
  const broken = bench(t, it, { ...hubspot, history: () => Promise.reject(new TypeError('of our own')) })
  await broken.step(id)
  t.match(await showBackfill(caller, id), { state: 'failed', error: 'connector_fault', records: 0 })
  t.match(await resumeBackfill(caller, id), { state: 'running' })
  await step(id)
  t.match(await showBackfill(caller, id), { state: 'running', records: 1, error: null })
  await it.db.updateTable('connection').set({ state: 'removed' }).execute()
  await step(id)
  t.match(await showBackfill(caller, id), { state: 'failed', error: 'connection_removed' })
  await t.rejects(resumeBackfill(caller, id), { code: 'connection_removed' })
})

t.test('a change that cannot be handled is counted as such by the dry run, and costs its neighbours nothing', async (t) => {
  const it = await testApp(t, { launch: false })
  const [id] = people(it, 2, Date.now() - DAY) as [string]
  // PostgreSQL holds no such text.
  const bad = { ...stageEvent(id, 'not\u0000text', { occurredAt: Date.now() - DAY }), objectId: id }
  const spoilt: typeof hubspot.history = async (...given) => {
    const page = await hubspot.history?.(...given)
    if (page === undefined) throw new Error('there is no history')
    return page.changes.length === 0 ? page : { ...page, changes: page.changes.toSpliced(1, 0, bad) }
  }
  const caller = callerOf(it)
  const { id: backfill } = await planBackfill(caller, { connectionId: it.connectionId, days: 7 })
  await bench(t, it, { ...hubspot, history: spoilt }).step(backfill)
  t.match(await showBackfill(caller, backfill), {
    state: 'ready',
    forecast: { records: 2, refused: 1, counts: [{ outcome: 'pending', count: 4 }, { outcome: 'pending', rawLead: true, count: 2 }, {}] },
  })
})

t.test('a backfill needs a route, a history and a period that Meta takes', async (t) => {
  const it = await testApp(t, { launch: false })
  const caller = callerOf(it)
  const { connectionId } = it
  const { history: _, ...silent } = hubspot
  await t.rejects(planBackfill(caller, { connectionId, days: 8 }), { code: 'invalid_input' })
  await t.rejects(planBackfill(caller, { connectionId, days: 0 }), { code: 'invalid_input' })
  await t.rejects(planBackfill(caller, { connectionId, days: 7 }, { hubspot: silent }), { code: 'no_history' })
  await t.rejects(planBackfill(caller, { connectionId: 99, days: 7 }), { code: 'connection_unknown' })
  await it.db.deleteFrom('route').execute()
  await t.rejects(planBackfill(caller, { connectionId, days: 7 }), { code: 'no_route' })
  await t.rejects(showBackfill(caller, 1), { code: 'backfill_unknown' })
})

t.test('one workspace does not see the backfills of another', async (t) => {
  const it = await testApp(t, { launch: false })
  const { id } = await planBackfill(callerOf(it), { connectionId: it.connectionId, days: 1 })
  const stranger = { ...callerOf(it), workspaceId: it.workspaceId + 1 }
  await t.rejects(showBackfill(stranger, id), { code: 'backfill_unknown' })
  await t.rejects(cancelBackfill(stranger, id), { code: 'backfill_unknown' })
  t.strictSame(await listBackfills(stranger), [])
})

t.test('who asked to be forgotten stays out of a backfill', async (t) => {
  const it = await testApp(t)
  const gone = it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'lead', meta_lead_id: LEAD_ID } }).id
  await settle(it)
  it.hubspot.erase({ type: 'contact', id: gone })
  await settle(it)
  silence(it)
  const before = sent(it).length
  const [back] = people(it, 2, Date.now() - DAY) as [string]
  const caller = callerOf(it)
  const { id } = await planBackfill(caller, { connectionId: it.connectionId, days: 7 })
  await state(it, id, 'ready')
  const { forecast } = await showBackfill(caller, id)
  t.match(
    forecast?.counts.filter(({ outcome }) => outcome === 'pending').map((one) => one.count),
    [2, 1],
    'only the other person would be sent',
  )
  await confirmBackfill(caller, id)
  await state(it, id, 'done')
  await settle(it)
  t.strictSame(
    sent(it)
      .slice(before)
      .map(([, leadId]) => leadId),
    Array(3).fill('101000000000001'),
  )
  t.ok((await story(it.db, back)).every((line) => line.endsWith('suppressed erased')))
})
