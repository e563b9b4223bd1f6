/** Changes through the settings API: nothing is overwritten silently, and nothing happens twice. */
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { testApp, until } from '../../../support/app.ts'
import { type Answered, type Ask, byHubspot, signedIn } from '../../../support/settings-page.ts'

const dataOf = <Data>({ body }: Answered): Data => body.data as unknown as Data
const versionAt = async (ask: Ask, path: string) => dataOf<{ version: string }>(await ask('GET', path)).version

t.test('who changes something that somebody else changed meanwhile is told who, what and when', async (t) => {
  const it = await testApp(t)
  const [ana, ben] = [await signedIn(it, { userId: '606' }), await signedIn(it, { userId: '707' })]
  const { rawLead, stages } = dataOf<{ rawLead: object; stages: Record<string, unknown>[] }>(await ana('GET', '/stages'))
  const mapping = (eventName: string) => ({
    rawLead,
    stages: stages.map(({ state: _, ...line }, index) => (index === 1 ? { ...line, eventName } : line)),
  })
  const routeOf = async (ask: Ask) => (dataOf<{ version: string }[]>(await ask('GET', '/routes'))[0] as { version: string }).version
  const resources: {
    what: string
    version: () => Promise<string>
    save: (ask: Ask, version: string, word: 'one' | 'two') => Promise<Answered>
  }[] = [
    {
      what: 'mapping.set',
      version: () => versionAt(ana, '/stages'),
      save: (ask, version, word) => ask('PUT', '/mapping', { version, mapping: mapping(word) }),
    },
    {
      what: 'connection.rules',
      version: () => versionAt(ana, '/rules'),
      save: (ask, version, word) => ask('PUT', '/rules', { version, rules: { defaultCountry: word === 'one' ? 'DE' : 'FR' } }),
    },
    {
      what: 'connection.settings',
      version: () => versionAt(ana, '/crm-settings'),
      save: (ask, version, word) => ask('PUT', '/crm-settings', { version, settings: { leadIdField: `lead_${word}` } }),
    },
    {
      what: 'route.set',
      version: () => routeOf(ana),
      save: (ask, version, word) => ask('PUT', `/routes/${it.datasetId}`, { version, filter: { recordTypes: [word] } }),
    },
    {
      what: 'workspace.missing_after',
      version: () => versionAt(ana, '/leads/missing'),
      save: (ask, version, word) => ask('PUT', '/leads/missing', { version, afterMinutes: word === 'one' ? 30 : 90 }),
    },
    {
      what: 'digest.set',
      version: () => versionAt(ana, '/digest'),
      save: (ask, version, word) => ask('PUT', '/digest', { version, hour: word === 'one' ? 1 : 2 }),
    },
  ]
  for (const { what, version, save } of resources) {
    const seen = await version()
    const saved = await save(ana, seen, 'one')
    t.match(saved, { status: 200, body: { ok: true } }, what)
    const late = await save(ben, seen, 'two')
    const changed = { by: 'hubspot:606', at: /^\d{4}-\d\d-\d\dT/, action: what }
    t.match(late, { status: 409, body: { ok: false, code: 'outdated', text: /nothing of yours was saved/, changed } }, what)
    t.match(
      await save(byHubspot(it), seen, 'two'),
      { status: 200, body: { ok: false, code: 'outdated', changed } },
      'inside HubSpot with status 200',
    )
    const now = await version()
    t.not(now, seen)
    t.match(await save(ben, now, 'two'), { status: 200 }, 'on what is there now it can be made')
    const same = await version()
    const both = await Promise.all([save(ana, same, 'one'), save(ben, same, 'one')])
    t.strictSame(both.map(({ status }) => status).sort(), [200, 409], `of two at once one is saved: ${what}`)
  }
  const actors = await it.db
    .selectFrom('audit')
    .select(['actor', 'action'])
    .where(
      'action',
      'in',
      resources.map(({ what }) => what),
    )
    .execute()
  t.equal(actors.length, resources.length * 3, 'each change is in the trail, and none of those that were refused')
})

