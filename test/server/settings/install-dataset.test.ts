/** Connecting a dataset by a link: which it is, whether it is one for CRM events, and each way of opening it to us. */
import t, { type Test } from 'tap'
import { createLog } from '../../../server/log.ts'
import { createGraphClient } from '../../../server/meta/graph-client.ts'
import { invite } from '../../../server/settings/invite.ts'
import { leaveDataset } from '../../../server/settings/leave-dataset.ts'
import { DATASET, PUBLIC_URL, type TestApp, type TestAppOptions, TOKEN, testApp, until } from '../../support/app.ts'
import { createBrowser } from '../../support/browser.ts'
import { count, ledger } from '../../support/look.ts'

const APP = { id: '1234567890', secret: 'meta-app-secret' }
const CALLBACK = `${PUBLIC_URL}/oauth/meta/callback`
const META_APP = { META_APP_ID: APP.id, META_APP_SECRET: APP.secret }
/** May write and not look, as tokens of Events Manager may be. */
const WRITE_ONLY = 'EAAwriteonly000000000000000000001'

async function setUp(t: Test, options: TestAppOptions = {}) {
  // A busy machine may take its time to answer.
  const it = await testApp(t, { ...options, env: { META_TIMEOUT_MS: '10000' } })
  const link = async () => {
    const tools = { apps: it.config.crm, publicUrl: PUBLIC_URL }
    return (await invite({ db: it.db, actor: 'test' }, { workspace: it.workspaceId, what: 'dataset', hours: 1 }, tools)).url
  }
  return { it, link, browser: () => createBrowser({ [PUBLIC_URL]: it.url }) }
}

const newLead = (it: TestApp, id: string) =>
  it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'lead', meta_lead_id: id } })
const datasetOf = (it: TestApp) => it.db.selectFrom('dataset').selectAll().where('meta_id', '=', DATASET).executeTakeFirstOrThrow()
const openNotices = async (it: TestApp) =>
  (await it.db.selectFrom('notice').select('code').where('closed_at', 'is', null).execute()).map(({ code }) => code)

