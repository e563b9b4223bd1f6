/** What people see and do inside HubSpot, against the real server. */
import t, { type Test } from 'tap'
import { DATASET, PORTAL, TOKEN, testApp, until } from '../support/app.ts'
import { manyMissing } from '../support/many-missing.ts'
import { connectPage, longAgo, pagesEnv } from '../support/page.ts'
import { byHubspot } from '../support/settings-page.ts'
import { type Shown, show } from './hubspot/extension.ts'

const LEAD_ID = '12345678901234567'

/** A portal in which two people became customers, of whom one has no lead id. */
async function busy(t: Test) {
  const it = await testApp(t)
  const contacts = [LEAD_ID, undefined].map((meta_lead_id, n) => {
    const properties = { email: `person${n}@example.com`, ...(meta_lead_id && { meta_lead_id }) }
    return it.hubspot.create({ portalId: PORTAL, type: 'contact', properties }).id
  })
  await it.settled()
  for (const id of contacts) it.hubspot.change({ portalId: PORTAL, type: 'contact', id, properties: { lifecyclestage: 'customer' } })
  await it.settled()
  await until(() => it.meta.events({ dataset: DATASET }).length === 2)
  return { it, contacts }
}

/** A surface has one primary button at most (HubSpot, listing requirements). */
const onePrimary = (t: Test, shown: Shown) => t.ok(shown.all('Button').filter(({ props }) => props.variant === 'primary').length <= 1)

t.test('the card tells the story of a contact, and tries again what did not go', async (t) => {
  const { it, contacts } = await busy(t)
  const sent = await show(t, it, 'cards', { objectId: Number(contacts[0]) })
  await sent.says('Converted', 'Raw Lead', 'Sent to Meta', 'Sent with: Meta lead id, e-mail', LEAD_ID)
  t.notMatch(sent.text(), /Try again/)
  onePrimary(t, sent)

  const waiting = await show(t, it, 'cards', { objectId: Number(contacts[1]) })
  await waiting.says('No Meta lead is known for this record', 'Waiting')
  await waiting.press('Try again')
  await until(() => waiting.alerts().length === 1)

  const unknown = await show(t, it, 'cards', { objectId: 999_999 })
  await unknown.says('Nothing is known of this contact yet')
})

t.test('the page says how it goes, and leads from a reason to the story of a record', async (t) => {
  const { it, contacts } = await busy(t)
  const page = await show(t, it, 'pages')
  await page.says(/reported to Meta/, 'Nothing needs your attention.', 'The last 28 days', 'The way to day 60')
  onePrimary(t, page)
  await page.press('See why')
  await page.says('What became of the last 28 days', 'Waiting', /No Meta lead is known/)
  await page.press(`contact ${contacts[0]}`)
  await page.says('Converted', LEAD_ID)
  await page.press('Back')
  await page.enter('outcome', 'waiting')
  await until(() => !page.all('Button').some(({ text }) => text === `contact ${contacts[0]}`))
  await page.press('Begin the dry run')
  await page.press('See how far it is')
  onePrimary(t, page)
})

t.test('leads that never reached the CRM are listed with their forms, and missed as late as somebody likes', async (t) => {
  const it = await testApp(t, { env: pagesEnv() })
  const facebook = await connectPage(t, it)
  const id = facebook.submit({ email: 'ana@example.com', at: Math.floor(Date.now() / 1000) * 1000 - 3 * 3_600_000 })
  await until(async () => (await it.db.selectFrom('lead').selectAll().where('captured_at', 'is not', null).execute()).length === 1)
  await longAgo(it)
  const page = await show(t, it, 'pages')
  await page.open('activity')
  await page.says('1 lead is missing', 'Ask for an offer', id)
  await page.enter('afterMinutes', 240)
  await page.submit('afterMinutes')
  await page.says('None: every lead that Meta told of is there.')
  onePrimary(t, page)
})

