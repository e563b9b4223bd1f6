import t from 'tap'
import { listSentOnes, sendOne } from '../../../server/settings/send-one.ts'
import { DATASET, type TestApp, testApp, until } from '../../support/app.ts'
import { signedIn } from '../../support/settings-page.ts'

const callerOf = ({ db, workspaceId }: TestApp) => ({ db, workspaceId, actor: 'test' })

/** An account that only tries out, with two leads that became customers. */
async function tryingOut(t: Parameters<typeof testApp>[0]) {
  const it = await testApp(t)
  await it.db.updateTable('route').set({ mode: 'shadow' }).execute()
  const [first, second] = ['101234567890123', '101234567890124'].map((meta_lead_id) => {
    const { id } = it.hubspot.create({ type: 'contact', at: Date.now() - 60_000, properties: { lifecyclestage: 'customer', meta_lead_id } })
    return { type: 'contact', id }
  }) as [{ type: string; id: string }, { type: string; id: string }]
  await it.settled()
  const outcomes = async () => {
    const rows = await it.db.selectFrom('ledger').select(['event_id', 'outcome', 'reason']).execute()
    return Object.groupBy(rows, ({ outcome, reason }) => reason ?? outcome)
  }
  return { it, caller: callerOf(it), id: it.connectionId, first, second, outcomes }
}

t.test('one real event goes while an account tries out, and never again, also when the route is set live', async (t) => {
  const { it, caller, id, first, second, outcomes } = await tryingOut(t)
  t.equal((await outcomes()).route_shadow?.length, 4)
  t.strictSame(await listSentOnes(caller, id), [])
  const sent = await sendOne(caller, id, { record: first })
  t.match(sent, { record: first, datasetId: DATASET, eventName: 'Converted', outcome: 'waiting' })
  await until(async () => (await listSentOnes(caller, id))[0]?.outcome === 'sent')
  const [one] = await listSentOnes(caller, id)
  t.match(one, { eventId: sent.eventId, occurredAt: sent.occurredAt, reason: null, settledAt: Date, meta: { fbtraceId: String } })
  const atMeta = () => it.meta.events({ dataset: DATASET }).map(({ eventId, eventTime }) => ({ eventId, eventTime }))
  t.strictSame(atMeta(), [{ eventId: sent.eventId, eventTime: Math.floor(sent.occurredAt.getTime() / 1000) }], 'under its own id and time')

  t.match(await sendOne(caller, id, { record: first }), { eventId: sent.eventId, outcome: 'sent' }, 'asked for again it is the same')
  t.match(await sendOne(caller, id, { record: first, eventId: sent.eventId }), { outcome: 'sent' })
  await t.rejects(sendOne(caller, id, { record: second }), { code: 'one_sent' })
  const [other] = (await outcomes()).route_shadow ?? []
  await t.rejects(sendOne(caller, id, { record: first, eventId: other?.event_id ?? '' }), { code: /one_sent|nothing_kept_back/ })
  const ask = await signedIn(it)
  t.match(await ask('POST', '/first-run/send', { record: first }), {
    status: 200,
    body: { data: { eventId: sent.eventId, outcome: 'sent' } },
  })
  t.match(await ask('POST', '/first-run/send', { record: second }), { status: 422, body: { code: 'one_sent', text: String } })
  t.match(await ask('GET', '/first-run/sent'), { body: { data: [{ record: first, meta: { fbtraceId: String } }] } })
  t.equal((await it.db.selectFrom('audit').selectAll().where('action', '=', 'route.send_one').execute()).length, 1)

  await it.db.updateTable('route').set({ mode: 'live' }).execute()
  it.hubspot.change({ type: 'contact', id: first.id, properties: { lifecyclestage: 'lead' } })
  it.hubspot.change({ type: 'contact', id: first.id, properties: { lifecyclestage: 'customer' } })
  it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'customer', meta_lead_id: '101234567890125' } })
  await it.settled()
  await until(() => it.meta.events({ dataset: DATASET }).some(({ leadId }) => leadId === '101234567890125'))
  t.equal(atMeta().filter(({ eventId }) => eventId === sent.eventId).length, 1)
  t.equal(
    it.meta.events({ dataset: DATASET }).filter(({ leadId }) => leadId === '101234567890123').length,
    1,
    'the lead was a customer before',
  )
  await t.rejects(sendOne(caller, id, { record: second }), { code: 'nothing_kept_back' }, 'a route that is live sends by itself')
})

t.test('of several that are asked for at once one is sent', async (t) => {
  const { it, caller, id, first, second } = await tryingOut(t)
  const asked = await Promise.allSettled([first, second, first, second].map((record) => sendOne(caller, id, { record })))
  const chosen = new Set(asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value.eventId] : [])))
  t.equal(chosen.size, 1)
  for (const one of asked) if (one.status === 'rejected') t.match(one.reason, { code: 'one_sent' })
  await until(async () => (await listSentOnes(caller, id))[0]?.outcome === 'sent')
  await it.settled()
  t.strictSame(
    it.meta.events({ dataset: DATASET }).map(({ eventId }) => eventId),
    [...chosen],
  )
})

t.test('where nothing came of the one, another may be tried; what is too old, erased or unknown is not', async (t) => {
  const { it, caller, id, first, second } = await tryingOut(t)
  await sendOne(caller, id, { record: first })
  await until(async () => (await listSentOnes(caller, id))[0]?.outcome === 'sent')
  await it.db.updateTable('ledger').set({ outcome: 'rejected', reason: 'meta_refused' }).where('outcome', '=', 'sent').execute()
  const other = await sendOne(caller, id, { record: second })
  await until(async () => (await listSentOnes(caller, id)).some(({ eventId, outcome }) => eventId === other.eventId && outcome === 'sent'))
  await t.rejects(sendOne(caller, id, { record: { type: 'contact', id: '999' } }), { code: 'record_unknown' })

  await it.db.updateTable('route').set({ sent_one: null, sent_one_at: null }).execute()
  const [old] = await it.db
    .updateTable('ledger')
    .set({ occurred_at: new Date(Date.now() - 7 * 86_400_000) })
    .where('reason', '=', 'route_shadow')
    .where('event_name', '=', 'Raw Lead')
    .returning('event_id')
    .execute()
  const owner = await Promise.allSettled([first, second].map((record) => sendOne(caller, id, { record, eventId: old?.event_id ?? '' })))
  t.match(
    owner.map((one) => (one.status === 'rejected' ? one.reason.code : one.value)).sort(),
    ['nothing_kept_back', 'too_old'],
    'each event belongs to its record',
  )
  it.hubspot.erase({ type: 'contact', id: first.id })
  await it.settled()
  await t.rejects(sendOne(caller, id, { record: first }), { code: /record_erased|record_unknown/ })
})
