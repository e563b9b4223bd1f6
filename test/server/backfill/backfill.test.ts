/** Reading the past in: what the dry run says is what the real run does, and nothing is sent twice. */
import t from 'tap'
import { confirmBackfill, planBackfill, showBackfill } from '../../../server/settings/backfills.ts'
import { testApp, until } from '../../support/app.ts'
import { ledger, story } from '../../support/look.ts'
import { post, stageEvent } from '../../support/post-webhook.ts'
import { sent, silence } from '../resolve/sharing.ts'
import { callerOf, DAY, people, settle, state } from './sharing.ts'

t.test('a dry run says what the run does, and writes nothing', async (t) => {
  const it = await testApp(t)
  silence(it)
  const at = Date.now() - 3 * DAY
  people(it, 12, at)
  // A lead from before the window keeps its later stages, its raw lead is too old.
  const { id: old } = it.hubspot.create({
    type: 'contact',
    at: Date.now() - 30 * DAY,
    properties: { lifecyclestage: 'lead', meta_lead_id: '103456789012345' },
  })
  it.hubspot.change({ type: 'contact', id: old, at, properties: { lifecyclestage: 'customer' } })
  // Nobody knows whose lead this is; and one stage that is not mapped.
  it.hubspot.create({ type: 'contact', at, properties: { lifecyclestage: 'lead' } })
  const { id: other } = it.hubspot.create({ type: 'contact', at, properties: { lifecyclestage: 'lead', meta_lead_id: '103456789012346' } })
  it.hubspot.change({ type: 'contact', id: other, at: at + 5, properties: { lifecyclestage: 'evangelist' } })

  const caller = callerOf(it)
  const { id } = await planBackfill(caller, { connectionId: it.connectionId, days: 7 })
  await state(it, id, 'ready')
  const { forecast } = await showBackfill(caller, id)
  t.match(forecast, { records: 15, refused: 0 })
  t.strictSame(await ledger(it.db), [], 'nothing was written')
  t.strictSame((await it.db.selectFrom('record').selectAll().execute()).length, 0)
  t.strictSame(sent(it), [])

  await confirmBackfill(caller, id)
  await state(it, id, 'done')
  await settle(it)
  const { counts, records } = await showBackfill(caller, id)
  t.equal(records, 15)
  t.strictSame(
    counts.map((one) => (one.outcome === 'sent' ? { ...one, outcome: 'pending' } : one)),
    forecast?.counts,
  )
  t.match(
    counts.find(({ reason, rawLead }) => reason === 'too_old' && rawLead),
    { count: 1 },
    'a raw lead that is too old is counted',
  )
  t.match(
    counts.find(({ reason }) => reason === 'stage_unmapped'),
    { count: 1 },
  )
  t.ok((await story(it.db, old)).includes('customer sent'))

  t.strictSame(
    it.meta
      .events()
      .filter(({ leadId }) => leadId === '101000000000000')
      .map(({ eventName, eventTime }) => [eventName, eventTime]),
    [
      ['Raw Lead', Math.floor(at / 1000)],
      ['Marketing Qualified Lead', Math.floor(at / 1000) + 60],
      ['Converted', Math.floor(at / 1000) + 120],
    ],
    'times are those of the CRM',
  )

  const again = await planBackfill(caller, { connectionId: it.connectionId, days: 7 })
  await state(it, again.id, 'ready')
  t.strictSame((await showBackfill(caller, again.id)).forecast?.counts, [], 'nothing is left to send')
  const before = sent(it).length
  await confirmBackfill(caller, again.id)
  await state(it, again.id, 'done')
  await settle(it)
  t.equal(sent(it).length, before)
})

t.test('a restart in the middle of many pages loses nothing and doubles nothing, while live changes go on', async (t) => {
  const it = await testApp(t)
  silence(it)
  const at = Date.now() - DAY
  for (let index = 0; index < 450; index++) {
    const properties = { lifecyclestage: 'lead', meta_lead_id: String(105_000_000_000_000 + index) }
    it.hubspot.create({ type: 'contact', at: at + index, properties })
  }
  const caller = callerOf(it)
  const { id } = await planBackfill(caller, { connectionId: it.connectionId, days: 7 })
  await state(it, id, 'ready')
  t.match((await showBackfill(caller, id)).forecast, { records: 450, counts: [{ outcome: 'pending', rawLead: true, count: 450 }, {}] })
  await confirmBackfill(caller, id)
  await until(async () => (await showBackfill(caller, id)).records >= 200)
  await it.restart()
  silence(it)
  const { id: live } = it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'customer', meta_lead_id: '106000000000000' } })
  await post(it.url, [stageEvent(live, 'customer')])
  await state(it, id, 'done')
  await settle(it)
  t.match(it.meta.summary().datasets['700000000000001'], { received: 452, distinct: 452, doubled: 0 })
  t.ok((await showBackfill(caller, id)).records >= 450, 'no page was skipped')
})