t.test('more leads than fit a page are looked at page by page, and counted together', async (t) => {
  const it = await testApp(t, { env: pagesEnv() })
  const { connectionId } = await connectPage(t, it)
  await longAgo(it)
  const ids = await manyMissing(it, connectionId, { count: 60 })
  const [first, last] = [ids[0] as string, ids.at(-1) as string]
  const page = await show(t, it, 'pages')
  await page.open('activity')
  await page.says('60 leads are missing', first)
  await page.press('Show more')
  await page.says('60 leads are missing', ids[25] as string)
  t.notMatch(page.text(), first)
  await page.press('Show more')
  await page.says(last)
  t.equal(page.all('Button').filter(({ text }) => text === 'Show more').length, 0)
  await page.press('Back')
  await page.press('Back')
  await page.says(first)
  await page.press('Show more')
  await page.press('Show more')
  await page.says(last)
  await page.enter('afterMinutes', 4_320)
  await page.submit('afterMinutes')
  await page.says('None of the older ones is missing any more.')
  await page.press('Back')
  await page.press('Back')
  await page.says('None: every lead that Meta told of is there.')
})

t.test('what needs attention has the button that fixes it', async (t) => {
  const { it } = await busy(t)
  const notice = { workspace_id: it.workspaceId, text: 'Something happened.' }
  await it.db
    .insertInto('notice')
    .values([
      { ...notice, subject: `dataset:${it.datasetId}`, code: 'unknown_error' },
      { ...notice, subject: `connection:${it.connectionId}`, code: 'reconnect' },
    ])
    .execute()
  const page = await show(t, it, 'pages')
  await page.press('Try again')
  await until(() => page.alerts().length === 1)
  await page.press('Reconnect')
  await until(() => page.all('Link').length === 1)
  t.match(page.all('Link')[0]?.props.href, { url: /\/connect\/[\w-]+\/start$/, external: true })
})

/** Of the input for the name of a lifecycle stage. */
const nameOf = (stage: string) => JSON.stringify(['lifecyclestage', '', stage])

t.test('stages are put in order by buttons, named and saved; a name that Meta learned changes after a warning', async (t) => {
  const { it } = await busy(t)
  const page = await show(t, it, 'settings')
  await page.open('stages')
  await page.says('Reported to Meta, in funnel order')
  const order = () => page.all('Input').map(({ props }) => props.value)
  const before = order()
  t.equal(before.at(-1), 'Converted')
  await page.press('Move customer up')
  t.strictSame(order().slice(-2), ['Converted', before.at(-2)])
  onePrimary(t, page)
  await page.press('Save')
  await until(() => page.alerts().length === 1)
  const saved = await byHubspot(it)('GET', '/stages')
  t.match(
    (saved.body.data as unknown as { stages: { eventName: string }[] }).stages
      .map(({ eventName }) => eventName)
      .filter(Boolean)
      .at(-2),
    'Converted',
  )

  await page.enter(nameOf('customer'), 'Bought')
  await page.press('Save')
  await page.says('Meta has learned from these names')
  await page.press('Change them all the same')
  await until(() => page.alerts().length === 2)
  await until(() => order().includes('Bought'))
  await page.enter(nameOf('customer'), '')
  await page.says('Give it a name')
  t.equal(page.all('Button').find(({ text }) => text === 'Save')?.props.disabled, true)
})

t.test('two admins at once are told, and nothing is overwritten', async (t) => {
  const { it } = await busy(t)
  const page = await show(t, it, 'settings')
  await page.open('stages')
  await page.press('Do not report customer')
  it.hubspot.setUser({ portalId: PORTAL, userId: '707', superAdmin: true })
  const other = byHubspot(it, { userId: '707' })
  const { version, rawLead } = (await other('GET', '/stages')).body.data as unknown as { version: string; rawLead: object }
  t.match(await other('PUT', '/mapping', { version, mapping: { rawLead, stages: [] }, confirmed: true }), { body: { ok: true } })
  await page.press('Save')
  await page.says(/Changed by HubSpot user 707/, 'They changed:', 'Nothing of it contradicts what you changed.')
  await page.press('Show what is there now')
  await page.says('No stage is reported yet')
})