t.test('the Meta step can be handed on: dataset and token are checked, and kept when they are good', async (t) => {
  const { it, link, browser } = await setUp(t)
  const url = await link()
  const page = browser()
  t.match(await page.open(url), { status: 200, text: /Is it a dataset for CRM events\?/ })
  t.match(await page.send(url, { metaId: DATASET, way: 'next' }), { status: 400, text: /Say whether/ }, 'the question has to be answered')
  t.match(await page.send(url, { metaId: DATASET, token: TOKEN }), { status: 400, text: /Say whether/ })
  t.match(await page.send(url, { metaId: '"><script>', crm: 'yes', way: 'next' }), { status: 400, text: /&#34;&#62;&#60;script&#62;/ })
  t.match(await page.send(url, { metaId: ` ${DATASET} `, crm: 'yes', way: 'next' }), { status: 200, text: /Generate access token/ })
  t.match(await page.open(`${url}/access?crm=yes`), { status: 400, text: new RegExp(`action="${new URL(url).pathname}"`) }, 'asked again')
  const given = { metaId: DATASET, crm: 'yes' }
  t.match(await page.send(url, { ...given, token: 'EAAnotthistoken0000000' }), { status: 400, text: /does not accept this token/ })
  t.match(await page.send(url, { ...given, token: TOKEN }), { status: 200, text: /The dataset is connected/ })
  t.match(await page.send(url, { ...given, token: TOKEN }), { status: 410 })
  t.equal((await datasetOf(it)).crm_dataset, 'yes')
  t.same(await openNotices(it), [])
  const offered = await browser().send(await link(), { ...given, way: 'next' })
  t.match(offered.text, /^(?!.*(Sign in with|It is shared|Set up with Meta))/s, 'only what is set up is offered')
  const audit = await it.db.selectFrom('audit').select(['actor', 'detail']).where('action', '=', 'dataset.token').execute()
  t.match(audit, [{ actor: 'invitation:1', detail: { crm: 'yes', address: '127.0.0.1' } }])
})

t.test('whoever says no, or does not know, can go on, and a notice says what to do until somebody says yes', async (t) => {
  const { it, link, browser } = await setUp(t)
  for (const crm of ['no', 'unknown']) {
    const url = await link()
    t.match(await browser().send(url, { metaId: DATASET, crm, way: 'next' }), { status: 200, text: /You can go on/ }, crm)
    t.match(await browser().send(url, { metaId: DATASET, crm, token: TOKEN }), { status: 200, text: /Still to do/ })
    t.equal((await datasetOf(it)).crm_dataset, crm)
    t.same(await openNotices(it), ['not_crm_dataset'])
  }
  newLead(it, '123456789012345')
  await it.settled()
  t.equal(it.meta.summary().datasets[DATASET]?.received, 1, 'events go')
  t.same(await openNotices(it), ['not_crm_dataset'])
  await browser().send(await link(), { metaId: DATASET, crm: 'yes', token: TOKEN })
  t.same(await openNotices(it), [])
})

t.test('where Meta hides a dataset from its token, a waiting event of a real lead tells, once somebody wants that', async (t) => {
  const { it, link, browser } = await setUp(t)
  it.meta.breakToken({ token: TOKEN, subcode: 463 })
  newLead(it, '123456789012345')
  newLead(it, '123456789012346')
  await until(async () => (await count(it.db, 'outbox')) === 2 && (await datasetOf(it)).state === 'held')
  it.meta.addDataset({ id: DATASET, tokens: [TOKEN, WRITE_ONLY], writeOnly: [WRITE_ONLY] })
  it.meta.reset()

  const url = await link()
  const page = browser()
  const given = { metaId: DATASET, crm: 'yes', token: WRITE_ONLY }
  const hidden = await page.send(url, given)
  t.match(hidden, { status: 400, text: /does not show this dataset/ })
  t.match(hidden.text, /2 events of real leads wait for this dataset: the oldest goes now/)
  t.match(hidden.text, /counts it like every other event/)
  t.equal(it.meta.requests().length, 0, 'nothing is sent unasked')
  t.match(await page.send(url, { ...given, instead: 'test', testCode: ' ' }), { status: 400, text: /the code is needed/ })
  t.match(await page.send(url, { ...given, instead: 'test', testCode: '<b>' }), { status: 400, text: /does not look like one/ })
  it.meta.fail({ code: 200, path: '/events' })
  t.match(await page.send(url, { ...given, instead: 'test', testCode: 'TEST1' }), { status: 400, text: /does not take events/ })
  t.equal((await datasetOf(it)).state, 'held', 'a token that does not send is not kept')
  it.meta.reset()

  const test = () => page.send(url, { ...given, instead: 'test', testCode: 'TEST12345' })
  await it.db
    .updateTable('dataset')
    .set({ sleep_until: new Date(Date.now() + 60_000) })
    .execute()
  t.match(await test(), { status: 400, text: /Meta asked to wait/ })
  t.equal(it.meta.requests().length, 0)
  await it.db.updateTable('dataset').set({ sleep_until: null }).execute()

  t.match(await test(), { status: 200, text: /Meta took the test event/ })
  await it.settled()
  const [first, ...more] = it.meta.requests()
  t.match(first, { outcome: 'accepted', events: 1, testEventCode: 'TEST12345' })
  t.ok(more.length > 0 && more.every(({ testEventCode }) => testEventCode === undefined), 'the others go without it')
  t.equal(it.meta.summary().datasets[DATASET]?.doubled, 0, 'the test event was the real one')
  const sent = (await ledger(it.db)).filter(({ outcome }) => outcome === 'sent').map(({ eventId }) => eventId)
  t.equal(sent.length, 2)
  t.ok(sent.includes(String(first?.eventIds[0]).replaceAll('-', '')), 'under the id of the ledger')
})

t.test('an event that Meta refuses for itself says nothing of the token: the next one tells', async (t) => {
  const { it, link, browser } = await setUp(t)
  it.meta.breakToken({ token: TOKEN, subcode: 463 })
  newLead(it, '123456789012345')
  newLead(it, '123456789012346')
  await until(async () => (await count(it.db, 'outbox')) === 2 && (await datasetOf(it)).state === 'held')
  it.meta.addDataset({ id: DATASET, tokens: [TOKEN, WRITE_ONLY], writeOnly: [WRITE_ONLY] })
  it.meta.reset()
  it.meta.poison({ leadId: '123456789012345', code: 100, subcode: 2804050 })
  const given = { metaId: DATASET, crm: 'yes', token: WRITE_ONLY, instead: 'test', testCode: 'TEST9' }
  t.match(await browser().send(await link(), given), { status: 200, text: /Meta took the test event/ })
  await it.settled()
  t.same(
    (await ledger(it.db))
      .map(({ outcome }) => outcome)
      .filter((outcome) => outcome !== 'suppressed')
      .sort(),
    ['rejected', 'sent'],
  )
})

t.test('where no event waits nothing is made up: the first real one goes with the code', async (t) => {
  const { it, link, browser } = await setUp(t)
  it.meta.addDataset({ id: DATASET, tokens: [WRITE_ONLY], writeOnly: [WRITE_ONLY] })
  const url = await link()
  const given = { metaId: DATASET, crm: 'yes', token: WRITE_ONLY }
  t.match((await browser().send(url, given)).text, /No event of a real lead waits for this dataset yet: nothing is sent now/)
  const saved = await browser().send(url, { ...given, instead: 'test', testCode: 'TEST777' })
  t.match(saved, { status: 200, text: /The first event of a real lead goes with your test code/ })
  t.equal(it.meta.requests().length, 0)
  newLead(it, '123456789012345')
  await it.settled()
  newLead(it, '123456789012346')
  await it.settled()
  t.same(
    it.meta.requests().map(({ testEventCode }) => testEventCode),
    ['TEST777', undefined],
  )
  t.match(await datasetOf(it), { test_event_code: null, test_event_until: null, token_checked_at: Date })
  t.equal((await it.db.selectFrom('audit').select('id').where('action', '=', 'dataset.tested').execute()).length, 1)
})

t.test('a test code that nobody used within its day is not sent, and saving without a check sends none', async (t) => {
  const { it, link, browser } = await setUp(t)
  it.meta.addDataset({ id: DATASET, tokens: [WRITE_ONLY], writeOnly: [WRITE_ONLY] })
  const given = { metaId: DATASET, crm: 'yes', token: WRITE_ONLY }
  await browser().send(await link(), { ...given, instead: 'test', testCode: 'TEST777' })
  await it.db
    .updateTable('dataset')
    .set({ test_event_until: new Date(Date.now() - 1) })
    .execute()
  newLead(it, '123456789012345')
  await it.settled()
  t.match(await browser().send(await link(), { ...given, instead: 'keep' }), { status: 200, text: /is connected/ })
  newLead(it, '123456789012346')
  await it.settled()
  t.same(
    it.meta.requests().map(({ outcome, testEventCode }) => [outcome, testEventCode]),
    [
      ['accepted', undefined],
      ['accepted', undefined],
    ],
  )
})

t.test('where our app is set up, people sign in with Facebook instead of pasting a token', async (t) => {
  const app = { ...APP, configurations: { '555000111': { tokenSeconds: 5_184_000 } }, redirectUris: [CALLBACK] }
  const { it, link, browser } = await setUp(t, {
    meta: { app, datasets: [{ id: DATASET, tokens: [TOKEN] }] },
    metaEnv: (url) => ({ ...META_APP, META_LOGIN_CONFIG: '555000111', META_DIALOG_URL: url }),
  })
  const url = await link()
  const page = browser()
  await page.open(url)
  t.match(await page.send(url, { metaId: 'nonsense', crm: 'yes', way: 'login' }), { status: 400, text: /5 to 20 digits/ })
  t.match(await page.send(url, { metaId: DATASET, way: 'login' }), { status: 400, text: /Say whether/ })
  const go = await page.send(url, { metaId: ` ${DATASET} `, crm: 'unknown', way: 'login' })
  t.match(go, { status: 200, text: /Continue to Facebook/ })
  const start = `${url}/meta?crm=unknown&metaId=${DATASET}`
  t.ok(go.text.includes(`${start.slice(PUBLIC_URL.length).replace('&', '&#38;')}"`))

  await page.open(start)
  t.match(await page.submit({ decision: 'deny' }), { status: 400, text: /permission was declined/ })
  await page.open(start)
  t.match(await page.submit({ decision: 'allow' }), { status: 400, text: /does not show this dataset/ }, 'it was not chosen there')
  await page.open(start)
  const back = await page.answer({ decision: 'allow', dataset: DATASET })
  t.match(await browser().open(back), { status: 400, text: /does not belong/ }, 'in another browser')
  t.match(await page.open(back), { status: 200, text: /The dataset is connected/ })
  const dataset = await datasetOf(it)
  t.match(dataset, { access: 'login', crm_dataset: 'unknown' })
  const days = ((dataset.token_expires_at as Date).getTime() - Date.now()) / 86_400_000
  t.ok(days > 59 && days <= 60)

  newLead(it, '123456789012345')
  await it.settled()
  t.equal(it.meta.summary().datasets[DATASET]?.received, 1, 'Meta takes events with the new token, and its proof')
})

t.test('a dataset that is shared with our business is opened by our own token', async (t) => {
  const ours = 'EAAsystemuser0000000000000000000001'
  const { it, link, browser } = await setUp(t, {
    meta: { app: { ...APP, configurations: {}, redirectUris: [], tokens: [ours] }, datasets: [{ id: DATASET, tokens: [TOKEN] }] },
    metaEnv: () => ({ ...META_APP, META_BUSINESS_ID: '99000111', META_SYSTEM_USER_TOKEN: ours }),
  })
  const url = await link()
  const page = browser()
  const given = { metaId: DATASET, crm: 'yes' }
  t.match((await page.send(url, { ...given, way: 'next' })).text, /share the dataset with our business <strong>99000111/)
  t.match(await page.send(url, { ...given, way: 'shared' }), { status: 400, text: /does not show this dataset/ })
  it.meta.addDataset({ id: DATASET, tokens: [TOKEN, ours] })
  t.match(await page.send(url, { ...given, way: 'shared' }), { status: 200, text: /The dataset is connected/ })
  t.strictSame(await it.db.selectFrom('secret').select('purpose').where('owner', 'like', 'dataset:%').execute(), [], 'no token is kept')
  newLead(it, '123456789012345')
  await it.settled()
  t.equal(it.meta.summary().datasets[DATASET]?.received, 1)
})

t.test('where Meta lets our app, its Business Extension sets a dataset up, and lets it go again', async (t) => {
  const app = { ...APP, configurations: {}, redirectUris: [CALLBACK], extension: true }
  const { it, link, browser } = await setUp(t, {
    meta: { app, datasets: [{ id: DATASET, tokens: [TOKEN] }] },
    metaEnv: (url) => ({ ...META_APP, META_BUSINESS_EXTENSION: 'on', META_DIALOG_URL: url }),
  })
  const url = await link()
  const page = browser()
  t.match((await page.open(url)).text, /Set up with Meta/)
  t.match(await page.send(url, { way: 'extension' }), { status: 400, text: /Say whether/ })
  t.match(await page.send(url, { crm: 'yes', way: 'extension' }), { status: 200, text: /Continue to Facebook/ })
  const start = `${url}/meta?crm=yes&way=extension`
  const { searchParams } = new URL((await page.open(start)).url)
  const extras = JSON.parse(searchParams.get('extras') ?? '')
  t.match(extras, { setup: { external_business_id: /^[0-9a-f-]{36}$/, channel: 'CONVERSIONS_API' }, repeat: false })
  t.match(await page.submit({ decision: 'deny' }), { status: 400, text: /permission was declined/ })
  await page.open(start)
  t.match(await page.submit({ decision: 'allow' }), { status: 400, text: /No dataset was chosen/ })
  const again = new URL((await page.open(start)).url)
  t.equal(again.searchParams.get('extras'), searchParams.get('extras'), 'an advertiser has one id for good')
  t.match(await page.submit({ decision: 'allow', dataset: DATASET }), { status: 200, text: /The dataset is connected/ })
  t.match(await datasetOf(it), { access: 'extension', crm_dataset: 'yes' })
  newLead(it, '123456789012345')
  await it.settled()
  t.equal(it.meta.summary().datasets[DATASET]?.received, 1, 'with the token of the system user, and its proof')

  const caller = { db: it.db, actor: 'test' }
  const { graphUrl, graphVersion, timeoutMs, app: metaApp } = it.config.meta
  const graph = createGraphClient({ baseUrl: graphUrl, version: graphVersion, timeoutMs, log: createLog({ level: 'silent' }) })
  t.teardown(() => graph.close())
  const tools = { vault: it.vault, graph, ...(metaApp && { metaApp }) }
  t.match(await leaveDataset(caller, DATASET, tools), { outcome: 'left' })
  t.match(await datasetOf(it), { state: 'held', hold_reason: 'left' })
  t.strictSame(await it.db.selectFrom('secret').select('purpose').where('owner', 'like', 'dataset:%').execute(), [])
  t.match(
    await leaveDataset(caller, DATASET, tools),
    { outcome: 'failed', text: /by hand|business settings/ },
    'there is nothing to leave with',
  )
  await page.open(`${await link()}/meta?crm=yes&way=extension`)
  t.match(await page.submit({ decision: 'allow', dataset: DATASET }), { status: 200, text: /is connected/ }, 'and it can be set up anew')
  t.equal((await datasetOf(it)).state, 'active')
})
