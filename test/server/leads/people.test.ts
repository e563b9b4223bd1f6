/** One person, several records, several leads: what belongs together, and what does not. */
import t from 'tap'
import { testApp } from '../../support/app.ts'
import { count, story } from '../../support/look.ts'
import { sent, sentOf } from '../resolve/sharing.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

t.test('whoever was known by contact data alone is not reported anew when the lead id comes', async (t) => {
  const it = await testApp(t, { rules: { confirmedSources: [{ field: 'hs_latest_source', equals: 'PAID_SOCIAL' }] } })
  const { id } = it.hubspot.create({
    type: 'contact',
    properties: { email: 'ana@example.com', hs_latest_source: 'PAID_SOCIAL', lifecyclestage: 'marketingqualifiedlead' },
  })
  await it.settled()
  t.equal(sent(it).length, 2)
  it.hubspot.change({ type: 'contact', id, properties: { meta_lead_id: '123456789012345' } })
  it.hubspot.change({ type: 'contact', id, properties: { lifecyclestage: 'customer' } })
  await it.settled()
  t.strictSame(sent(it), [
    ['Raw Lead', undefined],
    ['Marketing Qualified Lead', undefined],
    ['Converted', '123456789012345'],
  ])
  t.equal(await count(it.db, 'lead'), 1)
})

t.test('records of one person share what the person reached, also when they come at once', async (t) => {
  const it = await testApp(t, { rules: { whichLeads: 'anyone' } })
  const [first, second] = [1, 2].map(
    () => it.hubspot.create({ type: 'contact', properties: { phone: '+491701234567', lifecyclestage: 'opportunity' } }).id,
  )
  await it.settled()
  t.equal(await count(it.db, 'lead'), 1)
  t.strictSame(
    sent(it).map(([name]) => name),
    ['Raw Lead', 'Sales Opportunity'],
  )
  const lines = [...(await story(it.db, first)), ...(await story(it.db, second))]
  t.equal(lines.filter((line) => line === 'opportunity suppressed already_reached').length, 1)
})

t.test('someone without a lead id belongs to the latest lead of that person', async (t) => {
  const it = await testApp(t)
  const email = 'ana@example.com'
  for (const [meta_lead_id, days] of [
    ['111111111111111', 3],
    ['333333333333333', 1],
    ['222222222222222', 2],
  ] as const) {
    it.hubspot.create({ type: 'contact', at: Date.now() - days * DAY, properties: { email, meta_lead_id } })
    await it.settled()
  }
  const { id } = it.hubspot.create({ type: 'contact', properties: { email, lifecyclestage: 'customer' } })
  await it.settled()
  t.strictSame(await story(it.db, id), ['customer sent'])
  t.strictSame(sentOf(it, '333333333333333'), ['Raw Lead', 'Converted'])
})

t.test('a second lead of the same contact is a raw lead of its own, from when we learned of it', async (t) => {
  const it = await testApp(t)
  const at = Date.now() - 3 * DAY
  const { id } = it.hubspot.create({ type: 'contact', at, properties: { lifecyclestage: 'lead', meta_lead_id: '111111111111111' } })
  it.hubspot.change({ type: 'contact', id, at: at + MINUTE, properties: { lifecyclestage: 'customer' } })
  await it.settled()
  const again = Date.now() - 5 * MINUTE
  it.hubspot.change({ type: 'contact', id, at: again, properties: { meta_lead_id: '222222222222222' } })
  await it.settled()
  it.hubspot.change({ type: 'contact', id, properties: { lifecyclestage: 'marketingqualifiedlead' } })
  await it.settled()
  t.strictSame(sentOf(it, '111111111111111'), ['Raw Lead', 'Converted'])
  t.strictSame(sentOf(it, '222222222222222'), ['Raw Lead', 'Marketing Qualified Lead'])
  const raw = it.meta.events().find(({ leadId, eventName }) => leadId === '222222222222222' && eventName === 'Raw Lead')
  t.equal(raw?.eventTime, Math.floor(again / 1000))
})