t.test(
  'the changes of two admins go together, and where they contradict somebody chooses; a former version can be taken back',
  async (t) => {
    const { it } = await busy(t)
    const page = await show(t, it, 'settings')
    await page.open('stages')
    await page.enter(nameOf('opportunity'), 'Deal')
    it.hubspot.setUser({ portalId: PORTAL, userId: '707', superAdmin: true })
    const ben = byHubspot(it, { userId: '707' })
    interface Saved {
      version: string
      rawLead: object
      stages: { stageId: string; eventName: string | null; state?: string }[]
    }
    const read = async () => (await ben('GET', '/stages')).body.data as unknown as Saved
    const { version, rawLead, stages } = await read()
    const names: Record<string, string | null> = { opportunity: 'Offer', customer: null }
    const theirs = stages.map(({ state: _, ...stage }) => ({
      ...stage,
      ...(stage.stageId in names && { eventName: names[stage.stageId] }),
    }))
    t.match(await ben('PUT', '/mapping', { version, mapping: { rawLead, stages: theirs }, confirmed: true }), { body: { ok: true } })

    await page.press('Save')
    await page.says('They changed:', 'customer: “Converted” → Not reported', 'Both of you changed the following.')
    onePrimary(t, page)
    await page.enter('conflict/opportunity', 'mine')
    await page.press('Save both together')
    await until(() => page.alerts().length === 1)
    const saved = (await read()).stages.map(({ stageId, eventName }) => [stageId, eventName])
    t.strictSame(saved.slice(-2), [
      ['opportunity', 'Deal'],
      ['customer', null],
    ])

    await page.says(`Version ${Number(version) + 2} by you on`, `Version ${Number(version) + 1} by HubSpot user 707 on`)
    await page.press(`Go back to version ${version}`)
    await page.press('Save')
    await until(() => page.alerts().length === 2)
    t.match((await read()).stages.at(-1), { eventName: 'Converted' })
  },
)

t.test('which leads count is shown with real numbers, and saved', async (t) => {
  const { it } = await busy(t)
  const page = await show(t, it, 'settings')
  await page.open('leads')
  await page.says('Of the latest 2 people, 1 would count.')
  await page.enter('whichLeads', 'anyone')
  await page.says('Of the latest 2 people, 2 would count.', /Meta advises against it/)
  onePrimary(t, page)
  await page.submit()
  await until(() => page.alerts().length === 1)
  t.match(await byHubspot(it)('GET', '/rules'), { body: { data: { rules: { whichLeads: 'anyone' } } } })
})

t.test('several rules say at once which leads count, with real numbers before they are saved; each can be taken out', async (t) => {
  const { it } = await busy(t)
  const page = await show(t, it, 'settings')
  await page.open('leads')
  await page.says('Of the latest 2 people, 1 would count.', 'No rule yet.')
  const rule = async (list: string, field: string, how: string, value: string, add: string) => {
    await page.enter(`${list}/field`, field)
    await page.enter(`${list}/how`, how)
    await page.enter(`${list}/value`, value)
    await page.press(add)
  }
  await rule('confirmedSources', 'email', 'startsWith', 'person', 'Add a rule: Sources that are Meta’s forms')
  await page.says('Of the latest 2 people, 2 would count.')
  await rule('confirmedSources', 'hs_lead_status', 'equals', 'NEW', 'Add a rule: Sources that are Meta’s forms')
  await rule('consent', 'email', 'startsWith', 'person1', 'Add a rule: Consent')
  await rule('optOut', 'email', 'equals', 'nobody@example.com', 'Add a rule: Opt-out')
  await page.enter('repeats', true)
  await page.enter('defaultCountry', 'de')
  onePrimary(t, page)
  await page.submit()
  await until(() => page.alerts().length === 1)
  const rules = async () => (await byHubspot(it)('GET', '/rules')).body.data as unknown as { rules: Record<string, unknown> }
  t.match(await rules(), {
    rules: {
      confirmedSources: [
        { field: 'email', startsWith: 'person' },
        { field: 'hs_lead_status', equals: 'NEW' },
      ],
      consent: [{ field: 'email', startsWith: 'person1' }],
      optOut: [{ field: 'email', equals: 'nobody@example.com' }],
      repeats: true,
      defaultCountry: 'DE',
    },
  })
  await page.press(/^Take out: .* begins with “person”$/)
  await page.enter('defaultCountry', '')
  await page.submit()
  await until(() => page.alerts().length === 2)
  const saved = (await rules()).rules
  t.strictSame(saved.confirmedSources, [{ field: 'hs_lead_status', equals: 'NEW' }])
  t.notOk('defaultCountry' in saved)
})

