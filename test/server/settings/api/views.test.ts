/** What the views of the page show, of accounts in which something happens. */
import t, { type Test } from 'tap'
import { DATASET, PORTAL, TOKEN, testApp, until } from '../../../support/app.ts'
import { manyMissing } from '../../../support/many-missing.ts'
import { connectPage, longAgo, pagesEnv } from '../../../support/page.ts'
import { addOrg } from '../../../support/salesforce.ts'
import { type Answered, type Ask, signedIn } from '../../../support/settings-page.ts'

const dataOf = <Data>({ body }: Answered): Data => body.data as unknown as Data
const ID = '1234567890123456'

/** A portal in which three people became customers, one of them without a lead id. */
async function busy(t: Test) {
  const it = await testApp(t)
  const ask = await signedIn(it)
  const contacts = [1, 2, 3].map((n) => {
    const properties = { email: `person${n}@example.com`, ...(n < 3 && { meta_lead_id: `${ID}${n}` }), hs_analytics_source: 'PAID_SOCIAL' }
    return it.hubspot.create({ portalId: PORTAL, type: 'contact', properties }).id
  })
  await it.settled()
  for (const id of contacts) it.hubspot.change({ portalId: PORTAL, type: 'contact', id, properties: { lifecyclestage: 'customer' } })
  await it.settled()
  await until(() => it.meta.events({ dataset: DATASET }).length === 4)
  return { it, ask, contacts }
}

t.test('the overview says in one line how it stands, and what can be done about what is wrong', async (t) => {
  const { it, ask } = await busy(t)
  t.match(await ask('GET', '/overview'), {
    body: {
      data: {
        status: { mood: 'good', text: /reported to Meta/ },
        attention: [],
        unsent: { count: 0, oldestAt: null },
        inbox: { count: 0, quarantined: 0 },
        outcomes: { sent: 4, waiting: 1 },
        lastSentAt: String,
        lastChangeAt: String,
      },
    },
  })
  const notice = {
    workspace_id: it.workspaceId,
    subject: `dataset:${it.datasetId}`,
    code: 'reconnect',
    text: 'Meta has stopped accepting our access.',
  }
  await it.db
    .insertInto('notice')
    .values([notice, { ...notice, subject: 'dataset:999', code: 'expiring' }])
    .execute()
  t.match(dataOf(await ask('GET', '/overview')), {
    status: { mood: 'attention', text: 'Meta has stopped accepting our access.' },
    attention: [{ code: 'reconnect', about: `Dataset ${DATASET}`, title: String, action: 'renew_token' }],
  })
  t.equal(
    dataOf<{ attention: unknown[] }>(await ask('GET', '/overview')).attention.length,
    1,
    'what does not concern this account is left out',
  )
  await it.db.deleteFrom('notice').execute()
  await ask('POST', '/connection/pause', {})
  t.match(dataOf(await ask('GET', '/overview')), { status: { mood: 'idle', text: /^Paused/ }, state: 'paused' })
  t.match(dataOf(await ask('POST', '/connection/resume', {})), { state: 'active', lifeCycle: 'active' })
})

