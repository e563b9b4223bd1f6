/** One CRM change is one Meta event, whatever the webhooks do; and its time and lead id arrive unaltered. */
import t from 'tap'
import { DATASET, PORTAL, testApp } from '../../support/app.ts'
import { funnel } from '../../support/funnel.ts'
import { ledger, story } from '../../support/look.ts'
import { post, stageEvent } from '../../support/post-webhook.ts'
import { sent, sentOf, silence } from './sharing.ts'

const MINUTE = 60_000

t.test('the same body five times at once, reordered, and after a restart is one event each', async (t) => {
  const it = await testApp(t)
  silence(it)
  const at = Date.now() - 10 * MINUTE
  const bodies = ['101234567890123', '101234567890124', '101234567890125'].map((meta_lead_id) => {
    const { id } = it.hubspot.create({ type: 'contact', at, properties: { lifecyclestage: 'lead', meta_lead_id } })
    it.hubspot.change({ type: 'contact', id, at: at + MINUTE, properties: { lifecyclestage: 'marketingqualifiedlead' } })
    it.hubspot.change({ type: 'contact', id, at: at + 2 * MINUTE, properties: { lifecyclestage: 'customer' } })
    return ['lead', 'marketingqualifiedlead', 'customer'].map((stage, index) => stageEvent(id, stage, { occurredAt: at + index * MINUTE }))
  })
  const body = bodies.flat()
  await Promise.all([body, body.toReversed(), body, bodies.toReversed().flat(), body].map((events) => post(it.url, events)))
  await it.settled()
  const once = it.meta.summary().datasets[DATASET]
  t.match(once, { received: 9, distinct: 9, doubled: 0, outOfOrder: 0, counted: 9 })

  await it.restart()
  const reissued = body.map((event) => ({ ...event, eventId: 1, attemptNumber: 3 }))
  await Promise.all([body, reissued].map((events) => post(it.url, events)))
  await it.settled()
  t.equal(it.meta.summary().datasets[DATASET]?.received, 9)
  t.equal((await ledger(it.db)).filter(({ outcome }) => outcome === 'sent').length, 9)
})

t.test('stages of a lead that are shuffled in their batch go out in the order of their time', async (t) => {
  const it = await testApp(t, { hubspot: { seed: 7, webhooks: { shuffle: true, windowMs: 100, duplicateRate: 0.3, reissueRate: 0.2 } } })
  const at = Date.now() - 60 * MINUTE
  for (let lead = 0; lead < 20; lead++) {
    const { id } = it.hubspot.create({
      type: 'contact',
      at: at + lead,
      properties: { lifecyclestage: 'lead', meta_lead_id: `1012345678901${String(lead).padStart(2, '0')}` },
    })
    for (const [index, stage] of ['marketingqualifiedlead', 'salesqualifiedlead', 'opportunity', 'customer'].entries())
      it.hubspot.change({ type: 'contact', id, at: at + lead + (index + 1) * MINUTE, properties: { lifecyclestage: stage } })
  }
  await it.settled()
  t.match(it.meta.summary().datasets[DATASET], { received: 100, distinct: 100, doubled: 0, outOfOrder: 0, leads: 20 })
})

t.test('a stage that arrives after a later one was sent goes out unaltered and is marked late', async (t) => {
  const it = await testApp(t)
  silence(it)
  const at = Date.now() - 10 * MINUTE
  const { id } = it.hubspot.create({ type: 'contact', at, properties: { lifecyclestage: 'lead', meta_lead_id: '123456789012345' } })
  await post(it.url, [stageEvent(id, 'lead', { occurredAt: at })])
  await it.settled()
  await post(it.url, [stageEvent(id, 'opportunity', { occurredAt: at + 3 * MINUTE })])
  await it.settled()
  await post(it.url, [stageEvent(id, 'marketingqualifiedlead', { occurredAt: at + MINUTE + 999 })])
  await it.settled()
  const events = it.meta.events()
  t.strictSame(
    events.map(({ eventName, eventTime }) => [eventName, eventTime]),
    [
      ['Raw Lead', Math.floor(at / 1000)],
      ['Sales Opportunity', Math.floor((at + 3 * MINUTE) / 1000)],
      ['Marketing Qualified Lead', Math.floor((at + MINUTE + 999) / 1000)],
    ],
  )
  const lines = await ledger(it.db, id)
  t.strictSame(
    lines.filter(({ outcome }) => outcome === 'sent').map(({ stage, detail }) => [stage, detail.late]),
    [
      ['raw_lead', undefined],
      ['lifecyclestage//marketingqualifiedlead', true],
      ['lifecyclestage//opportunity', undefined],
    ],
  )
})

