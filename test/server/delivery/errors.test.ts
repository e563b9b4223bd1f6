/** The right answer to each of Meta's errors: wait, hold and tell, or go on; and nothing is lost or sent anew under another id. */
import t from 'tap'
import { putSecret } from '../../../server/connections/secrets.ts'
import { addRoute, DATASET, TOKEN, testApp, until } from '../../support/app.ts'
import { createDoor } from '../../support/door.ts'
import { count, hurry, ledger, tallied } from '../../support/look.ts'
import { startProxy } from '../../support/proxy.ts'
import { addTenants, aSweep, dataset, held, notices, outcomes, report, resume } from './sharing.ts'

t.test('throttled datasets are left alone until the time given; everyone else flows', async (t) => {
  const it = await testApp(t)
  const codes = [
    { code: 4 },
    { code: 17 },
    { code: 32 },
    { code: 341 },
    { code: 613 },
    { code: 80004 },
    { code: 613, subcode: 1996 },
    { code: 368 },
  ]
  const tenants = await addTenants(it, codes.length)
  for (const [index, tenant] of tenants.entries())
    it.meta.fail({ ...(codes[index] as { code: number }), minutes: 5, times: 1, path: `/${tenant.meta}/events$` })
  const started = Date.now()
  for (const { portal } of tenants) await report(it, 2, portal)
  await until(() => it.meta.requests().length === codes.length)
  for (const { datasetId } of tenants) await until(async () => (await dataset(it, datasetId)).sleep_until !== null)
  await report(it, 3)
  await until(() => it.meta.events().length === 3)
  await aSweep()
  for (const [index, tenant] of tenants.entries()) {
    const { sleep_until, state } = await dataset(it, tenant.datasetId)
    const least = codes[index]?.code === 368 ? 4 * 3_600_000 : 300_000
    t.ok((sleep_until?.getTime() ?? 0) >= started + least, `${codes[index]?.code}: ${sleep_until?.toISOString()}`)
    t.equal(state, 'active')
    t.strictSame(await outcomes(it, tenant), { pending: 2 })
  }
  t.equal(it.meta.requests().length, codes.length + 1, 'no call to any of them in between')

  await hurry(it.db)
  await until(async () => (await count(it.db, 'outbox')) === 0)
  for (const tenant of tenants) {
    const [first, second, ...more] = it.meta.requests().filter((request) => request.dataset === tenant.meta)
    t.strictSame(second?.eventIds, first?.eventIds)
    t.equal(more.length, 0)
  }
  t.equal((await dataset(it, tenants[0]?.datasetId as number)).failures, 0)
})

t.test('a limit of the token or the app rests all datasets of the workspace, one of the dataset only itself', async (t) => {
  for (const [code, wide] of [
    [17, true],
    [80004, false],
  ] as const) {
    const it = await testApp(t)
    it.meta.addDataset({ id: '700000000000002', tokens: ['t2'] })
    const second = await addRoute(it.db, it.vault, it, { dataset: '700000000000002', token: 't2' })
    // The limit is reached while the other dataset's request is under way.
    const door = createDoor()
    it.meta.fail({ code, minutes: 5, path: `/${DATASET}/events$`, held: () => door.came })
    it.meta.misbehave({ how: 'slow', held: door.pass, path: '/700000000000002/events$' })
    await report(it, 1)
    await until(async () => (await dataset(it, it.datasetId)).sleep_until !== null)
    door.open()
    await until(() => it.meta.events().length === 1)
    await aSweep()
    await report(it, 1)
    await until(async () => (await outcomes(it, { datasetId: it.datasetId })).pending === 2)
    if (!wide) await until(() => it.meta.events({ dataset: '700000000000002' }).length === 2)
    t.equal((await dataset(it, second)).sleep_until !== null, wide)
    t.equal(it.meta.events({ dataset: '700000000000002' }).length, wide ? 1 : 2)
  }
})

