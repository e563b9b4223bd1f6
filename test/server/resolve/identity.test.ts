/** Which lead a change belongs to: lead ids that are no lead ids, people without one, consent, several people. */
import t from 'tap'
import { sha256 } from '../../../mappings/hash.ts'
import { addRoute, DATASET, testApp, until } from '../../support/app.ts'
import { findTraces, hurry, ledger, story } from '../../support/look.ts'
import { post, stageEvent } from '../../support/post-webhook.ts'
import { resolved, sent, sentOf, silence } from './sharing.ts'

const DAY = 86_400_000

t.test('a lead id that is rounded, prefixed or too short is dropped with a note, and the other keys decide', async (t) => {
  const it = await testApp(t, { rules: { confirmedSources: [{ field: 'hs_analytics_source', equals: 'PAID_SOCIAL' }] } })
  const broken = {
    '1.2345678901234567E16': 'lead_id_rounded',
    '12345': 'lead_id_too_short',
    'lead-7': 'lead_id_not_digits',
    '123456789012345678': 'lead_id_too_long',
  }
  for (const [meta_lead_id, code] of Object.entries(broken)) {
    const email = `${code}@example.com`
    const properties = { lifecyclestage: 'lead', meta_lead_id, email }
    const known = it.hubspot.create({ type: 'contact', properties: { ...properties, hs_analytics_source: 'PAID_SOCIAL' } }).id
    await it.settled()
    const [event] = it.meta.events().slice(-1)
    t.strictSame([event?.eventName, event?.leadId, event?.keys.includes('em')], ['Raw Lead', undefined, true], meta_lead_id)
    t.match((await ledger(it.db, known)).find(({ outcome }) => outcome === 'sent')?.detail, { notes: [{ field: 'lead_id', code }] })
    const unknown = it.hubspot.create({ type: 'contact', properties: { ...properties, email: `other-${email}` } }).id
    await it.settled()
    t.strictSame(await story(it.db, unknown), ['lead waiting waiting_for_lead'])
  }
  const prefixed = it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'lead', meta_lead_id: 'l:123456789012345' } }).id
  await it.settled()
  t.ok((await story(it.db, prefixed)).includes('raw_lead sent'), 'the prefix of Meta’s own export is known')
  t.equal(it.meta.events().at(-1)?.leadId, '123456789012345')
})

t.test('junk in e-mail and phone costs those fields only', async (t) => {
  const it = await testApp(t)
  const { id } = it.hubspot.create({
    type: 'contact',
    properties: {
      lifecyclestage: 'lead',
      meta_lead_id: '123456789012345',
      email: 'not an address',
      phone: '+0000000000',
      firstname: '???',
    },
  })
  await it.settled()
  const [event] = it.meta.events()
  t.strictSame(event?.keys, ['lead_id'])
  t.strictSame(
    (await ledger(it.db, id)).flatMap(({ detail }) => (detail.notes as { field: string }[] | undefined)?.map(({ field }) => field) ?? []),
    ['em', 'ph', 'fn'],
  )
})

t.test('someone without a lead id waits; once it is written in the CRM everything goes out with its own time', async (t) => {
  const it = await testApp(t)
  const at = Date.now() - 2 * DAY
  const { id } = it.hubspot.create({ type: 'contact', at, properties: { lifecyclestage: 'lead', email: 'a@example.com' } })
  it.hubspot.change({ type: 'contact', id, at: at + DAY, properties: { lifecyclestage: 'opportunity' } })
  await it.settled()
  t.strictSame(await story(it.db, id), ['lead waiting waiting_for_lead', 'opportunity waiting waiting_for_lead'])
  t.equal(it.meta.requests().length, 0)

  it.hubspot.change({ type: 'contact', id, properties: { meta_lead_id: '123456789012345' } })
  await it.settled()
  t.strictSame(
    it.meta.events().map(({ eventName, eventTime }) => [eventName, eventTime]),
    [
      ['Raw Lead', Math.floor(at / 1000)],
      ['Sales Opportunity', Math.floor((at + DAY) / 1000)],
    ],
  )
  const record = await it.db.selectFrom('record').select('look_again_at').where('record_id', '=', id).executeTakeFirstOrThrow()
  t.equal(record.look_again_at, null)
})

t.test('a lead id that is written unnoticed is found by looking again', async (t) => {
  const it = await testApp(t)
  const { id } = it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'lead' } })
  await it.settled()
  silence(it)
  it.hubspot.change({ type: 'contact', id, properties: { meta_lead_id: '123456789012345' } })
  await hurry(it.db)
  await until(() => it.meta.events().length > 0)
  t.strictSame(sent(it), [['Raw Lead', '123456789012345']])
})