t.test('activity lists records page by page and by reason, and tells the story of each', async (t) => {
  const { ask, contacts } = await busy(t)
  const first = dataOf<{ records: { eventId: string }[]; next: string }>(await ask('GET', '/records?limit=3'))
  const second = dataOf<{ records: { eventId: string }[]; next?: string }>(await ask('GET', `/records?limit=3&after=${first.next}`))
  t.equal(new Set([...first.records, ...second.records].map(({ eventId }) => eventId)).size, 5)
  t.equal(second.next, undefined)
  const counts = dataOf<{ outcome: string; reason: string | null; count: number; text: string | null }[]>(
    await ask('GET', '/records/counts'),
  )
  t.match(counts, [
    { outcome: 'sent', reason: null, count: 4 },
    { outcome: 'waiting', reason: 'waiting_for_lead', count: 1, text: /No Meta lead is known/ },
  ])
  const waiting = dataOf<{ records: { record: { id: string }; metaLeadId: string | null }[] }>(
    await ask('GET', '/records?outcome=waiting&reason=waiting_for_lead'),
  )
  t.strictSame([...new Set(waiting.records.map(({ record }) => record.id))], [contacts[2]])

  const story = dataOf<Record<string, unknown>>(await ask('GET', `/record?type=contact&id=${contacts[0]}`))
  t.match(story, {
    record: { state: 'live', url: /^https:\/\/app\.hubspot\.com/ },
    lead: { metaLeadId: `${ID}1`, identified: { by: 'lead_id' } },
    entries: [
      { stage: null, outcome: 'sent', eventName: 'Raw Lead', meta: { fbtraceId: String } },
      { stage: { stageId: 'customer' }, outcome: 'sent', eventName: 'Converted', keys: Array },
    ],
  })
  t.notMatch(JSON.stringify(story), /example\.com|[0-9a-f]{64}/, 'without contact data or its hashes')
  t.match(await ask('POST', '/record/retry', { record: { type: 'contact', id: contacts[0] } }), {
    status: 422,
    body: { code: 'nothing_to_retry' },
  })
  t.match(await ask('POST', '/record/retry', { record: { type: 'contact', id: contacts[2] } }), { body: { data: { retried: 1 } } })
})

t.test('the preview of a lead is what Meta gets of it, digit by digit', async (t) => {
  const { it, ask, contacts } = await busy(t)
  const [preview] = dataOf<{ stages: { event: string }[] }>(
    await ask('POST', '/preview', { record: { type: 'contact', id: contacts[0] } }),
  ).stages.filter(({ event }) => event?.includes('Converted'))
  const event = JSON.parse(preview?.event ?? '{}') as { event_id: string; event_time: number }
  const got = it.meta.events({ dataset: DATASET }).find(({ eventId }) => eventId === event.event_id)
  t.match(got, { eventName: 'Converted', leadId: `${ID}1`, eventTime: event.event_time })
  t.match(preview?.event ?? '', `"lead_id":${ID}1}`)
  const renamed = { mapping: { stages: [{ source: 'lifecyclestage', stageId: 'customer', eventName: 'Bought' }] } }
  t.match(
    dataOf<{ stages: { event: string | null; text: string | null }[] }>(
      await ask('POST', '/preview', { record: { type: 'contact', id: contacts[0] }, ...renamed }),
    ),
    {
      stages: [{ event: /"event_name":"Bought"/ }],
    },
  )
  t.match(dataOf(await ask('POST', '/preview', { record: { type: 'contact', id: contacts[2] } })), {
    stages: [{ event: null, reason: 'no_meta_lead', text: String }],
  })
  t.match(
    dataOf(await ask('POST', '/preview', {})),
    { datasetId: DATASET, stages: [{ event: String }] },
    'of some lead, where none is named',
  )
  t.match(await ask('POST', '/preview', { record: { type: 'contact', id: '999' } }), { status: 404, body: { code: 'record_unknown' } })
  const sent = it.meta.events({ dataset: DATASET }).length
  await it.settled()
  t.equal(it.meta.events({ dataset: DATASET }).length, sent, 'nothing was sent')
})

t.test('rules are tried on real people, and fields shown so that nobody is known by them', async (t) => {
  const { ask } = await busy(t)
  t.strictSame(dataOf(await ask('POST', '/rules/try', {})), {
    people: 3,
    withLeadId: 2,
    permitted: 3,
    counting: { meta_leads: 2, lead_id_only: 2, anyone: 3 },
  })
  const source = { field: 'hs_analytics_source', equals: 'PAID_SOCIAL' }
  t.match(dataOf(await ask('POST', '/rules/try', { rules: { confirmedSources: [source] } })), { counting: { meta_leads: 3 } })
  t.match(dataOf(await ask('POST', '/rules/try', { rules: { optOut: [source] } })), { permitted: 0, counting: { anyone: 0 } })
  t.match(await ask('POST', '/rules/try', { rules: { optOut: 'all' } }), { status: 400, body: { code: 'invalid_input' } })

  const samples = dataOf<{ values: Record<string, string>; identity: Record<string, string> }[]>(
    await ask('GET', '/fields/samples?names=meta_lead_id,email,nothing,constructor'),
  )
  t.equal(samples.length, 3)
  t.match(samples[0], {
    values: { email: 'p••••••@e••••••.c••', nothing: null, constructor: null },
    identity: { emails: 'p••••••@e••••••.c••' },
  })
  t.notMatch(JSON.stringify(samples), /person|example|1234567/)
})