t.test('lead ids reach Meta digit by digit, as integers or, where set so, as strings', async (t) => {
  const ids = ['123456789012345', '1234567890123456', '9007199254740993', '12345678901234567', '99999999999999999']
  for (const leadIdEncoding of ['integer', 'string'] as const) {
    const it = await testApp(t, { rules: { leadIdEncoding } })
    for (const meta_lead_id of ids) it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'lead', meta_lead_id } })
    await it.settled()
    t.strictSame(
      it.meta
        .events()
        .map(({ leadId }) => leadId)
        .sort(),
      ids.toSorted(),
    )
    t.strictSame([...new Set(it.meta.events().map(({ leadIdForm }) => leadIdForm))], [leadIdEncoding])
  }
})

t.test('mixed portals in one body go each to its own dataset with its own token', async (t) => {
  const it = await testApp(t, { hubspot: { webhooks: { mixPortals: true, windowMs: 200 } } })
  const others = [2, 3, 4].map((n) => ({
    portal: PORTAL + n,
    dataset: `70000000000000${n}`,
    token: `EAAtesttoken000000000000000000000${n}`,
  }))
  for (const tenant of others) {
    it.meta.addDataset({ id: tenant.dataset, tokens: [tenant.token] })
    await it.addTenant(tenant)
  }
  const tenants = [{ portal: PORTAL, dataset: DATASET }, ...others]
  // The same ids of records everywhere, and one Meta lead id in two accounts.
  for (const { portal } of tenants)
    for (let n = 0; n < 5; n++)
      it.hubspot.create({
        portalId: portal,
        type: 'contact',
        properties: { email: 'same@example.com', lifecyclestage: 'lead', meta_lead_id: `${n === 0 ? PORTAL : portal}${100_000_000 + n}` },
      })
  await it.settled()
  t.equal(it.hubspot.attempts().length, 1, 'one body for all')
  for (const { portal, dataset } of tenants)
    t.strictSame(
      sent(it, dataset).sort(),
      [0, 1, 2, 3, 4].map((n) => ['Raw Lead', `${n === 0 ? PORTAL : portal}${100_000_000 + n}`]).sort(),
    )
  t.equal(new Set(it.meta.events().map(({ eventId }) => eventId)).size, 20)
})

t.test('first time only, backward moves and repeats', async (t) => {
  const at = Date.now() - 60 * MINUTE
  const walk = ['lead', 'marketingqualifiedlead', 'opportunity', 'marketingqualifiedlead', 'lead', 'opportunity', 'customer']
  const expected: [title: string, rules: { repeats?: boolean; backward?: boolean }, events: string[]][] = [
    ['by default each once and forward only', {}, ['Raw Lead', 'Marketing Qualified Lead', 'Sales Opportunity', 'Converted']],
    [
      'repeats, where set, unless they are backward',
      { repeats: true },
      ['Raw Lead', 'Marketing Qualified Lead', 'Sales Opportunity', 'Sales Opportunity', 'Converted'],
    ],
    [
      'repeats and backward moves, where both are set',
      { repeats: true, backward: true },
      [
        'Raw Lead',
        'Marketing Qualified Lead',
        'Sales Opportunity',
        'Marketing Qualified Lead',
        'Raw Lead',
        'Sales Opportunity',
        'Converted',
      ],
    ],
  ]
  for (const [title, rules, events] of expected)
    await t.test(title, async (t) => {
      const it = await testApp(t, { rules })
      silence(it)
      const { id } = it.hubspot.create({ type: 'contact', at, properties: { meta_lead_id: '123456789012345' } })
      for (const [index, stage] of walk.entries()) {
        await post(it.url, [stageEvent(id, stage, { occurredAt: at + index * MINUTE })])
        await it.settled()
      }
      t.strictSame(sentOf(it, '123456789012345'), events)
    })
  await t.test('a stage that was skipped and comes later but happened later is backward', async (t) => {
    const it = await testApp(t, { rules: { backward: false } })
    silence(it)
    const { id } = it.hubspot.create({ type: 'contact', at, properties: { meta_lead_id: '123456789012345' } })
    await post(it.url, [
      stageEvent(id, 'customer', { occurredAt: at + MINUTE }),
      stageEvent(id, 'opportunity', { occurredAt: at + 2 * MINUTE }),
    ])
    await it.settled()
    t.strictSame(await story(it.db, id), ['raw_lead sent', 'customer sent', 'opportunity suppressed moved_backward'])
  })
})

