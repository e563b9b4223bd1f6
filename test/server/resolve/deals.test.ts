/** Deals and lead objects lead to their contact, and so to the Meta lead. */
import t from 'tap'
import { testApp, until } from '../../support/app.ts'
import { funnel } from '../../support/funnel.ts'
import { hurry, ledger, story } from '../../support/look.ts'
import { sent, sentOf } from './sharing.ts'

const deal = (stageId: string, eventName: string, more: { sendAmount?: boolean; pipelineId?: string } = {}) => ({
  source: 'dealstage',
  pipelineId: 'default',
  stageId,
  eventName,
  ...more,
})

const mapping = funnel(deal('qualifiedtobuy', 'Qualified To Buy'), deal('closedwon', 'Deal Won', { sendAmount: true }), {
  source: 'hs_pipeline_stage',
  pipelineId: 'lead-pipeline-id',
  stageId: 'connected-stage-id',
  eventName: 'Connected',
})
const body = (event: { body: Record<string, unknown> } | undefined) => event?.body.custom_data

t.test('deal stages are the contact’s, with amount and currency where the stage asks for them', async (t) => {
  const it = await testApp(t, { mapping })
  const contact = it.hubspot.create({ type: 'contact', properties: { meta_lead_id: '123456789012345' } }).id
  const { id } = it.hubspot.create({ type: 'deal', properties: { amount: '1234.50', deal_currency_code: 'EUR' } })
  it.hubspot.associate({ from: { type: 'deal', id }, to: { type: 'contact', id: contact } })
  await it.settled()
  it.hubspot.change({ type: 'deal', id, properties: { dealstage: 'qualifiedtobuy' } })
  await it.settled()
  it.hubspot.change({ type: 'deal', id, properties: { dealstage: 'closedwon' } })
  await it.settled()
  t.strictSame(sentOf(it, '123456789012345'), ['Raw Lead', 'Qualified To Buy', 'Deal Won'])
  const [, qualified, won] = it.meta.events()
  t.strictSame(body(qualified), { event_source: 'crm', lead_event_source: 'HubSpot' })
  t.match(body(won), { value: 1234.5, currency: 'EUR' })
  t.match(await story(it.db, id), ['appointmentscheduled suppressed stage_unmapped', 'qualifiedtobuy sent', 'closedwon sent'])
})

t.test('a deal without a currency takes the account’s, one without an amount goes without', async (t) => {
  const it = await testApp(t, { mapping })
  for (const [meta_lead_id, properties] of Object.entries({ '111111111111111': { amount: '99' }, '222222222222222': { amount: '' } })) {
    const contact = it.hubspot.create({ type: 'contact', properties: { meta_lead_id } }).id
    const { id } = it.hubspot.create({ type: 'deal', properties })
    it.hubspot.associate({ from: { type: 'deal', id }, to: { type: 'contact', id: contact } })
    it.hubspot.change({ type: 'deal', id, properties: { dealstage: 'closedwon' } })
  }
  await it.settled()
  const won = (leadId: string) => it.meta.events().find((event) => event.leadId === leadId && event.eventName === 'Deal Won')
  t.match(body(won('111111111111111')), { value: 99, currency: 'USD' })
  t.strictSame(body(won('222222222222222')), { event_source: 'crm', lead_event_source: 'HubSpot' })
  t.equal(it.meta.requests().filter(({ outcome }) => outcome !== 'accepted').length, 0)
})

t.test('a deal whose contact gets its lead id later goes out then, amount and times unaltered', async (t) => {
  const it = await testApp(t, { mapping })
  const at = Date.now() - 86_400_000
  const contact = it.hubspot.create({ type: 'contact', at, properties: { email: 'a@example.com' } }).id
  const { id } = it.hubspot.create({ type: 'deal', at, properties: { amount: '10', deal_currency_code: 'EUR' } })
  it.hubspot.associate({ from: { type: 'deal', id }, to: { type: 'contact', id: contact } })
  it.hubspot.change({ type: 'deal', id, at: at + 1000, properties: { dealstage: 'closedwon' } })
  await it.settled()
  t.ok((await story(it.db, id)).includes('closedwon waiting waiting_for_lead'))
  it.hubspot.change({ type: 'contact', id: contact, properties: { meta_lead_id: '123456789012345' } })
  await it.settled()
  t.strictSame(sentOf(it, '123456789012345'), ['Raw Lead', 'Deal Won'])
  const event = it.meta.events().at(-1)
  t.equal(event?.eventTime, Math.floor((at + 1000) / 1000))
  t.match(body(event), { value: 10, currency: 'EUR' })
})