t.test('before anything was sent, real leads of the last week are there to try things on', async (t) => {
  const it = await testApp(t, { salesforce: {} })
  const org = await addOrg(it, { dataset: '800000000000001', token: `${TOKEN}S` })
  await it.db.deleteFrom('route').where('connection_id', '=', org.connectionId).execute()
  const records = [1, 2].map((n) => ({
    LastName: `Lead ${n}`,
    Company: 'Acme',
    Email: `lead${n}@example.com`,
    Meta_Lead_ID__c: `${ID}${n}`,
  }))
  it.salesforce.insert({ orgId: org.orgId, object: 'Lead', records })
  const ask = await signedIn(it, { crm: 'salesforce', account: org.orgId, userId: '005000000000001AAA' })
  await until(async () => dataOf<{ people: number }>(await ask('POST', '/rules/try', {})).people === 2)
  t.match(dataOf(await ask('POST', '/rules/try', {})), { withLeadId: 2, counting: { meta_leads: 2 } })
  t.match(dataOf(await ask('POST', '/preview', {})), { datasetId: null, stages: [{ event: new RegExp(`"lead_id":${ID}`) }] })
})

t.test('stages show what the CRM has, what is mapped, and what is neither', async (t) => {
  const it = await testApp(t)
  const ask = await signedIn(it)
  const shown = dataOf<{
    version: string
    stages: { stageId: string; state: string }[]
    unmapped: unknown[]
    groups: unknown[]
    problem: null
  }>(await ask('GET', '/stages'))
  t.match(shown, { version: '1', problem: null, rawLead: { eventName: 'Raw Lead' } })
  t.ok(shown.groups.length > 0 && shown.unmapped.length > 0)
  const lines = shown.stages.map(({ state: _, ...line }) => line)
  const mapping = { stages: [...lines, { ...lines[0], stageId: 'gone', label: 'Gone', eventName: 'Gone' }] }
  t.match(await ask('PUT', '/mapping', { version: '1', mapping }), { body: { data: { version: '2', renamed: [] } } })
  t.equal(dataOf<typeof shown>(await ask('GET', '/stages')).stages.at(-1)?.state, 'vanished')
  t.match(dataOf(await ask('GET', '/mapping/versions')), [{ version: '2', createdBy: 'hubspot:606' }, { version: '1' }])
  it.hubspot.misbehave({ path: '/crm/', how: 'answer', status: 503, times: 100 })
  t.match(
    dataOf(await ask('GET', '/stages')),
    { version: '2', groups: [], problem: String, stages: [{ state: 'unknown' }] },
    'also while the CRM cannot be asked',
  )
})

t.test('a name that Meta has learned is changed only by who was warned', async (t) => {
  const { ask } = await busy(t)
  const { stages } = dataOf<{ stages: Record<string, unknown>[] }>(await ask('GET', '/stages'))
  const mapping = {
    stages: stages.map(({ state: _, ...line }) => (line.eventName === 'Converted' ? { ...line, eventName: 'Bought' } : line)),
  }
  const change = { version: '1', mapping }
  t.match(await ask('PUT', '/mapping', change), { status: 409, body: { code: 'mapping_renames_sent', text: /Converted/ } })
  t.match(await ask('PUT', '/mapping', { ...change, confirmed: true }), {
    status: 200,
    body: { data: { renamed: [{ from: 'Converted', to: 'Bought' }] } },
  })
})