t.test('waiting is given up after seven days', async (t) => {
  const it = await testApp(t)
  const { id } = it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'lead' } })
  await it.settled()
  await it.db
    .updateTable('ledger')
    .set({ received_at: new Date(Date.now() - 7 * DAY + 60_000) })
    .execute()
  await hurry(it.db)
  const looks = async () => (await it.db.selectFrom('record').select('looks').where('record_id', '=', id).executeTakeFirstOrThrow()).looks
  await until(async () => (await looks()) === 2)
  t.strictSame(await story(it.db, id), ['lead waiting waiting_for_lead'])
  await it.db
    .updateTable('ledger')
    .set({ received_at: new Date(Date.now() - 7 * DAY) })
    .execute()
  await hurry(it.db)
  await until(async () => (await story(it.db, id))[0] !== 'lead waiting waiting_for_lead')
  t.strictSame(await story(it.db, id), ['lead suppressed no_meta_lead'])
  const record = await it.db.selectFrom('record').select('look_again_at').where('record_id', '=', id).executeTakeFirstOrThrow()
  t.equal(record.look_again_at, null)
})

t.test('a stage that came later waits on when an earlier one is given up', async (t) => {
  const it = await testApp(t)
  const { id } = it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'lead' } })
  await it.settled()
  it.hubspot.change({ type: 'contact', id, properties: { lifecyclestage: 'customer' } })
  await it.settled()
  const [first] = await ledger(it.db, id)
  await it.db
    .updateTable('ledger')
    .set({ received_at: new Date(Date.now() - 7 * DAY) })
    .where('occurred_at', '=', new Date(first?.occurredAt as number))
    .execute()
  await until(async () => {
    await hurry(it.db)
    return (await story(it.db, id))[0] !== 'lead waiting waiting_for_lead'
  })
  t.strictSame(await story(it.db, id), ['lead suppressed no_meta_lead', 'customer waiting waiting_for_lead'])
  silence(it)
  it.hubspot.change({ type: 'contact', id, properties: { meta_lead_id: '123456789012345' } })
  await until(async () => {
    await hurry(it.db)
    return sent(it).length === 2
  })
  t.strictSame(sentOf(it, '123456789012345'), ['Raw Lead', 'Converted'])
})

t.test('a confirmed source with contact data counts, a source alone does not', async (t) => {
  const it = await testApp(t, {
    rules: { confirmedSources: [{ field: 'recent_conversion_event_name', startsWith: 'Facebook Lead Ads' }] },
  })
  const form = { recent_conversion_event_name: 'Facebook Lead Ads: Spring', lifecyclestage: 'lead' }
  const known = it.hubspot.create({ type: 'contact', properties: { ...form, email: 'ana@example.com' } }).id
  const nameless = it.hubspot.create({ type: 'contact', properties: { ...form, firstname: 'Bo', city: 'Bonn' } }).id
  const clicked = it.hubspot.create({
    type: 'contact',
    properties: { hs_facebook_click_id: 'AbCdEf', email: 'c@example.com', lifecyclestage: 'lead' },
  }).id
  await it.settled()
  t.equal((await ledger(it.db, known)).filter(({ outcome }) => outcome === 'sent').length, 1)
  t.strictSame(await story(it.db, nameless), ['lead waiting waiting_for_lead'])
  t.strictSame(await story(it.db, clicked), ['lead waiting waiting_for_lead'], 'a click id is a match key, no reason to send')
  t.strictSame(
    it.meta.events().map(({ identity }) => identity.includes(sha256('ana@example.com'))),
    [true],
  )
})

t.test('data that fits two leads is ambiguous until the lead id settles it', async (t) => {
  const it = await testApp(t)
  it.hubspot.create({ type: 'contact', properties: { email: 'ana@example.com', phone: '+491701234567', meta_lead_id: '111111111111111' } })
  it.hubspot.create({ type: 'contact', properties: { email: 'bo@example.com', phone: '+491707654321', meta_lead_id: '222222222222222' } })
  await it.settled()
  const { id } = it.hubspot.create({
    type: 'contact',
    properties: { lifecyclestage: 'customer', email: 'ana@example.com', phone: '+491707654321' },
  })
  await it.settled()
  t.strictSame(await story(it.db, id), ['customer waiting ambiguous_lead'])
  it.hubspot.change({ type: 'contact', id, properties: { meta_lead_id: '222222222222222' } })
  await it.settled()
  t.strictSame(await story(it.db, id), ['customer sent'])
  t.strictSame(sentOf(it, '222222222222222'), ['Raw Lead', 'Converted'])
  t.strictSame(sentOf(it, '111111111111111'), ['Raw Lead'])
})

t.test('with nothing but lead ids allowed, no contact data is sent or stored anywhere', async (t) => {
  const it = await testApp(t, { rules: { whichLeads: 'lead_id_only', externalId: true } })
  const contact = { email: 'canary@example.com', phone: '+491701234567', firstname: 'Canarina', lastname: 'Birdsson', city: 'Nestville' }
  const { id } = it.hubspot.create({ type: 'contact', properties: { ...contact, lifecyclestage: 'lead', meta_lead_id: '123456789012345' } })
  const other = it.hubspot.create({ type: 'contact', properties: { ...contact, lifecyclestage: 'lead' } }).id
  await it.settled()
  t.strictSame(
    it.meta.events().map(({ keys }) => keys),
    [['lead_id']],
  )
  t.ok((await story(it.db, id)).includes('raw_lead sent'))
  t.strictSame(await story(it.db, other), ['lead waiting waiting_for_lead'])
  const plain = [...Object.values(contact), '491701234567']
  const hashes = plain.map((text) => sha256(text.toLowerCase()))
  t.strictSame(await findTraces(it.db, [...plain, ...hashes]), [])
})