t.test('stages that mean lost are put in order, and taken back', async (t) => {
  const { it } = await busy(t)
  const page = await show(t, it, 'settings')
  await page.open('stages')
  for (const stage of ['closedlost', 'subscriber', 'evangelist']) await page.press(`${stage} means lost`)
  await page.says('Lost and disqualified (3)')
  await page.press('Move evangelist up')
  await page.press('subscriber is not lost')
  await page.says('Lost and disqualified (2)', 'Report subscriber')
  onePrimary(t, page)
  await page.press('Save')
  await until(() => page.alerts().length === 1)
  const { stages } = (await byHubspot(it)('GET', '/stages')).body.data as unknown as { stages: { stageId: string; negative: boolean }[] }
  t.strictSame(
    stages.flatMap(({ stageId, negative }) => (negative ? [stageId] : [])),
    ['closedlost', 'evangelist'],
  )
})

t.test('who is told is a list of addresses and webhooks, and the digest has a time of its own', async (t) => {
  const { it } = await busy(t)
  const page = await show(t, it, 'settings')
  await page.open('connection')
  await page.says('Nobody yet.')
  await page.enter('to', 'nobody')
  await page.says('An e-mail address, or a URL that begins with https://')
  await page.enter('to', 'ana@example.com')
  await page.enter('digestToo', false)
  await page.submit('to')
  await page.says('ana@example.com')
  await page.enter('to', 'https://hooks.example.com/T0/secret-path')
  await page.submit('to')
  await page.says('https://hooks.example.com', 'The webhook’s secret, shown this once')
  t.notMatch(page.text(), /secret-path/, 'an address that is a secret itself is not shown again')
  const told = async () => (await byHubspot(it)('GET', '/recipients')).body.data as unknown as { kind: string; digest: boolean }[]
  t.match(await told(), [{ kind: 'email', digest: false }, { kind: 'webhook' }])
  await page.press('Send a test')
  await page.says('That did not work', /SMTP/)
  await page.press('Take out')
  await until(async () => (await told()).length === 1)

  await page.enter('weekday', 5)
  await page.enter('hour', 16)
  await page.enter('timeZone', 'Europe/Berlin')
  it.hubspot.setUser({ portalId: PORTAL, userId: '707', superAdmin: true })
  const ben = byHubspot(it, { userId: '707' })
  const digest = async () => (await ben('GET', '/digest')).body.data as unknown as { version: string }
  t.match(await ben('PUT', '/digest', { version: (await digest()).version, weekday: 2, enabled: true }), { body: { ok: true } })
  await page.submit('weekday')
  await page.says(/Changed by HubSpot user 707/)
  onePrimary(t, page)
  await page.press('Save mine all the same')
  await until(async () => 'hour' in (await digest()) && ((await digest()) as unknown as { hour: number }).hour === 16)
  t.match(await digest(), { enabled: true, weekday: 5, hour: 16, timeZone: 'Europe/Berlin' })
})