t.test('the past is read in after a dry run', async (t) => {
  const { it, ask } = await busy(t)
  const { id } = dataOf<{ id: number }>(await ask('POST', '/backfills', { days: 7 }))
  const now = async () => dataOf<{ state: string; forecast: unknown }>(await ask('GET', `/backfills/${id}`))
  await until(async () => (await now()).state === 'ready')
  t.match(await now(), { forecast: { records: 3 } })
  t.match(await ask('POST', '/backfills', { days: 7 }), { status: 200 }, 'a forecast that was not confirmed lapses')
  const list = dataOf<{ id: number; state: string }[]>(await ask('GET', '/backfills'))
  t.equal(list.find((one) => one.id === id)?.state, 'cancelled')
  const latest = (list[0] as { id: number }).id
  await until(async () => dataOf<{ state: string }>(await ask('GET', `/backfills/${latest}`)).state === 'ready')
  t.match(await ask('POST', `/backfills/${latest}/confirm`, {}), { body: { data: { state: 'running' } } })
  await until(async () => dataOf<{ state: string }>(await ask('GET', `/backfills/${latest}`)).state === 'done')
  t.match(await ask('POST', `/backfills/${latest}/pause`, {}), { status: 409, body: { code: 'backfill_state' } })
  t.equal(it.meta.events({ dataset: DATASET }).length, 4, 'and nothing is sent twice')
})

t.test('what was held back is judged again', async (t) => {
  const { it, ask } = await busy(t)
  const other = it.hubspot.create({
    portalId: PORTAL,
    type: 'contact',
    properties: { meta_lead_id: `${ID}9`, lifecyclestage: 'subscriber' },
  }).id
  it.hubspot.change({ portalId: PORTAL, type: 'contact', id: other, properties: { lifecyclestage: 'evangelist' } })
  await it.settled()
  t.match(dataOf(await ask('GET', '/reevaluation')), { candidates: [{ reason: 'stage_unmapped' }], last: null })
  t.match(await ask('POST', '/reevaluation', { reason: 'stage_unmapped' }), { body: { data: { entries: Number } } })
  t.match(dataOf(await ask('GET', '/reevaluation')), { last: { reason: 'stage_unmapped', requestedBy: 'hubspot:606' } })
  t.match(await ask('POST', '/reevaluation', { reason: 'opted_out' }), { status: 422, body: { code: 'nothing_to_reevaluate' } })
})

