/** After a change of settings, what was held back is judged again: what goes now goes with its own time. */
import { sql } from 'kysely'
import t from 'tap'
import { hubspot } from '../../../connectors/hubspot/index.ts'
import { insertPackets } from '../../../server/intake/inbox.ts'
import { packChanges } from '../../../server/intake/packet.ts'
import { countSuppressed, reevaluate, showReevaluation } from '../../../server/settings/reevaluate.ts'
import { setRules } from '../../../server/settings/rules.ts'
import { testApp, until } from '../../support/app.ts'
import { funnel } from '../../support/funnel.ts'
import { count, ledger, story } from '../../support/look.ts'
import { stageEvent } from '../../support/post-webhook.ts'
import { sent } from '../resolve/sharing.ts'
import { bench, callerOf, people } from './sharing.ts'

const MINUTE = 60_000

t.test('after a mapping change exactly the newly mapped stages go, with their own times', async (t) => {
  const it = await testApp(t)
  const at = Date.now() - 60 * MINUTE
  const ids = ['101234567890123', '101234567890124', '101234567890125'].map((meta_lead_id, index) => {
    const { id } = it.hubspot.create({ type: 'contact', at: at + index, properties: { lifecyclestage: 'lead', meta_lead_id } })
    it.hubspot.change({ type: 'contact', id, at: at + MINUTE + index, properties: { lifecyclestage: 'evangelist' } })
    it.hubspot.change({ type: 'contact', id, at: at + 2 * MINUTE + index, properties: { lifecyclestage: 'subscriber' } })
    return id
  })
  await it.settled()
  const caller = callerOf(it)
  const which = { connectionId: it.connectionId }
  t.strictSame(await countSuppressed(caller, which), [
    { outcome: 'suppressed', reason: 'stage_unmapped', rawLead: false, count: 6 },
    { outcome: 'suppressed', reason: 'already_reached', rawLead: false, count: 3 },
  ])
  t.match(await countSuppressed(caller, { ...which, reason: 'already_reached' }), [{ count: 3 }])
  await t.rejects(reevaluate(caller, { ...which, reason: 'stage_off' }), { code: 'nothing_to_reevaluate' })
  await t.rejects(showReevaluation(caller, it.connectionId), { code: 'reevaluation_unknown' })

  const body = JSON.stringify(funnel({ source: 'lifecyclestage', stageId: 'evangelist', eventName: 'Evangelist' }))
  await it.db.insertInto('mapping').values({ connection_id: it.connectionId, version: 2, body, created_by: 'test' }).execute()
  const before = sent(it).length
  const lines = await ledger(it.db)
  t.match(await reevaluate(caller, { ...which, reason: 'stage_unmapped' }), { entries: 6 })
  await until(async () => sent(it).length === before + 3)
  await until(async () => !(await showReevaluation(caller, it.connectionId)).counts.some(({ outcome }) => /pending|waiting/.test(outcome)))
  t.strictSame(
    it.meta
      .events({ from: before })
      .map(({ eventName, eventTime }) => [eventName, eventTime])
      .sort(),
    ids.map((_, index) => ['Evangelist', Math.floor((at + MINUTE + index) / 1000)]),
  )
  const stable = (them: typeof lines) => them.map(({ eventId, occurredAt, stage }) => [eventId, occurredAt, stage])
  t.strictSame(stable(await ledger(it.db)), stable(lines), 'no row came or went')
  const result = await showReevaluation(caller, it.connectionId)
  t.match(result, { reason: 'stage_unmapped', entries: 6, requestedBy: 'test' })
  t.strictSame(
    result.counts.map(({ outcome, reason, count }) => [outcome, reason, count]),
    [
      ['sent', null, 3],
      ['suppressed', 'stage_unmapped', 3],
    ],
  )
})

t.test('consent that is given later lets go what was held back, and a dry-run route that goes live lets its milestones go', async (t) => {
  const it = await testApp(t, { rules: { consent: [{ field: 'ok_to_report', equals: 'yes' }] } })
  it.hubspot.defineProperty({ type: 'contact', property: { name: 'ok_to_report' } })
  const person = (meta_lead_id: string) =>
    it.hubspot.create({ type: 'contact', at: Date.now() - MINUTE, properties: { lifecyclestage: 'customer', meta_lead_id } }).id
  const [given, withheld] = [person('101234567890123'), person('101234567890124')]
  await it.settled()
  t.strictSame(await story(it.db, given), ['customer suppressed consent_missing', 'raw_lead suppressed consent_missing'])
  it.hubspot.change({ type: 'contact', id: given, properties: { ok_to_report: 'yes' } })
  const caller = callerOf(it)
  t.match(await reevaluate(caller, { connectionId: it.connectionId }), { entries: 4 })
  await until(async () => (await showReevaluation(caller, it.connectionId)).counts.every(({ outcome }) => /sent|suppressed/.test(outcome)))
  t.strictSame(await story(it.db, given), ['customer sent', 'raw_lead sent'])
  t.strictSame(await story(it.db, withheld), ['customer suppressed consent_missing', 'raw_lead suppressed consent_missing'])

  await it.db.updateTable('route').set({ mode: 'shadow' }).execute()
  await setRules(caller, it.connectionId, { consent: [] })
  await reevaluate(caller, { connectionId: it.connectionId })
  await until(async () => (await story(it.db, withheld)).every((line) => line.endsWith('route_shadow')))
  await it.db.updateTable('route').set({ mode: 'live' }).execute()
  await reevaluate(caller, { connectionId: it.connectionId, reason: 'route_shadow' })
  await until(async () => (await story(it.db, withheld)).every((line) => line.endsWith('sent')))
  t.equal(await count(it.db, 'ledger'), 4)
})

