/** Reading the past in: what the dry run says is what the real run does, and nothing is sent twice. */
import t from 'tap'
import { confirmBackfill, planBackfill, showBackfill } from '../../../server/settings/backfills.ts'
import { testApp } from '../../support/app.ts'
import { ledger, story } from '../../support/look.ts'
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

  const again = await planBackfill(caller, { connectionId: it.connectionId, days: 7 })
  await state(it, again.id, 'ready')
  t.strictSame((await showBackfill(caller, again.id)).forecast?.counts, [], 'nothing is left to send')
  const before = sent(it).length
  await confirmBackfill(caller, again.id)
  await state(it, again.id, 'done')
  await settle(it)
  t.equal(sent(it).length, before)
})