t.test('files are fetched once, by whoever was given the address', async (t) => {
  const { it, ask } = await busy(t)
  for (const [what, pattern] of [
    ['records', /changed_at.*\r\n.*Converted/s],
    ['mapping', /stage_source.*\r\n.*Raw Lead/s],
    ['audit', /at,actor,action/],
    ['configuration', /"format": "leadstage\.connection\/1"/],
  ] as const) {
    const { url } = dataOf<{ url: string }>(await ask('POST', '/downloads', { what }))
    const fetched = await fetch(url.replace(/^https:\/\/[^/]+/, it.url))
    t.equal(fetched.status, 200)
    t.match(fetched.headers.get('content-disposition'), /attachment; filename="leadstage-/)
    t.match(await fetched.text(), pattern, what)
    t.equal((await fetch(url.replace(/^https:\/\/[^/]+/, it.url))).status, 404)
  }
})

t.test('missing leads come in pages, and as a file where it can be said which there are', async (t) => {
  const it = await testApp(t, { env: pagesEnv() })
  const ask = await signedIn(it)
  t.match(await ask('POST', '/downloads', { what: 'missing-leads' }), {
    status: 422,
    body: { code: 'missing_untold', text: /No Facebook page/ },
  })
  const { connectionId } = await connectPage(t, it)
  await longAgo(it)
  const ids = await manyMissing(it, connectionId, { count: 5 })
  const page = async (query: string) =>
    dataOf<{ lost: unknown; leads: { metaLeadId: string }[]; next?: string }>(await ask('GET', `/leads/missing?limit=3${query}`))
  const first = await page('')
  t.same(first.lost, { count: 5, more: false })
  const second = await page(`&after=${first.next}`)
  t.same(
    [...first.leads, ...second.leads].map(({ metaLeadId }) => metaLeadId),
    ids,
  )
  t.match(second, { lost: null, next: undefined })
  t.match(await ask('GET', '/leads/missing?after=x'), { status: 400, body: { code: 'invalid_input' } })
  const { url } = dataOf<{ url: string }>(await ask('POST', '/downloads', { what: 'missing-leads' }))
  const fetched = await fetch(url.replace(/^https:\/\/[^/]+/, it.url))
  t.match(fetched.headers.get('content-disposition'), /filename="leadstage-missing-leads-/)
  for (const id of ids) t.match(await fetched.clone().text(), `,l:${id},`)
})

t.test('people are told of notices, and colleagues get links', async (t) => {
  const it = await testApp(t)
  const ask = await signedIn(it)
  const { id } = dataOf<{ id: number }>(await ask('POST', '/recipients', { to: { email: 'ana@example.com' }, digest: false }))
  t.match(dataOf(await ask('GET', '/recipients')), [{ id, kind: 'email', address: 'ana@example.com', digest: false }])
  t.match(await ask('POST', `/recipients/${id}/test`, {}), { body: { ok: false, code: String } }, 'no mail server is set up here')
  t.match(await ask('POST', `/recipients/${id}/remove`, {}), { status: 200 })
  t.match(await ask('POST', '/recipients', { to: { url: 'https://127.0.0.1/x' } }), { body: { ok: false, code: 'webhook_private' } })
  for (const what of ['dataset', 'crm']) {
    const { url } = dataOf<{ url: string }>(await ask('POST', '/invitations', { what }))
    t.equal((await fetch(url.replace(/^https:\/\/[^/]+/, it.url))).status, 200)
  }
  t.match(dataOf(await ask('GET', '/audit?limit=1')), {
    lines: [{ actor: 'hubspot:606', action: 'invitation.create', text: 'Made a link for a colleague' }],
    next: String,
  })
  t.match(await ask('POST', '/connection/pause', {}), { status: 200 })
  t.match(
    dataOf(await ask('GET', '/audit?limit=2')),
    { lines: [{ action: 'connection.pause', about: `HubSpot connection ${it.connectionId}` }, { about: null }] },
    'of several accounts it says which',
  )
})

t.test('a dataset gets a token that was proven, and a route that begins to send', async (t) => {
  const it = await testApp(t)
  const ask = await signedIn(it)
  it.meta.addDataset({ id: '700000000000007', tokens: ['EAAgoodtoken0000000000000000000007'] })
  const given = { metaId: '700000000000007', crmDataset: 'yes' }
  t.match(await ask('POST', '/datasets', { ...given, token: 'EAAwrongtoken000000000000000000007' }), {
    body: { ok: false, code: 'dataset_refused', text: String },
  })
  const saved = await ask('POST', '/datasets', { ...given, token: 'EAAgoodtoken0000000000000000000007' })
  t.match(saved, { status: 200, body: { data: { created: true } } })
  const { id } = dataOf<{ id: number }>(saved)
  t.match(await ask('PUT', `/routes/${id}`, { version: 'none', mode: 'shadow' }), {
    body: { data: { mode: 'shadow', metaId: '700000000000007' } },
  })
  t.match(await ask('PUT', `/routes/${id}`, { version: 'none', mode: 'live' }), { status: 409, body: { code: 'outdated' } })
  t.equal(dataOf<unknown[]>(await ask('GET', '/routes')).length, 2)
  t.match(await ask('POST', `/routes/${id}/remove`, {}), { body: { data: { connectionState: 'active' } } })
  t.match(dataOf(await ask('GET', '/datasets')), [{}, { metaId: '700000000000007', crmDataset: 'yes', access: 'pasted' }])
  t.notMatch(JSON.stringify((await ask('GET', '/audit')).body), /EAAgoodtoken/)
})

t.test('the first run leads from what is missing to the first event', async (t) => {
  const it = await testApp(t)
  const ask = await signedIn(it)
  const next = async (asking: Ask = ask) => {
    const run = dataOf<{ steps: { step: string; state: string }[] }>(await asking('GET', '/first-run'))
    return run.steps.find(({ state }) => state === 'next')?.step
  }
  await it.db.deleteFrom('route').execute()
  t.equal(await next(), 'dataset')
  await ask('PUT', `/routes/${it.datasetId}`, { version: 'none', mode: 'shadow' })
  t.equal(await next(), 'others')
  t.match(await ask('POST', '/first-run/answer', { step: 'others', answer: 'perhaps' }), {
    status: 400,
    body: { text: /yes, no, unknown/ },
  })
  for (const [step, answer] of [
    ['others', 'no'],
    ['leads', 'confirmed'],
    ['consent', 'by_rule'],
  ] as const) {
    t.equal(await next(), step)
    t.match(await ask('POST', '/first-run/answer', { step, answer }), { status: 200 })
  }
  t.equal(await next(), 'consent', 'a rule that was promised has to be there')
  const { version } = dataOf<{ version: string }>(await ask('GET', '/rules'))
  await ask('PUT', '/rules', { version, rules: { optOut: [{ field: 'hs_email_optout', equals: 'true' }] } })
  t.equal(await next(), 'stages')
  await ask('POST', '/first-run/answer', { step: 'stages', answer: 'confirmed' })
  t.equal(await next(), 'start')
  t.match(await ask('POST', '/first-run/answer', { step: 'start', answer: 'shadow' }), { body: { data: { finished: true, shadow: true } } })
  t.equal(await next(), undefined, 'whoever only tries out is done for now')
  const [route] = dataOf<{ version: string }[]>(await ask('GET', '/routes'))
  await ask('PUT', `/routes/${it.datasetId}`, { version: route?.version, mode: 'live' })
  t.equal(await next(), 'first_event')
  it.hubspot.create({ portalId: PORTAL, type: 'contact', properties: { meta_lead_id: ID, email: 'ana@example.com' } })
  await until(async () => (await next()) === 'backfill')
  t.match(dataOf(await ask('GET', '/first-run')), { finished: false, firstEvent: { eventName: 'Raw Lead', meta: { fbtraceId: String } } })
  t.match(await ask('POST', '/first-run/answer', { step: 'backfill', answer: 'skipped' }), { body: { data: { finished: true } } })
})

t.test('an account that leaves is gone at once, and its page says so', async (t) => {
  const it = await testApp(t)
  const ask = await signedIn(it)
  t.match(await ask('POST', '/connection/leave', { account: 'another' }), { status: 400 })
  t.match(await ask('POST', '/connection/leave', { account: String(PORTAL) }), { body: { data: { left: 'left', text: null } } })
  t.match(await ask('GET', '/overview'), { status: 409, body: { code: 'not_connected' } })
  t.match(await ask('GET', '/session'), { status: 200, body: { data: { connection: null } } })
})

t.test('figures and the way to day 60 are there for the workspace', async (t) => {
  const { ask, it } = await busy(t)
  t.match(dataOf(await ask('GET', '/figures?days=7&by=event')), { by: 'event', total: {}, coverage: { text: String }, lines: Array })
  t.match(dataOf(await ask('GET', '/figures/stages')), { text: String, stages: Array })
  const [way] = dataOf<{ steps: { step: string; state: string }[] }[]>(await ask('GET', '/figures/way'))
  t.equal(way?.steps[0]?.step, 'accepted')
  t.match(await ask('POST', `/figures/way/${it.datasetId}/tick`, { step: 'seen', done: true }), { body: { data: { changed: true } } })
  t.match(dataOf<object[]>(await ask('GET', '/figures/way')), [
    { steps: [{}, { step: 'seen', state: 'done', tick: { by: 'hubspot:606' } }] },
  ])
})