t.test('what is judged again is judged by what was changed before, also by a run that had begun', async (t) => {
  const it = await testApp(t, { launch: false })
  const [id] = people(it, 1, Date.now() - 10 * MINUTE) as [string]
  await it.db.updateTable('route').set({ mode: 'shadow' }).execute()
  const change = { ...stageEvent(id, 'customer', { occurredAt: Date.now() - 8 * MINUTE }), objectId: id }
  await insertPackets(it.db, [packChanges(it.vault.for('packet'), it.connectionId, [change], Date.now())])
  await bench(t, it).resolve()
  const ends = async () => new Set((await story(it.db, id)).map((line) => line.split(' ').at(-1)))
  t.strictSame(await ends(), new Set(['already_reached', 'route_shadow']))
  const setLive = async () => {
    await it.db.updateTable('route').set({ mode: 'live' }).execute()
    await reevaluate(callerOf(it), { connectionId: it.connectionId, reason: 'route_shadow' })
  }
  await bench(t, it, hubspot, setLive).resolve()
  t.strictSame(await ends(), new Set(['already_reached', 'pending']))
})

t.test('who asked to be forgotten is never judged again', async (t) => {
  const it = await testApp(t)
  const { id } = it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'evangelist', meta_lead_id: '101234567890123' } })
  await it.settled()
  it.hubspot.erase({ type: 'contact', id })
  await it.settled()
  const caller = callerOf(it)
  t.strictSame(await countSuppressed(caller, { connectionId: it.connectionId }), [])
  await t.rejects(reevaluate(caller, { connectionId: it.connectionId }), { code: 'nothing_to_reevaluate' })
})

t.test('many records are judged again batch by batch, and nothing else is touched', async (t) => {
  const it = await testApp(t, { launch: false })
  const rows = (first: number, last: number, outcome: string, reason: string | null, age: string, connectionId = it.connectionId) =>
    sql`
    with made as (
      insert into record (connection_id, type, record_id, first_seen_at)
      select ${connectionId}::int, 'contact', n::text, now() from generate_series(${first}::int, ${last}::int) n returning id
    )
    insert into ledger (occurred_at, event_id, connection_id, dataset_id, record_id, stage_key, outcome, reason, received_at)
    select date_trunc('milliseconds', now()) - ${age}::interval, gen_random_uuid(), ${connectionId}, ${it.datasetId}, id, 'lifecyclestage//lead', ${outcome}, ${reason}, now()
    from made`.execute(it.db)
  await rows(1, 450, 'suppressed', 'stage_off', '1 hour')
  await rows(451, 460, 'suppressed', 'stage_negative', '1 hour')
  await rows(461, 470, 'suppressed', 'stage_off', '8 days')
  await rows(471, 480, 'sent', null, '1 hour')
  await rows(481, 490, 'expired', 'expired_too_old', '1 hour')
  const other = await it.addTenant({ portal: 3003004, dataset: '700000000000002', token: 'EAAtesttoken0000000000000000000002' })
  await rows(1, 10, 'suppressed', 'stage_off', '1 hour', other.connectionId)

  const caller = callerOf(it)
  t.match(await reevaluate(caller, { connectionId: it.connectionId, reason: 'stage_off' }), { entries: 450 })
  const left = await sql<{ outcome: string; reason: string | null; count: string; due: string }>`
    select l.outcome, l.reason, count(*) as count, count(r.look_again_at) as due from ledger l join record r on r.id = l.record_id
    group by 1, 2 order by 1, 2`.execute(it.db)
  t.strictSame(
    left.rows.map(({ outcome, reason, count, due }) => [outcome, reason, Number(count), Number(due)]),
    [
      ['expired', 'expired_too_old', 10, 0],
      ['sent', null, 10, 0],
      ['suppressed', 'stage_negative', 10, 0],
      ['suppressed', 'stage_off', 20, 0],
      ['waiting', null, 450, 450],
    ],
  )
  const stranger = { ...caller, workspaceId: other.workspaceId }
  await t.rejects(reevaluate(stranger, { connectionId: it.connectionId }), { code: 'connection_unknown' })
})
