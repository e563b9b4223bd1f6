/** Merges: the survivor speaks for everyone who went into it, and nothing is doubled. */
import t from 'tap'
import { sha256 } from '../../../mappings/hash.ts'
import { stageSubscriptions } from '../../simulators/hubspot/webhook-events.ts'
import { DATASET, testApp, until } from '../../support/app.ts'
import { funnel } from '../../support/funnel.ts'
import { findTraces, hurry, ledger, story } from '../../support/look.ts'
import { sent, sentOf } from '../resolve/sharing.ts'

const MINUTE = 60_000

t.test('whoever has the lead id keeps it; milestones unite and nothing is doubled', async (t) => {
  for (const [title, winnerId, loserId] of [
    ['both have one', '111111111111111', '222222222222222'],
    ['the survivor has it', '111111111111111', ''],
    ['the loser has it', '', '222222222222222'],
    ['both have the same', '111111111111111', '111111111111111'],
  ] as const)
    for (const newRecord of [false, true])
      await t.test(`${title}${newRecord ? ', and a new record survives' : ''}`, async (t) => {
        const it = await testApp(t)
        const at = Date.now() - 60 * MINUTE
        const winner = it.hubspot.create({
          type: 'contact',
          at,
          properties: { lifecyclestage: 'lead', meta_lead_id: winnerId, email: 'a@example.com' },
        }).id
        const loser = it.hubspot.create({
          type: 'contact',
          at: at + 1,
          properties: { lifecyclestage: 'lead', meta_lead_id: loserId, email: 'b@example.com' },
        }).id
        it.hubspot.change({ type: 'contact', id: loser, at: at + MINUTE, properties: { lifecyclestage: 'marketingqualifiedlead' } })
        await it.settled()
        const survivor = it.hubspot.merge({ type: 'contact', primaryId: winner, otherIds: [loser], newRecord }).id
        await it.settled()
        it.hubspot.change({ type: 'contact', id: survivor, properties: { lifecyclestage: 'customer' } })
        await it.settled()
        const names = (leadId: string) => sentOf(it, leadId).toSorted()
        const all = ['Converted', 'Marketing Qualified Lead', 'Raw Lead']
        if (winnerId !== '' && loserId !== '' && winnerId !== loserId) {
          // Two real leads of Meta stay two; what comes later belongs to the survivor's.
          const [own, others] =
            newRecord && it.hubspot.record({ type: 'contact', id: survivor })?.properties.meta_lead_id === loserId
              ? [loserId, winnerId]
              : [winnerId, loserId]
          t.ok(names(own).includes('Converted') !== names(others).includes('Converted'), JSON.stringify(sent(it)))
          t.equal(names(winnerId).filter((name) => name === 'Raw Lead').length, 1)
          t.equal(names(loserId).filter((name) => name === 'Raw Lead').length, 1)
        } else t.strictSame(names(winnerId || loserId), all, JSON.stringify(await ledger(it.db)))
        t.match(it.meta.summary().datasets[DATASET], { doubled: 0 })
      })
})

t.test('stages of someone without a lead id go out once they are merged into someone with one', async (t) => {
  const it = await testApp(t)
  const at = Date.now() - 60 * MINUTE
  const loser = it.hubspot.create({ type: 'contact', at, properties: { lifecyclestage: 'marketingqualifiedlead' } }).id
  const winner = it.hubspot.create({ type: 'contact', at, properties: { meta_lead_id: '111111111111111' } }).id
  await it.settled()
  t.strictSame(await story(it.db, loser), ['marketingqualifiedlead waiting waiting_for_lead'])
  it.hubspot.merge({ type: 'contact', primaryId: winner, otherIds: [loser] })
  await it.settled()
  t.strictSame(await story(it.db, loser), ['marketingqualifiedlead sent'])
  t.strictSame(sentOf(it, '111111111111111'), ['Raw Lead', 'Marketing Qualified Lead'])
  t.equal(it.meta.events().at(-1)?.eventTime, Math.floor(at / 1000))
})