t.test('what only a person can mend holds the dataset, and tells; its events go on afterwards', async (t) => {
  let now = Date.now()
  const it = await testApp(t, { now: () => now })
  const cases = [
    { code: 190, subcode: 463, reason: 'reconnect' },
    { code: 102, reason: 'reconnect' },
    { code: 100, subcode: 33, reason: 'configuration' },
    { code: 803, reason: 'configuration' },
    { code: 200, reason: 'permission' },
    { code: 10, reason: 'permission' },
  ]
  const tenants = await addTenants(it, cases.length)
  for (const [index, tenant] of tenants.entries()) {
    const { reason: _, ...error } = cases[index] as { code: number; reason: string }
    it.meta.fail({ ...error, times: 0, path: `/${tenant.meta}/events$` })
  }
  const old = now - 6 * 86_400_000
  for (const { portal } of tenants) {
    await report(it, 1, portal, old)
    await report(it, 2, portal)
  }
  for (const { datasetId } of tenants) await held(it, datasetId)
  await until(async () => (await count(it.db, 'packet')) === 0)
  const calls = it.meta.requests().length
  await aSweep()
  t.equal(it.meta.requests().length, calls, 'a held dataset is not called')
  for (const [index, tenant] of tenants.entries()) {
    t.equal((await dataset(it, tenant.datasetId)).hold_reason, cases[index]?.reason)
    t.strictSame(
      (await notices(it, tenant.datasetId)).map(({ code }) => code),
      [cases[index]?.reason],
    )
    t.strictSame(await outcomes(it, tenant), { pending: 3 })
  }

  now += 86_400_000
  it.meta.behave()
  for (const { datasetId, meta } of tenants) {
    it.meta.addDataset({ id: meta, tokens: [`new-token-of-${meta}`] })
    await putSecret(it.db, it.vault, `dataset:${datasetId}`, 'token', `new-token-of-${meta}`)
    await resume(it, datasetId)
  }
  await until(async () => (await count(it.db, 'outbox')) === 0)
  for (const tenant of tenants) t.strictSame(await outcomes(it, tenant), { sent: 2, expired: 1 })
})

t.test('a token that is refused is not held against the one that was given meanwhile', async (t) => {
  const it = await testApp(t)
  const door = createDoor()
  it.meta.misbehave({ how: 'slow', path: `/${DATASET}/events$`, held: door.pass })
  await report(it, 2)
  await door.came
  it.meta.addDataset({ id: DATASET, tokens: ['new-token'] })
  await putSecret(it.db, it.vault, `dataset:${it.datasetId}`, 'token', 'new-token')
  door.open()
  await until(async () => (await count(it.db, 'outbox')) === 0)
  t.strictSame(await outcomes(it, it), { sent: 2 })
  t.strictSame(await notices(it, it.datasetId), [])
  t.match(await dataset(it, it.datasetId), { state: 'active', hold_reason: null })
  t.strictSame(
    it.meta.requests().map(({ status }) => status),
    [401, 200],
  )
})

t.test('without a token the dataset is held and nothing is lost', async (t) => {
  const it = await testApp(t)
  await it.db.deleteFrom('secret').where('owner', '=', `dataset:${it.datasetId}`).execute()
  await report(it, 2)
  await held(it, it.datasetId)
  t.equal(it.meta.requests().length, 0)
  t.match(await it.db.selectFrom('audit').select(['actor', 'action', 'detail']).execute(), [
    { actor: 'system', action: 'dataset.hold', detail: { reason: 'reconnect' } },
  ])
  await putSecret(it.db, it.vault, `dataset:${it.datasetId}`, 'token', TOKEN)
  await resume(it, it.datasetId)
  await it.settled()
  t.equal(it.meta.events().length, 2)
})

t.test('an error nobody has seen, of three different events, stops the dataset with the third event kept', async (t) => {
  const it = await testApp(t)
  it.meta.fail({ code: 987_654, subcode: 1, message: 'Enchanted', times: 0, transient: false })
  const leads = await report(it, 5)
  await held(it, it.datasetId)
  t.strictSame(await outcomes(it, it), { rejected: 2, pending: 3 })
  t.match(await notices(it, it.datasetId), [{ code: 'unknown_error', text: /987654/ }])
  it.meta.behave()
  await resume(it, it.datasetId)
  await it.settled()
  t.strictSame(
    it.meta.events().map(({ leadId }) => leadId),
    leads.slice(2),
  )
})

t.test('fewer events counted than sent: once more with the same ids, then unconfirmed and told', async (t) => {
  for (const [times, expected] of [
    [1, { sent: 5 }],
    [2, { unconfirmed: 5 }],
  ] as const) {
    const it = await testApp(t)
    it.meta.misbehave({ how: 'short', lose: 2, times, path: '/events$' })
    await report(it, 5)
    await it.settled()
    t.strictSame(await outcomes(it, it), expected)
    const [first, second, ...more] = it.meta.requests()
    t.strictSame(second?.eventIds, first?.eventIds)
    t.equal(more.length, 0)
    t.equal(await tallied(it.db, 'possible_doubles.short_count'), 5)
    t.equal(it.meta.summary().datasets[DATASET]?.doubledById, 3)
    t.equal((await notices(it, it.datasetId)).length, times - 1)
  }
})

t.test('a success without a count, or with an error in it, is no success', async (t) => {
  for (const text of ['', '{}', '{"events_received":0}', '{"events_received"']) {
    const it = await testApp(t)
    it.meta.misbehave({ how: 'answer', status: 200, text, headers: { 'content-type': 'application/json' }, path: '/events$' })
    await report(it, 2)
    await it.settled()
    t.strictSame(await outcomes(it, it), { sent: 2 }, text)
    t.equal(it.meta.events().length, 2)
    t.equal(it.meta.requests().length, 2)
  }
})