t.test('who adds or takes out somebody as another admin did before is told who that was', async (t) => {
  const it = await testApp(t)
  const [ana, ben] = [await signedIn(it, { userId: '606' }), await signedIn(it, { userId: '707' })]
  const { id } = dataOf<{ id: number }>(await ana('POST', '/recipients', { to: { email: 'eva@example.com' } }))
  t.match(await ben('POST', '/recipients', { to: { email: ' Eva@example.com' } }), {
    status: 409,
    body: { code: 'recipient_exists', text: /already/, changed: { by: 'hubspot:606', action: 'recipient.add', text: /^Added/ } },
  })
  t.match(await ben('POST', `/recipients/${id}/remove`, {}), { status: 200 })
  t.match(await ana('POST', `/recipients/${id}/remove`, {}), {
    status: 409,
    body: { code: 'outdated', changed: { by: 'hubspot:707', action: 'recipient.remove', text: /^Took out/ } },
  })
  t.match(await ana('POST', `/recipients/${id + 1}/remove`, {}), { status: 404, body: { code: 'recipient_unknown', changed: undefined } })
})

t.test('a change that is asked for again under its id happens once, and gets the same answer', async (t) => {
  const it = await testApp(t)
  const ana = await signedIn(it)
  const requestId = randomUUID()
  const to = { url: 'https://hooks.example.com/secret-path' }
  const first = await ana('POST', '/recipients', { requestId, to })
  t.match(first, { status: 200, body: { data: { kind: 'webhook', secret: String } } })
  t.strictSame((await ana('POST', '/recipients', { requestId, to })).body, first.body)
  t.strictSame((await byHubspot(it)('POST', '/recipients', { requestId, to })).body, first.body, 'the same user by another way, too')
  t.equal((await it.db.selectFrom('audit').selectAll().where('action', '=', 'recipient.add').execute()).length, 1)
  const kept = await it.db.selectFrom('page_answer').selectAll().execute()
  t.notMatch(kept.map(({ answer }) => answer?.toString('latin1')).join(), dataOf<{ secret: string }>(first).secret, 'which is kept sealed')

  t.not(
    dataOf<{ secret: string }>(await ana('POST', '/recipients', { to })).secret,
    dataOf<{ secret: string }>(first).secret,
    'without an id it is made anew',
  )
  t.match(
    await ana('POST', '/recipients', { requestId, to: { email: 'ana@example.com' } }),
    { status: 422, body: { code: 'request_id_reused' } },
    'another change is no repeat',
  )
  const ben = await signedIn(it, { userId: '707' })
  t.not(
    dataOf<{ secret: string }>(await ben('POST', '/recipients', { requestId, to })).secret,
    dataOf<{ secret: string }>(first).secret,
    'nor is that of somebody else',
  )
  t.match(await ana('POST', '/recipients', { requestId: 'no uuid', to }), {
    status: 400,
    body: { code: 'invalid_input', field: 'requestId' },
  })
})

t.test('a signed request that is sent again as it was does nothing again, though it names no id', async (t) => {
  const it = await testApp(t)
  const signedAt = Date.now()
  const to = { url: 'https://hooks.example.com/x' }
  const first = await byHubspot(it, { signedAt })('POST', '/recipients', { to })
  t.match(first, { status: 200, body: { ok: true, data: { secret: String } } })
  t.strictSame((await byHubspot(it, { signedAt })('POST', '/recipients', { to })).body, first.body)
  t.equal((await it.db.selectFrom('audit').selectAll().where('action', '=', 'recipient.add').execute()).length, 1)
  t.notSame((await byHubspot(it, { signedAt: signedAt + 1 })('POST', '/recipients', { to })).body, first.body, 'signed anew, it is another')
})

t.test('repeats that come while the first is under way wait for its answer', async (t) => {
  const it = await testApp(t)
  const other = await it.another()
  const requestId = randomUUID()
  const asks = [await signedIn(it), await signedIn({ db: it.db, url: other.url })]
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, n) => (asks[n % 2] as Ask)('POST', '/backfills', { requestId, days: 3 })),
  )
  t.equal(new Set(answers.map(({ body }) => JSON.stringify(body))).size, 1, 'in two processes')
  t.match(answers[0], { status: 200, body: { data: { state: 'planned' } } })
  t.equal((await it.db.selectFrom('backfill').select('id').execute()).length, 1)
  const confirm = randomUUID()
  const { id } = dataOf<{ id: number }>(answers[0] as Answered)
  await until(async () => (await it.db.selectFrom('backfill').select('state').executeTakeFirst())?.state === 'ready')
  const confirmed = await Promise.all([1, 2, 3].map(() => (asks[0] as Ask)('POST', `/backfills/${id}/confirm`, { requestId: confirm })))
  t.ok(confirmed.every(({ status, body }) => status === 200 && body.ok))
})