t.test('they also go out when the survivor gets its lead id later', async (t) => {
  const it = await testApp(t)
  const loser = it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'marketingqualifiedlead' } }).id
  const winner = it.hubspot.create({ type: 'contact', properties: {} }).id
  await it.settled()
  it.hubspot.merge({ type: 'contact', primaryId: winner, otherIds: [loser] })
  await it.settled()
  t.strictSame(await story(it.db, loser), ['marketingqualifiedlead waiting waiting_for_lead'])
  it.hubspot.change({ type: 'contact', id: winner, properties: { meta_lead_id: '111111111111111' } })
  await it.settled()
  t.strictSame(await story(it.db, loser), ['marketingqualifiedlead sent'])
})

t.test('a deal follows its contact into the survivor', async (t) => {
  const it = await testApp(t, { mapping: funnel({ source: 'dealstage', stageId: 'closedwon', eventName: 'Deal Won' }) })
  const [winner, loser] = ['111111111111111', ''].map(
    (meta_lead_id) => it.hubspot.create({ type: 'contact', properties: { meta_lead_id } }).id,
  ) as [string, string]
  const { id } = it.hubspot.create({ type: 'deal' })
  it.hubspot.associate({ from: { type: 'deal', id }, to: { type: 'contact', id: loser } })
  it.hubspot.change({ type: 'deal', id, properties: { dealstage: 'closedwon' } })
  await it.settled()
  t.ok((await story(it.db, id)).includes('closedwon waiting waiting_for_lead'))
  it.hubspot.merge({ type: 'contact', primaryId: winner, otherIds: [loser] })
  await it.settled()
  await until(async () => {
    await hurry(it.db)
    return sentOf(it, '111111111111111').length === 2
  })
  t.strictSame(sentOf(it, '111111111111111'), ['Raw Lead', 'Deal Won'])
})

t.test('erasing a survivor forgets those who went into it', async (t) => {
  const it = await testApp(t)
  const [winner, loser] = ['winner@example.com', 'loser@example.com'].map(
    (email) => it.hubspot.create({ type: 'contact', properties: { email, lifecyclestage: 'lead' } }).id,
  ) as [string, string]
  await it.settled()
  const traces = ['winner@example.com', 'loser@example.com'].flatMap((email) => [email, sha256(email)])
  t.ok((await findTraces(it.db, traces)).length > 0)
  it.hubspot.merge({ type: 'contact', primaryId: winner, otherIds: [loser] })
  await it.settled()
  it.hubspot.erase({ type: 'contact', id: winner })
  await it.settled()
  t.strictSame(await findTraces(it.db, traces), [])
})

t.test('people known by contact data alone are one lead when their records are merged', async (t) => {
  const it = await testApp(t, { rules: { whichLeads: 'anyone' } })
  const at = Date.now() - 60 * MINUTE
  const [winner, loser] = ['a@example.com', 'b@example.com'].map(
    (email) => it.hubspot.create({ type: 'contact', at, properties: { email, lifecyclestage: 'lead' } }).id,
  ) as [string, string]
  it.hubspot.change({ type: 'contact', id: loser, at: at + MINUTE, properties: { lifecyclestage: 'marketingqualifiedlead' } })
  await it.settled()
  t.equal(sent(it).length, 3)
  it.hubspot.merge({ type: 'contact', primaryId: winner, otherIds: [loser] })
  it.hubspot.change({ type: 'contact', id: winner, properties: { lifecyclestage: 'marketingqualifiedlead' } })
  it.hubspot.change({ type: 'contact', id: winner, properties: { lifecyclestage: 'customer' } })
  await it.settled()
  t.strictSame(
    sent(it)
      .slice(3)
      .map(([name]) => name),
    ['Converted'],
    'the survivor was a qualified lead already',
  )
})

t.test('a merge of records that were never seen is no trouble', async (t) => {
  const it = await testApp(t)
  it.hubspot.webhooks({ subscriptions: {} })
  const [a, b, c] = ['111111111111111', '', ''].map(
    (meta_lead_id) => it.hubspot.create({ type: 'contact', properties: { meta_lead_id } }).id,
  ) as [string, string, string]
  it.hubspot.webhooks({ subscriptions: stageSubscriptions })
  it.hubspot.merge({ type: 'contact', primaryId: b, otherIds: [a] })
  it.hubspot.merge({ type: 'contact', primaryId: c, otherIds: [b] })
  await it.settled()
  it.hubspot.change({ type: 'contact', id: c, properties: { lifecyclestage: 'customer' } })
  await it.settled()
  t.strictSame(sentOf(it, '111111111111111'), ['Raw Lead', 'Converted'])
})