t.test('a dataset gets all changes, or those of some kinds of records and pipelines', async (t) => {
  const { it } = await busy(t)
  const page = await show(t, it, 'settings')
  await page.open('connection')
  await page.says(`Which leads go to dataset ${DATASET}: All leads of this account go to it`)
  await page.enter(`recordTypes/${it.datasetId}`, ['deal'])
  await page.enter(`pipelines/${it.datasetId}`, ['default'])
  await page.submit(`pipelines/${it.datasetId}`)
  await page.says('Only Deal, Deals: Sales Pipeline')
  t.match(await byHubspot(it)('GET', '/routes'), { body: { data: [{ filter: { recordTypes: ['deal'], pipelineIds: ['default'] } }] } })
  onePrimary(t, page)
})

t.test('who changed what and when is there to read, page by page', async (t) => {
  const { it } = await busy(t)
  it.hubspot.setUser({ portalId: PORTAL, userId: '707', superAdmin: true })
  const ben = byHubspot(it, { userId: '707' })
  for (let n = 0; n < 5; n++) for (const path of ['/connection/pause', '/connection/resume']) await ben('POST', path)
  const { version } = (await ben('GET', '/rules')).body.data as unknown as { version: string }
  await byHubspot(it)('PUT', '/rules', { version, rules: { whichLeads: 'anyone' } })
  const page = await show(t, it, 'settings')
  await page.open('connection')
  await page.says('Who changed what', 'you', 'Changed which leads count and what is sent of them', 'whichLeads: anyone', 'HubSpot user 707')
  await page.press('Show more')
  await page.says('Paused the connection', 'Back')
  t.notMatch(page.text(), /whichLeads: anyone/)
  await page.press('Back')
  await page.says('whichLeads: anyone')
})

t.test('the account is paused, taken on again, and left after a question', async (t) => {
  const { it } = await busy(t)
  const page = await show(t, it, 'settings')
  await page.open('connection')
  await page.says('Working', DATASET, 'Live')
  onePrimary(t, page)
  await page.press('Pause')
  await page.says('Paused. What happens in the CRM meanwhile is kept.')
  await page.press('Go on')
  await page.says('Working')
  await page.press('Stop sending')
  await page.says('Shadow: nothing is sent')
  await page.press('Stages')
  await page.says('Download: Stages')
  t.equal(page.all('Button').find(({ text }) => text === 'Disconnect')?.props.variant, 'destructive')
  await page.press('Disconnect for good')
  await until(async () => (await it.db.selectFrom('connection').select('state').executeTakeFirstOrThrow()).state === 'removed')
})

t.test('a dataset is said to be one for CRM events, and its access is given back after a question', async (t) => {
  const { it } = await busy(t)
  const page = await show(t, it, 'settings')
  await page.open('connection')
  await page.says('Whether it is one for CRM events is not known')
  await page.enter(`crm/${it.datasetId}`, 'yes')
  await until(() => !/Whether it is one for CRM events is not known/.test(page.text()))
  await page.press(`Yes, give the access to dataset ${DATASET} back`)
  await until(() => page.alerts().length === 2)
  await page.says('What is left to do at Meta', /The access to dataset .* was given back/)
  t.match(await it.db.selectFrom('dataset').select('hold_reason').executeTakeFirstOrThrow(), { hold_reason: 'left' })
})

