import t from 'tap'
import { DATASET, PORTAL, TOKEN, testApp, until } from '../../support/app.ts'
import { funnel } from '../../support/funnel.ts'
import { count } from '../../support/look.ts'
import { envOf, run } from './run.ts'

const LEAD_ID = '12345678901234567'

t.test('the story of a record is told from its change to Meta’s answer, and a refused event can be retried', async (t) => {
  const it = await testApp(t)
  const env = envOf(it)
  const json = async (...args: string[]) => {
    const { code, stdout, stderr } = await run([...args, '--json'], { env })
    t.same([code, stderr], [0, ''], args.join(' '))
    return JSON.parse(stdout)
  }
  const fails = async (words: RegExp, ...args: string[]) => t.match(await run(args, { env }), { code: 1, stdout: '', stderr: words })
  const contact = (properties: Record<string, string>) => it.hubspot.create({ portalId: PORTAL, type: 'contact', properties })
  const change = (id: string, lifecyclestage: string) =>
    it.hubspot.change({ portalId: PORTAL, type: 'contact', id, properties: { lifecyclestage } })

  const { id: known } = contact({ meta_lead_id: LEAD_ID, email: 'anna@example.com', phone: '12', lifecyclestage: 'lead' })
  await it.settled()
  it.meta.poison({ eventName: 'Sales Qualified Lead', code: 100, subcode: 2804050, title: 'Not enough customer data' })
  change(known, 'marketingqualifiedlead')
  await it.settled()
  change(known, 'salesqualifiedlead')
  await it.settled()
  change(known, 'subscriber')
  const { id: stranger } = contact({ email: 'stranger@example.com', lifecyclestage: 'lead' })
  await it.settled()

  const story = await json('record', 'show', `contact/${known}`)
  t.match(story, {
    record: { type: 'contact', id: known, connectionId: it.connectionId, state: 'live', url: /app.hubspot.com/ },
    lead: { metaLeadId: LEAD_ID, identified: { by: 'lead_id', text: /carries the Meta lead id/ } },
    notes: [{ field: 'ph', text: /left out/ }],
  })
  const entry = (eventName: string) => story.entries.find((one: { eventName: string }) => one.eventName === eventName)
  t.match(entry('Marketing Qualified Lead'), {
    stage: { source: 'lifecyclestage', stageId: 'marketingqualifiedlead' },
    datasetId: DATASET,
    outcome: 'sent',
    mappingVersion: 1,
    origin: 'push',
    keys: ['em', 'lead_id'],
    notes: [{ field: 'ph', code: 'phone_no_country' }],
    meta: { fbtraceId: /./ },
  })
  const refused = entry('Sales Qualified Lead')
  t.match(refused, {
    outcome: 'rejected',
    reason: 'rejected_by_meta',
    text: /Not enough customer data/,
    meta: { code: 100, subcode: 2804050 },
  })
  t.match(
    story.entries.find(({ stage }: { stage: { stageId: string } | null }) => stage?.stageId === 'subscriber'),
    { eventName: null, outcome: 'suppressed', reason: 'stage_unmapped', text: /subscriber/ },
  )
  const told = await run(['record', 'show', `contact/${known}`], { env })
  t.match(told.stdout, /found how: +The record carries the Meta lead id/)
  t.match(told.stdout, /outcome: +rejected .*Not enough customer data/)
  t.match(told.stdout, /Meta said: +took it/)
  t.notMatch(told.stdout, /anna@example.com/)
  t.match(await json('record', 'show', `contact/${stranger}`), {
    lead: null,
    entries: [{ outcome: 'waiting', reason: 'waiting_for_lead', text: /looked up again for seven days/ }],
  })

  t.match(await json('record', 'list', '--outcome', 'rejected'), { records: [{ record: { id: known }, eventId: refused.eventId }] })
  t.equal((await json('record', 'list', '--reason', 'stage_unmapped')).records.length, 1)
  t.equal((await json('record', 'list', '--since', '2099-01-01')).records.length, 0)
  const all = (await json('record', 'list')).records.map(({ eventId }: { eventId: string }) => eventId)
  const paged: string[] = []
  for (let next: string | undefined = 'begin'; next !== undefined; ) {
    const page: { records: { eventId: string }[]; next?: string } = await json(
      ...['record', 'list', '--limit', '2'],
      ...(next === 'begin' ? [] : ['--after', next]),
    )
    t.ok(page.records.length <= 2)
    paged.push(...page.records.map(({ eventId }) => eventId))
    next = page.next
  }
  t.equal(all.length, 6)
  t.same(paged, all, 'pages hold every line once, in order')

  await fails(/never sent twice/, 'record', 'retry', `contact/${known}`, '--event', entry('Marketing Qualified Lead').eventId)
  await fails(/no event 0123/, 'record', 'retry', `contact/${known}`, '--event', '0123')
  await fails(/No change of the record contact\/1 /, 'record', 'retry', 'contact/1')
  await fails(/Name the record/, 'record', 'retry')
  await fails(/not one that a list has named/, 'record', 'list', '--after', 'x')

  const sentBefore = it.meta.events().length
  it.meta.behave()
  t.match(await json('record', 'retry', `contact/${known}`, '--event', refused.eventId), { retried: 1 })
  await until(async () => it.meta.events().length > sentBefore)
  await it.settled()
  t.same(
    it.meta.events({ from: sentBefore }).map(({ eventId }) => eventId),
    [refused.eventId],
    'only the refused event went, with the id it always had',
  )
  const after = await json('record', 'show', `contact/${known}`)
  t.match(
    after.entries.find(({ eventId }: { eventId: string }) => eventId === refused.eventId),
    { outcome: 'sent' },
  )

  // What was not to be sent (a stage that is not mapped, one reached before) is judged anew, and stays unsent for the same reason.
  const suppressed = async () =>
    (await json('record', 'list', '--outcome', 'suppressed')).records.map(({ reason }: { reason: string }) => reason)
  const reasons = await suppressed()
  t.equal(reasons.length, 2)
  t.match(await json('record', 'retry', `contact/${known}`), { retried: 2 })
  await until(async () => (await suppressed()).length === 2)
  t.same(await suppressed(), reasons)
  t.equal(it.meta.events().length, sentBefore + 1)
})