t.test('consent, opt-out and test leads', async (t) => {
  const it = await testApp(t, {
    rules: {
      consent: [{ field: 'hs_data_privacy_ads_consent', equals: 'true' }],
      optOut: [{ field: 'hs_latest_source', equals: 'OPTED_OUT' }],
    },
  })
  const create = (meta_lead_id: string, properties: Record<string, string>) =>
    it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'lead', meta_lead_id, ...properties } }).id
  const consented = create('111111111111111', { hs_data_privacy_ads_consent: 'true' })
  const silent = create('222222222222222', {})
  const opposed = create('333333333333333', { hs_data_privacy_ads_consent: 'true', hs_latest_source: 'OPTED_OUT' })
  await it.db
    .insertInto('lead')
    .values({ workspace_id: it.workspaceId, meta_lead_id: '444444444444444', learned_at: new Date(), is_test: true })
    .execute()
  const test = create('444444444444444', { hs_data_privacy_ads_consent: 'true' })
  await it.settled()
  t.strictSame(sent(it), [['Raw Lead', '111111111111111']])
  t.ok((await story(it.db, consented)).includes('raw_lead sent'))
  t.ok((await ledger(it.db, silent)).every(({ reason }) => reason === 'consent_missing'))
  t.ok((await ledger(it.db, opposed)).every(({ reason }) => reason === 'opted_out'))
  t.ok((await ledger(it.db, test)).every(({ reason }) => reason === 'test_lead'))

  // Consent given later lets later stages through; what was refused stays refused.
  await it.db
    .updateTable('record')
    .set({ looked_up_at: new Date(0) })
    .execute()
  it.hubspot.change({ type: 'contact', id: silent, properties: { hs_data_privacy_ads_consent: 'true' } })
  it.hubspot.change({ type: 'contact', id: silent, properties: { lifecyclestage: 'customer' } })
  await it.settled()
  t.strictSame(sentOf(it, '222222222222222'), ['Converted'])
})

t.test('consent that is withdrawn while the event waits keeps it back', async (t) => {
  const it = await testApp(t, { rules: { optOut: [{ field: 'hs_latest_source', equals: 'OPTED_OUT' }] } })
  await it.db.updateTable('dataset').set({ state: 'held' }).execute()
  const { id } = it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'lead', meta_lead_id: '111111111111111' } })
  await it.hubspot.idle()
  await resolved(it)
  t.ok((await story(it.db, id)).includes('raw_lead pending'))
  // Before the change: it is told at once, and what is known of the record would do.
  await it.db
    .updateTable('record')
    .set({ looked_up_at: new Date(0) })
    .execute()
  it.hubspot.change({ type: 'contact', id, properties: { hs_latest_source: 'OPTED_OUT', lifecyclestage: 'customer' } })
  await it.hubspot.idle()
  await resolved(it)
  await it.db.updateTable('dataset').set({ state: 'active' }).execute()
  await it.settled()
  t.strictSame(sent(it), [])
  t.strictSame(await story(it.db, id), [
    'lead suppressed already_reached',
    'raw_lead suppressed opted_out',
    'customer suppressed opted_out',
  ])
})

t.test('a shadow route does everything but send; a second route sends for itself', async (t) => {
  const it = await testApp(t)
  const [live, shadow] = ['700000000000008', '700000000000009']
  for (const id of [live, shadow]) it.meta.addDataset({ id, tokens: [`token-of-${id}`] })
  await addRoute(it.db, it.vault, it, { dataset: live as string, token: `token-of-${live}` })
  const shadowId = await addRoute(it.db, it.vault, it, { dataset: shadow as string, token: `token-of-${shadow}`, mode: 'shadow' })
  const { id } = it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'lead', meta_lead_id: '123456789012345' } })
  it.hubspot.change({ type: 'contact', id, properties: { lifecyclestage: 'customer' } })
  await it.settled()
  for (const dataset of [DATASET, live]) t.strictSame(sentOf(it, '123456789012345', dataset), ['Raw Lead', 'Converted'])
  t.strictSame(sent(it, shadow), [])
  const lines = (await ledger(it.db, id)).filter(({ datasetId, reason }) => datasetId === shadowId && reason !== 'already_reached')
  t.strictSame(
    lines.map(({ reason }) => reason),
    ['route_shadow', 'route_shadow'],
  )
  t.equal(new Set(it.meta.events().map(({ eventId }) => eventId)).size, 4)
  // Set live, it does not repeat what it would have sent.
  await it.db.updateTable('route').set({ mode: 'live' }).execute()
  await post(it.url, [stageEvent(id, 'customer', { occurredAt: Date.now() + 10 })])
  it.hubspot.change({ type: 'contact', id, at: Date.now() - 1, properties: { lifecyclestage: 'evangelist' } })
  await it.settled()
  t.strictSame(sent(it, shadow), [])
})