t.test('a stage that no longer exists, is off or negative is reported and sends nothing', async (t) => {
  const it = await testApp(t, {
    mapping: funnel(
      { source: 'hs_lead_status', stageId: 'OPEN', eventName: null },
      { source: 'hs_lead_status', stageId: 'UNQUALIFIED', eventName: 'Lost', negative: true },
    ),
  })
  const { id } = it.hubspot.create({ type: 'contact', properties: { meta_lead_id: '123456789012345' } })
  it.hubspot.change({ type: 'contact', id, properties: { lifecyclestage: 'gone-with-the-old-funnel' } })
  for (const hs_lead_status of ['OPEN', 'UNQUALIFIED']) it.hubspot.change({ type: 'contact', id, properties: { hs_lead_status } })
  await it.settled()
  t.strictSame((await story(it.db, id)).sort(), [
    'OPEN suppressed stage_off',
    'UNQUALIFIED suppressed stage_negative',
    'gone-with-the-old-funnel suppressed stage_unmapped',
    'raw_lead sent',
  ])
  t.strictSame(sent(it), [['Raw Lead', '123456789012345']])
})

t.test('the raw lead goes exactly once, in whatever order creation and stages come', async (t) => {
  const orders = [
    [['creation'], ['lead'], ['customer']],
    [['customer'], ['creation'], ['lead']],
    [['lead', 'customer'], ['creation']],
    [['customer', 'lead', 'creation']],
    [['creation'], ['customer'], ['lead'], ['creation']],
  ]
  const it = await testApp(t, { mapping: { ...funnel(), rawLead: { enabled: true, eventName: 'Fresh Lead' } } })
  silence(it)
  const at = Date.now() - 30 * MINUTE
  for (const [index, runs] of orders.entries()) {
    const meta_lead_id = `12345678901234${index}`
    const { id } = it.hubspot.create({ type: 'contact', at, properties: { meta_lead_id } })
    for (const run of runs) {
      const events = run.map((kind) =>
        kind === 'creation'
          ? stageEvent(id, '', { subscriptionType: 'object.creation', propertyName: undefined, propertyValue: undefined, occurredAt: at })
          : stageEvent(id, kind, { occurredAt: at + (kind === 'lead' ? 1 : 2) * MINUTE }),
      )
      await post(it.url, events)
      await it.settled()
    }
    t.strictSame(sentOf(it, meta_lead_id).sort(), ['Converted', 'Fresh Lead', 'Raw Lead'], JSON.stringify(runs))
    t.equal(
      it.meta.events().find(({ leadId, eventName }) => leadId === meta_lead_id && eventName === 'Fresh Lead')?.eventTime,
      Math.floor(at / 1000),
    )
  }
})

t.test('a connection without a route keeps its changes until it has one', async (t) => {
  const it = await testApp(t)
  await it.db.deleteFrom('route').execute()
  const { id } = it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'customer', meta_lead_id: '123456789012345' } })
  await it.hubspot.idle()
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.strictSame(await story(it.db, id), [])
  await it.db.insertInto('route').values({ connection_id: it.connectionId, dataset_id: it.datasetId }).execute()
  await it.settled()
  t.strictSame(sentOf(it, '123456789012345'), ['Raw Lead', 'Converted'])
})

t.test('filters of a route leave out other pipelines and kinds of record, and say so', async (t) => {
  const it = await testApp(t, { mapping: funnel({ source: 'dealstage', stageId: 'closedwon', eventName: 'Deal Won' }) })
  await it.db
    .updateTable('route')
    .set({ filter: JSON.stringify({ recordTypes: ['deal'], pipelineIds: ['default'] }) })
    .execute()
  const contact = it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'customer', meta_lead_id: '123456789012345' } }).id
  const { id } = it.hubspot.create({ type: 'deal', properties: { dealstage: 'closedwon' } })
  it.hubspot.associate({ from: { type: 'deal', id }, to: { type: 'contact', id: contact } })
  await it.settled()
  t.ok((await story(it.db, contact)).includes('customer suppressed route_filtered'))
  t.ok((await story(it.db, id)).includes('closedwon sent'))
})

t.test('skipped stages are filled where the rules say so, with the time of the later one', async (t) => {
  const it = await testApp(t, { rules: { fillSkipped: true } })
  silence(it)
  const at = Date.now() - 10 * MINUTE
  const { id } = it.hubspot.create({ type: 'contact', at, properties: { meta_lead_id: '123456789012345' } })
  await post(it.url, [stageEvent(id, 'opportunity', { occurredAt: at + MINUTE })])
  await it.settled()
  await post(it.url, [stageEvent(id, 'customer', { occurredAt: at + 2 * MINUTE })])
  await it.settled()
  t.strictSame(
    it.meta.events().map(({ eventName, eventTime }) => [eventName, eventTime - Math.floor(at / 1000)]),
    [
      ['Raw Lead', 0],
      ['Marketing Qualified Lead', 60],
      ['Sales Qualified Lead', 60],
      ['Sales Opportunity', 60],
      ['Converted', 120],
    ],
  )
})