t.test('trouble on the way is waited out, with the same ids; what may count twice is counted', async (t) => {
  const html = { status: 502, text: '<html><body>Bad Gateway</body></html>', headers: { 'content-type': 'text/html' } }
  const cases: [
    title: string,
    misbehave: Parameters<Awaited<ReturnType<typeof testApp>>['meta']['misbehave']>[0],
    doubles: number,
    doubled: number,
  ][] = [
    ['a page of HTML', { how: 'answer', ...html }, 0, 0],
    ['a page of HTML that claims success', { how: 'answer', ...html, status: 200 }, 0, 0],
    ['a refusal as HTML', { how: 'answer', ...html, status: 403 }, 0, 0],
    ['an empty error', { how: 'answer', status: 500, text: '' }, 0, 0],
    ['silence', { how: 'silence' }, 3, 0],
    ['silence after the events were taken', { how: 'silence', handled: true }, 3, 3],
    ['a connection that ends', { how: 'drop' }, 3, 0],
    ['a connection that ends after the events were taken', { how: 'drop', handled: true }, 3, 3],
    ['an answer that takes too long', { how: 'slow', delayMs: 7_500 }, 3, 3],
  ]
  // Long enough for what is answered, also on a busy machine: it would count as what may have come twice.
  const it = await testApp(t, { env: { META_TIMEOUT_MS: '6000' } })
  const tenants = await addTenants(it, cases.length)
  for (const [index, { meta }] of tenants.entries())
    it.meta.misbehave({ ...(cases[index]?.[1] as { how: 'drop' }), path: `/${meta}/events$` })
  for (const { portal } of tenants) await report(it, 3, portal)
  const doubles = cases.reduce((sum, [, , doubles]) => sum + doubles, 0)
  await until(async () => (await tallied(it.db, 'possible_doubles.timeout')) === doubles)
  await until(() => tenants.every(({ meta }) => it.meta.requests().some((request) => request.dataset === meta)))
  await until(async () => {
    await hurry(it.db)
    return (await count(it.db, 'outbox')) === 0
  })
  for (const [index, tenant] of tenants.entries()) {
    const [title, , , doubled] = cases[index] as (typeof cases)[number]
    t.strictSame(await outcomes(it, tenant), { sent: 3 }, title)
    const summary = it.meta.summary().datasets[tenant.meta]
    t.match(summary, { distinct: 3, distinctEventIds: 3, doubledById: doubled }, title)
    const requests = it.meta.requests().filter((request) => request.dataset === tenant.meta)
    t.equal(new Set(requests.map(({ eventIds }) => JSON.stringify(eventIds))).size, 1, 'the same events with the same ids')
  }
})

t.test('a peer that cannot be reached: nothing was sent, so nothing can count twice', async (t) => {
  let proxy: Awaited<ReturnType<typeof startProxy>> | undefined
  const it = await testApp(t, {
    before: {
      meta: async (url) => {
        proxy = await startProxy(t, { host: '127.0.0.1', port: Number(new URL(url).port) })
        return `http://127.0.0.1:${proxy.port}`
      },
    },
  })
  await proxy?.cut()
  await report(it, 2)
  await until(async () => (await dataset(it, it.datasetId)).failures > 0)
  t.equal(await tallied(it.db, 'possible_doubles.timeout'), 0)
  await proxy?.mend()
  await hurry(it.db)
  await it.settled()
  t.match(it.meta.summary().datasets[DATASET], { received: 2, doubled: 0 })
})

t.test('Meta’s own faults are retried, its transient ones too, whatever their status', async (t) => {
  const it = await testApp(t)
  const tenants = await addTenants(it, 4)
  const faults = [{ code: 1 }, { code: 2 }, { code: 21009, status: 400, transient: false }, { code: 987_654, status: 400, transient: true }]
  for (const [index, { meta }] of tenants.entries()) it.meta.fail({ ...(faults[index] as { code: number }), path: `/${meta}/events$` })
  for (const { portal } of tenants) await report(it, 2, portal)
  await until(() => it.meta.requests().length >= 4)
  await until(async () => {
    await hurry(it.db)
    return (await count(it.db, 'outbox')) === 0
  })
  for (const tenant of tenants) {
    t.strictSame(await outcomes(it, tenant), { sent: 2 })
    t.equal((await ledger(it.db)).filter(({ datasetId, outcome }) => datasetId === tenant.datasetId && outcome !== 'sent').length, 0)
    t.equal(it.meta.requests().filter((request) => request.dataset === tenant.meta && request.events === 2).length, 2, 'never halved')
  }
})