t.test('a repeat gets the refusal that the first one got; what was ended by a crash, or not possible just then, is made', async (t) => {
  const it = await testApp(t)
  const ana = await signedIn(it)
  const requestId = randomUUID()
  const outdated = { requestId, version: 'old', rules: { repeats: true } }
  t.match(await ana('PUT', '/rules', outdated), { status: 409 })
  t.match(await ana('PUT', '/rules', outdated), { status: 409, body: { code: 'outdated' } })

  const crashed = randomUUID()
  const body = { requestId: crashed, everyMinutes: 60 }
  t.match(await ana('POST', '/connection/catch-up', body), { status: 200 })
  await it.db
    .updateTable('page_answer')
    .set({ answer: null, begun_at: new Date(Date.now() - 61_000) })
    .where('request_id', '=', crashed)
    .execute()
  t.match(await ana('POST', '/connection/catch-up', body), { status: 200, body: { data: { everyMinutes: 60 } } })
  t.equal((await it.db.selectFrom('audit').selectAll().where('action', '=', 'connection.catch_up').execute()).length, 2)

  const later = randomUUID()
  it.hubspot.misbehave({ path: '/crm/', how: 'answer', status: 503, times: 100 })
  t.match(await ana('POST', '/lead-id-field', { requestId: later }), { status: 503, body: { ok: false, code: 'crm_unavailable' } })
  it.hubspot.behave()
  t.match(await ana('POST', '/lead-id-field', { requestId: later }), { status: 200, body: { data: { name: 'meta_lead_id' } } })
})

t.test('a request that cannot be read says where', async (t) => {
  const it = await testApp(t)
  const ana = await signedIn(it)
  t.match(await ana('POST', '/backfills', { days: 8 }), {
    status: 400,
    body: { ok: false, code: 'invalid_input', field: 'days', text: String },
  })
  t.match(await ana('POST', '/backfills', '{"days":'), { status: 400, body: { code: 'invalid_input', text: /no JSON/ } })
  t.match(await ana('PUT', '/rules', { version: await versionAt(ana, '/rules'), rules: { whichLeads: 'all' } }), {
    status: 400,
    body: { text: /whichLeads/ },
  })
  t.match(await ana('POST', '/preview', { mapping: { stages: [{ source: 'x' }] } }), {
    status: 400,
    body: { field: /^mapping\.stages\.0/ },
  })
  const unkeepable = { status: 400, body: { code: 'invalid_input', text: /signs or dates/ } }
  for (const query of ['reason=a%00', 'since=-271821-04-20T00:00:00Z']) t.match(await ana('GET', `/records?${query}`), unkeepable, query)
  const { body } = await ana('GET', '/stages')
  const { version } = body.data as unknown as { version: string }
  for (const sign of ['\0', '\ud800']) {
    const stage = { source: 'x', stageId: sign, label: 'x', eventName: null }
    t.match(await ana('PUT', '/mapping', { version, mapping: { stages: [stage] } }), unkeepable, JSON.stringify(sign))
  }
  t.equal((await ana('PUT', '/rules', { version: 'x', rules: { a: 'x'.repeat(300_000) } })).status, 413)
  t.match(await ana('GET', '/nothing'), { status: 404, body: { ok: false, code: 'not_found' } })
  const form = await fetch(`${it.url}/api/backfills`, { method: 'POST', body: new URLSearchParams({ days: '3' }) })
  t.equal(form.status, 415, 'no form of another site is taken for one of ours')
})

t.test('who asks too much is told to wait, and others are not', async (t) => {
  const it = await testApp(t)
  const [ana, ben] = [await signedIn(it), await signedIn(it, { userId: '707' })]
  const answers = await Promise.all(Array.from({ length: 320 }, () => ana('GET', '/digest')))
  const refused = answers.filter(({ status }) => status === 429)
  t.ok(refused.length >= 1 && refused.length <= 40, `${refused.length} were refused`)
  t.match(refused[0], { body: { ok: false, code: 'too_many_requests' } })
  t.match(await ben('GET', '/digest'), { status: 200 })
  const tests = await Promise.all(Array.from({ length: 12 }, () => ben('POST', '/recipients/1/test', {})))
  t.ok(tests.filter(({ status }) => status === 429).length >= 1, 'mail goes out in our name: there is less of it')
  t.match(await ben('GET', '/digest'), { status: 200 }, 'and all else goes on')
})