t.test('the first run takes at most twelve presses, and nothing is typed but dataset and token', async (t) => {
  const it = await testApp(t)
  for (const table of ['route', 'mapping'] as const) await it.db.deleteFrom(table).execute()
  await it.db.updateTable('connection').set({ state: 'setup' }).execute()
  const { id } = it.hubspot.create({ portalId: PORTAL, type: 'contact', properties: { email: 'ana@example.com', meta_lead_id: LEAD_ID } })
  const page = await show(t, it, 'settings')
  await page.enter('metaId', DATASET)
  await page.enter('token', TOKEN)
  await page.enter('crmDataset', 'yes')
  await page.submit()
  await page.press('No')
  await page.press('That is right')
  await page.press('It is settled in another way')
  await page.says('What Meta would get of one real lead')
  await page.press('Use the proposal')
  await page.press('Start sending to Meta')
  it.hubspot.change({ portalId: PORTAL, type: 'contact', id, properties: { lifecyclestage: 'customer' } })
  await it.settled()
  await until(() => it.meta.events({ dataset: DATASET }).length > 0)
  await page.press('Check again')
  await page.press('Without the last seven days')
  await page.says('Everything is set up')
  t.ok(page.actions.length <= 12, page.actions.join(', '))
  t.strictSame(
    page.actions.filter((one) => one.startsWith('enter')),
    ['enter metaId', 'enter token', 'enter crmDataset'],
  )
})

t.test('one real lead can go first, with what Meta answered, and the first run can end in shadow mode', async (t) => {
  const it = await testApp(t)
  await it.db.updateTable('route').set({ mode: 'shadow' }).execute()
  const { id } = it.hubspot.create({ portalId: PORTAL, type: 'contact', properties: { email: 'ana@example.com', meta_lead_id: LEAD_ID } })
  await it.settled()
  it.hubspot.change({ portalId: PORTAL, type: 'contact', id, properties: { lifecyclestage: 'customer' } })
  await it.settled()
  const page = await show(t, it, 'settings')
  await page.press('Yes, something does')
  await page.press('That is right')
  await page.press('It is settled in another way')
  await page.press('That is right')
  await page.says('Send one real lead first', /So far everything happens but the sending/)
  await page.press(`Send “Converted” of contact ${id}`)
  await until(() => it.meta.events({ dataset: DATASET }).length === 1)
  await until(() => {
    const look = page.all('Button').find(({ text, props }) => text === 'Check again' && props.disabled !== true)
    look?.trigger('onClick')
    return /Meta accepted it on/.test(page.text())
  })
  await page.says('Meta’s trace id')
  t.notMatch(page.text(), /Send “/, 'it is one')
  await page.press('Stay in shadow mode for now')
  await page.says('You are in shadow mode', 'Start sending to Meta')
  t.equal(it.meta.events({ dataset: DATASET }).length, 1)
})

t.test('who is no admin can look, and is not shown what would change something', async (t) => {
  const { it, contacts } = await busy(t)
  it.hubspot.setUser({ portalId: PORTAL, userId: '707', superAdmin: false })
  const page = await show(t, it, 'settings', { userId: '707' })
  await page.says('You can look, and not change')
  for (const view of ['start', 'stages', 'leads', 'connection']) {
    await page.open(view)
    await until(() => page.all('LoadingSpinner').length === 0)
    t.strictSame(
      page.all('Button').map(({ text }) => text),
      [],
      view,
    )
  }
  const card = await show(t, it, 'cards', { userId: '707', objectId: Number(contacts[1]) })
  await card.says('Waiting')
  t.strictSame(card.all('Button'), [])
})

t.test('an account that is not connected is told so, and led to the consent', async (t) => {
  const it = await testApp(t)
  const page = await show(t, it, 'settings', { portalId: 4_004_004 })
  await page.says('HubSpot is not connected yet')
  onePrimary(t, page)
  await page.press('Connect HubSpot')
  await until(() => page.all('Link').length === 1)
})

t.test('a server that cannot be reached is said, and asked again', async (t) => {
  const { it } = await busy(t)
  let away = true
  const bad = () => (away ? Response.json({ status: 'error' }, { status: 502 }) : undefined)
  const page = await show(t, it, 'pages', { instead: bad })
  await page.says('This could not be loaded', /server cannot be reached/)
  away = false
  await page.press('Try again')
  await page.says('Nothing needs your attention.')
})