t.test('an event that a held dataset keeps says what it waits for, and goes when the dataset is resumed', async (t) => {
  const it = await testApp(t)
  const env = envOf(it)
  it.meta.breakToken({ token: TOKEN, subcode: 463 })
  const properties = { meta_lead_id: LEAD_ID, lifecyclestage: 'lead' }
  const { id } = it.hubspot.create({ portalId: PORTAL, type: 'contact', properties })
  await until(async () => (await it.db.selectFrom('dataset').select('state').executeTakeFirst())?.state === 'held')
  const show = async () => (await run(['record', 'show', `contact/${id}`], { env })).stdout
  t.match(await show(), /outcome: +on its way\. .*access token/)
  t.match(await run(['dataset', 'list'], { env }), { code: 0, stdout: /held +1 .*access token/ })
  const { records } = JSON.parse((await run(['record', 'list', '--outcome', 'pending', '--json'], { env })).stdout)
  const refused = await run(['record', 'retry', `contact/${id}`, '--event', records[0].eventId], { env })
  t.match(refused, { code: 1, stderr: /on its way already/ })

  it.meta.behave()
  t.match(await run(['dataset', 'resume', DATASET], { env }), { code: 0, stdout: /sends again/ })
  await until(async () => (await count(it.db, 'outbox')) === 0)
  t.equal(it.meta.events().length, 1)
  t.match(await show(), /outcome: +sent /)
  t.equal(await it.db.selectFrom('notice').select('id').where('closed_at', 'is', null).executeTakeFirst(), undefined)
})

t.test('a preview with the settings of a connection is the event that the server sends', async (t) => {
  const won = { source: 'dealstage', pipelineId: 'default', stageId: 'closedwon', eventName: 'Won', sendAmount: true }
  const it = await testApp(t, { mapping: funnel(won) })
  const contact = it.hubspot.create({ type: 'contact', properties: { meta_lead_id: LEAD_ID, email: 'anna@example.com' } })
  const deal = it.hubspot.create({ type: 'deal', properties: { pipeline: 'default', amount: '12.5', deal_currency_code: 'EUR' } })
  it.hubspot.associate({ from: { type: 'deal', id: deal.id }, to: { type: 'contact', id: contact.id } })
  it.hubspot.change({ type: 'deal', id: deal.id, properties: { dealstage: 'closedwon' } })
  await it.settled()
  const sent = it.meta.events().find(({ eventName }) => eventName === 'Won')
  const [entry] = await it.db.selectFrom('ledger').select('occurred_at').where('event_name', '=', 'Won').execute()
  const record = {
    ...{ crm: 'hubspot', account: String(PORTAL), recordType: 'deal', recordId: deal.id },
    stage: { source: 'dealstage', pipelineId: 'default', id: 'closedwon' },
    occurredAt: entry?.occurred_at.getTime(),
    identity: { metaLeadId: LEAD_ID, emails: ['anna@example.com'] },
    amount: { value: 12.5, currency: 'EUR' },
  }
  const { stdout } = await run(['preview', '--connection', String(it.connectionId)], { env: envOf(it), input: JSON.stringify(record) })
  const digits = (text: string) => JSON.parse(text.replace(/"lead_id":(\d+)/, '"lead_id":"$1"'))
  t.same(digits(stdout).event, digits(JSON.stringify(sent?.body)))
})