t.test('a deal that gets its contact later is found by looking again', async (t) => {
  const it = await testApp(t, { mapping })
  const { id } = it.hubspot.create({ type: 'deal', properties: { dealstage: 'closedwon' } })
  await it.settled()
  t.strictSame(await story(it.db, id), ['closedwon waiting waiting_for_lead'])
  it.hubspot.webhooks({ subscriptions: {} })
  const contact = it.hubspot.create({ type: 'contact', properties: { meta_lead_id: '123456789012345' } }).id
  it.hubspot.associate({ from: { type: 'deal', id }, to: { type: 'contact', id: contact } })
  await hurry(it.db)
  await until(() => sent(it).length === 2)
  t.strictSame(sentOf(it, '123456789012345').sort(), ['Deal Won', 'Raw Lead'])
})

t.test('of several contacts the primary one or the one with a lead id is meant; else nobody is guessed', async (t) => {
  const it = await testApp(t, { mapping })
  const contacts = ['111111111111111', '222222222222222', ''].map(
    (meta_lead_id) => it.hubspot.create({ type: 'contact', properties: { meta_lead_id } }).id,
  )
  const [first, second, nameless] = contacts as [string, string, string]
  const close = async (links: [contact: string, primary: boolean][]) => {
    const { id } = it.hubspot.create({ type: 'deal' })
    for (const [contact, primary] of links)
      it.hubspot.associate({ from: { type: 'deal', id }, to: { type: 'contact', id: contact }, primary })
    it.hubspot.change({ type: 'deal', id, properties: { dealstage: 'closedwon' } })
    await it.settled()
    return id
  }
  await close([
    [nameless, false],
    [first, false],
  ])
  t.strictSame(sentOf(it, '111111111111111'), ['Raw Lead', 'Deal Won'])
  await close([
    [first, false],
    [second, true],
  ])
  t.strictSame(sentOf(it, '222222222222222'), ['Raw Lead', 'Deal Won'])
  const unclear = await close([
    [first, false],
    [second, false],
  ])
  t.ok((await story(it.db, unclear)).includes('closedwon waiting ambiguous_lead'))
  t.equal(sent(it).filter(([name]) => name === 'Deal Won').length, 2)
})

t.test('a deal stage of another pipeline is another stage', async (t) => {
  const it = await testApp(t, { mapping })
  it.hubspot.setPipelines({
    type: 'deal',
    pipelines: ['default', 'renewals'].map((id) => ({
      id,
      label: id,
      displayOrder: 0,
      archived: false,
      stages: ['open', 'closedwon'].map((stage, displayOrder) => ({
        id: stage,
        label: stage,
        displayOrder,
        archived: false,
        writePermissions: 'CRM_PERMISSIONS_ENFORCEMENT',
        metadata: {},
      })),
    })),
  })
  const contact = it.hubspot.create({ type: 'contact', properties: { meta_lead_id: '123456789012345' } }).id
  const { id } = it.hubspot.create({ type: 'deal', properties: { pipeline: 'renewals', dealstage: 'closedwon' } })
  it.hubspot.associate({ from: { type: 'deal', id }, to: { type: 'contact', id: contact } })
  await it.settled()
  const lines = await ledger(it.db, id)
  t.strictSame(
    lines.map(({ stage, reason }) => [stage, reason]),
    [['dealstage/renewals/closedwon', 'stage_unmapped']],
  )
})

t.test('stages of the lead object count where its scope was granted', async (t) => {
  const it = await testApp(t, { mapping })
  const contact = it.hubspot.create({ type: 'contact', properties: { meta_lead_id: '123456789012345' } }).id
  const { id } = it.hubspot.create({ type: 'lead' })
  it.hubspot.associate({ from: { type: 'lead', id }, to: { type: 'contact', id: contact }, primary: true })
  await it.settled()
  it.hubspot.change({ type: 'lead', id, properties: { hs_pipeline_stage: 'connected-stage-id' } })
  await it.settled()
  t.strictSame(sentOf(it, '123456789012345'), ['Raw Lead', 'Connected'])
})

t.test('a deal of an erased contact sends nothing', async (t) => {
  const it = await testApp(t, { mapping })
  const contact = it.hubspot.create({ type: 'contact', properties: { meta_lead_id: '123456789012345' } }).id
  const { id } = it.hubspot.create({ type: 'deal' })
  it.hubspot.associate({ from: { type: 'deal', id }, to: { type: 'contact', id: contact } })
  it.hubspot.change({ type: 'deal', id, properties: { dealstage: 'qualifiedtobuy' } })
  await it.settled()
  const before = sent(it).length
  it.hubspot.erase({ type: 'contact', id: contact })
  await it.settled()
  it.hubspot.change({ type: 'deal', id, properties: { dealstage: 'closedwon' } })
  await it.settled()
  t.equal(sent(it).length, before)
  t.ok((await story(it.db, id)).some((line) => line.startsWith('closedwon') && !line.endsWith('sent')))
})
