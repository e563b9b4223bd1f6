/** Time is never bent: each edge has one outcome, when the change is resolved and again when it is sent. */
import t from 'tap'
import { testApp, until } from '../../support/app.ts'
import { ledger, story } from '../../support/look.ts'
import { post, stageEvent } from '../../support/post-webhook.ts'
import { resolved, sent, sentOf, silence } from './sharing.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const DAY = 86_400 * SECOND
const OLDEST = 7 * DAY - 10 * MINUTE

t.test('edges of age and future when a change is resolved', async (t) => {
  const now = Date.now()
  const it = await testApp(t, { now: () => now })
  silence(it)
  await it.db.updateTable('dataset').set({ state: 'held' }).execute()
  const cases: [title: string, occurredAt: number, outcome: string][] = [
    ['eight days', now - 8 * DAY, 'suppressed too_old'],
    ['a second over the limit', now - OLDEST - SECOND, 'suppressed too_old'],
    ['a millisecond over the limit', now - OLDEST - 1, 'suppressed too_old'],
    ['on the limit', now - OLDEST, 'pending'],
    ['a second within the limit', now - OLDEST + SECOND, 'pending'],
    ['now', now, 'pending'],
    ['a second in the future', now + SECOND, 'pending'],
    ['five minutes in the future', now + 5 * MINUTE, 'pending'],
    ['a millisecond more', now + 5 * MINUTE + 1, 'suppressed in_future'],
    ['an hour in the future', now + 60 * MINUTE, 'suppressed in_future'],
    ['milliseconds taken for seconds', now * 1000, 'suppressed in_future'],
  ]
  for (const [index, [title, occurredAt, outcome]] of cases.entries()) {
    const { id } = it.hubspot.create({ type: 'contact', at: now, properties: { meta_lead_id: `1234567890123${10 + index}` } })
    await post(it.url, [stageEvent(id, 'customer', { occurredAt })])
    await resolved(it)
    const line = (await story(it.db, id)).find((text) => text.startsWith('customer'))
    t.equal(line, `customer ${outcome}`, title)
    t.equal((await ledger(it.db, id)).find(({ stage }) => stage.endsWith('customer'))?.occurredAt, occurredAt, 'kept as it is')
  }
  const waiting = await it.db.selectFrom('outbox').select(['occurred_at', 'not_before']).where('occurred_at', '>', new Date(now)).execute()
  t.equal(waiting.length, 2)
  for (const row of waiting) t.same(row.not_before, row.occurred_at, 'a future event waits for its time')
})

t.test('a change of the near future goes out when its time has come, with its own time', async (t) => {
  const it = await testApp(t)
  silence(it)
  const { id } = it.hubspot.create({ type: 'contact', properties: { meta_lead_id: '123456789012345' } })
  const occurredAt = Date.now() + 1_500
  await post(it.url, [stageEvent(id, 'customer', { occurredAt })])
  await until(() => sent(it).length === 2)
  const event = it.meta.events().at(-1)
  t.equal(event?.eventName, 'Converted')
  t.equal(event?.eventTime, Math.floor(occurredAt / 1000))
  t.ok((event?.at ?? 0) >= occurredAt)
})

t.test('nothing from before the lead was generated', async (t) => {
  const it = await testApp(t)
  silence(it)
  const generated = Date.now() - DAY
  for (const [index, [offset, outcome]] of (
    [
      [-SECOND, 'suppressed before_lead'],
      [-1, 'suppressed before_lead'],
      [0, 'sent'],
      [SECOND, 'sent'],
    ] as const
  ).entries()) {
    const meta_lead_id = `12345678901234${index}`
    await it.db
      .insertInto('lead')
      .values({ workspace_id: it.workspaceId, meta_lead_id, learned_at: new Date(generated), generated_at: new Date(generated) })
      .execute()
    const { id } = it.hubspot.create({ type: 'contact', at: generated + MINUTE, properties: { meta_lead_id } })
    await post(it.url, [stageEvent(id, 'customer', { occurredAt: generated + offset })])
    await it.settled()
    t.equal(
      (await story(it.db, id)).find((text) => text.startsWith('customer')),
      `customer ${outcome}`,
      `${offset} ms`,
    )
  }
})

t.test('a record that is older than its lead: the raw lead has the time at which we learned of it', async (t) => {
  const it = await testApp(t)
  const generated = Date.now() - MINUTE
  await it.db
    .insertInto('lead')
    .values({
      workspace_id: it.workspaceId,
      meta_lead_id: '123456789012345',
      learned_at: new Date(generated),
      generated_at: new Date(generated),
    })
    .execute()
  silence(it)
  const { id } = it.hubspot.create({ type: 'contact', at: Date.now() - 400 * DAY, properties: { meta_lead_id: '123456789012345' } })
  const occurredAt = Date.now() - 10 * SECOND
  await post(it.url, [stageEvent(id, 'customer', { occurredAt })])
  await it.settled()
  t.strictSame(
    it.meta.events().map(({ eventName, eventTime }) => [eventName, eventTime]),
    [
      ['Raw Lead', Math.floor(occurredAt / 1000)],
      ['Converted', Math.floor(occurredAt / 1000)],
    ],
  )
})

t.test('a raw lead that is too old is reported once, and later stages go', async (t) => {
  const it = await testApp(t)
  const at = Date.now() - 30 * DAY
  const { id } = it.hubspot.create({ type: 'contact', at, properties: { lifecyclestage: 'lead', meta_lead_id: '123456789012345' } })
  await it.settled()
  it.hubspot.change({ type: 'contact', id, properties: { lifecyclestage: 'marketingqualifiedlead' } })
  await it.settled()
  it.hubspot.change({ type: 'contact', id, properties: { lifecyclestage: 'lead' } })
  it.hubspot.change({ type: 'contact', id, properties: { lifecyclestage: 'customer' } })
  await it.settled()
  t.strictSame(sentOf(it, '123456789012345'), ['Marketing Qualified Lead', 'Converted'])
  const lines = await story(it.db, id)
  t.equal(lines.filter((line) => line === 'raw_lead suppressed too_old').length, 1)
  t.notOk(lines.some((line) => line.endsWith('pending')))
})

t.test('an event that grows too old while it is held expires; its neighbours go', async (t) => {
  let now = Date.now()
  const it = await testApp(t, { now: () => now })
  silence(it)
  await it.db.updateTable('dataset').set({ state: 'held' }).execute()
  const cases = { '123456789012341': -SECOND, '123456789012342': -1, '123456789012343': 0, '123456789012344': SECOND }
  for (const [meta_lead_id, offset] of Object.entries(cases)) {
    const { id } = it.hubspot.create({ type: 'contact', at: now, properties: { meta_lead_id } })
    await post(it.url, [stageEvent(id, 'customer', { occurredAt: now - OLDEST + 3 * DAY + offset })])
  }
  await resolved(it)
  now += 3 * DAY
  await it.db.updateTable('dataset').set({ state: 'active' }).execute()
  await until(async () => (await it.db.selectFrom('outbox').select('event_id').executeTakeFirst()) === undefined)
  t.strictSame(
    sent(it).filter(([name]) => name === 'Converted'),
    [
      ['Converted', '123456789012343'],
      ['Converted', '123456789012344'],
    ],
  )
  const lines = (await ledger(it.db)).filter(({ stage }) => stage.endsWith('customer'))
  t.strictSame(
    lines.map(({ outcome, reason }) => [outcome, reason]),
    [
      ['expired', 'expired_too_old'],
      ['expired', 'expired_too_old'],
      ['sent', null],
      ['sent', null],
    ],
  )
})
