/** The leads of a page in the running app: from Meta's webhook, or what stands in for a lost one, to what is known and sent. */
import t, { type Test } from 'tap'
import { invite } from '../../../server/settings/invite.ts'
import { demoPagesApp } from '../../simulators/meta/lead-ads/lead-ads.ts'
import { DATASET, PUBLIC_URL, testApp, until } from '../../support/app.ts'
import { createBrowser } from '../../support/browser.ts'
import { hurry } from '../../support/look.ts'
import { addPage, catchUpNow, pagesEnv, VERIFY_TOKEN } from '../../support/pages.ts'
import { ad, PAGE } from './page.ts'

const answers = { email: 'ana@example.com', phone_number: '+4915112345678' }

async function setUp(t: Test, options: Parameters<typeof testApp>[1] = {}) {
  const it = await testApp(t, { ...options, env: { ...pagesEnv, ...options.env } })
  const captured = async () =>
    (await it.db.selectFrom('lead').select('meta_lead_id').where('captured_at', 'is not', null).execute())
      .map((row) => row.meta_lead_id)
      .sort()
  const raw = () =>
    it.meta
      .events({ dataset: DATASET })
      .map(({ leadId, eventName }) => `${leadId} ${eventName}`)
      .sort()
  return { it, captured, raw }
}

t.test('Meta asks whether the address is ours', async (t) => {
  const { it } = await setUp(t)
  const url = `${it.url}/webhooks/meta-lead-ads`
  t.same(await it.meta.leadAds.verifyCallback({ url, verifyToken: VERIFY_TOKEN }), { verified: true, status: 200 })
  t.same(await it.meta.leadAds.verifyCallback({ url, verifyToken: 'a-word-of-others' }), { verified: false, status: 403 })
})

t.test('a lead is captured from its webhook, and reported once however often it is told', async (t) => {
  const { it, captured, raw } = await setUp(t)
  const { form, added } = await addPage(it, { id: PAGE })
  t.match(added, { created: true, account: PAGE, mapping: 'none', findings: [] })
  it.meta.leadAds.leadgenWebhooks({ duplicateRate: 1 })
  const ids = [1, 2, 3].map((n) => it.meta.leadAds.submit({ form, ad, answers: { ...answers, email: `ana.${n}@example.com` } }).id)
  await it.meta.leadAds.leadgenIdle()
  await until(() => raw().length === ids.length)
  it.meta.leadAds.tell({ id: ids[0] as string })
  await it.meta.leadAds.leadgenIdle()
  await it.settled()
  t.same(await captured(), ids.toSorted())
  t.same(raw(), ids.map((id) => `${id} Raw Lead`).sort())
  t.equal(it.meta.leadAds.tokensInUrls(), 0)
})

t.test('a lead whose webhook never came is found in the forms', async (t) => {
  const { it, captured, raw } = await setUp(t)
  const { form, connectionId } = await addPage(it, { id: PAGE })
  const at = Date.now() - 600_000
  const ids = Array.from(
    { length: 150 },
    (_, n) => it.meta.leadAds.submit({ form, ad, at, silent: true, answers: { email: `ana.${n}@example.com` } }).id,
  )
  await catchUpNow(it, connectionId)
  await until(async () => (await captured()).length === ids.length)
  await it.settled()
  t.same(await captured(), ids.toSorted())
  await until(() => raw().length === ids.length)
  const looked = it.meta.leadAds.graphReads().filter(({ path }) => /^\/\d*$/.test(path) && path !== `/${PAGE}`)
  t.same(looked, [], 'none of them was read a second time')
})

t.test('while the server cannot store it, Meta tells a lead again', async (t) => {
  const { it, captured } = await setUp(t)
  const { form } = await addPage(it, { id: PAGE })
  await it.db.schema.alterTable('packet').renameTo('packet_away').execute()
  const { id } = it.meta.leadAds.submit({ form, ad, answers })
  await until(() => it.meta.leadAds.leadgenAttempts().some(({ status }) => status >= 500))
  await it.db.schema.alterTable('packet_away').renameTo('packet').execute()
  await it.meta.leadAds.leadgenIdle()
  await until(async () => (await captured()).includes(id))
  t.ok(it.meta.leadAds.leadgenAttempts().length >= 2)
})

t.test('test leads are known and never sent', async (t) => {
  const { it, raw } = await setUp(t)
  const { form } = await addPage(it, { id: PAGE })
  const test = it.meta.leadAds.submit({ form, answers, test: true })
  const real = it.meta.leadAds.submit({ form, ad, answers: { email: 'real@example.com' } })
  await it.meta.leadAds.leadgenIdle()
  await until(() => raw().length > 0)
  await it.settled()
  t.same(raw(), [`${real.id} Raw Lead`])
  t.match(await it.db.selectFrom('lead').select('is_test').where('meta_lead_id', '=', test.id).execute(), [{ is_test: true }])
})

t.test('a withdrawn right stops nothing but the page, and says what to do', async (t) => {
  const { it, captured } = await setUp(t)
  const { form, connectionId } = await addPage(it, { id: PAGE })
  it.meta.leadAds.permit({ permission: 'leads_retrieval', on: false })
  it.meta.leadAds.submit({ form, ad, answers })
  const state = () => it.db.selectFrom('connection').select(['state', 'state_reason']).where('id', '=', connectionId).executeTakeFirst()
  await until(async () => (await state())?.state === 'attention')
  t.match(await state(), { state_reason: 'missing_permission' })
  t.same(await captured(), [], 'the lead is kept until it can be read')

  it.meta.leadAds.breakPage({ page: PAGE })
  await until(async () => {
    // The look that failed may still be writing when the lead is looked for again.
    await hurry(it.db)
    return (await state())?.state_reason === 'reconnect'
  })
  const notices = await it.db.selectFrom('notice').select('text').where('subject', '=', `connection:${connectionId}`).execute()
  t.ok(notices.some(({ text }) => /Connect the page again/.test(text)))
})

t.test('one link connects the pages that a person chooses, and Meta reports their leads from then on', async (t) => {
  const callback = `${PUBLIC_URL}/oauth/meta-lead-ads/callback`
  const app = { ...demoPagesApp, configurations: {}, redirectUris: [callback] }
  const { it } = await setUp(t, { meta: { app, datasets: [] }, metaEnv: (url) => ({ META_DIALOG_URL: url }) })
  const pages = [PAGE, '106000000000002', '106000000000003']
  for (const id of pages) it.meta.leadAds.addPage({ id })
  const caller = { db: it.db, actor: 'test' }
  const link = async (what: Parameters<typeof invite>[1]['what']) =>
    (await invite(caller, { workspace: it.workspaceId, what, hours: 1 }, { apps: it.config.crm, publicUrl: PUBLIC_URL })).url
  const browser = createBrowser({ [PUBLIC_URL]: it.url })
  const url = await link({ crm: 'meta-lead-ads' })
  t.match(await browser.open(url), { status: 200, text: /instant forms of your Facebook pages/ })
  await browser.open(`${url}/start`)
  const chosen = pages.slice(0, 2)
  const scope = ['leads_retrieval', 'pages_show_list', 'pages_read_engagement', 'pages_manage_ads', 'pages_manage_metadata']
  const done = await browser.submit({ decision: 'allow', page: chosen, scope })
  t.match(done, { status: 200, text: /Meta lead ads is connected/ })
  for (const page of chosen) t.match(done.text, new RegExp(`Account <strong>${page}`))
  t.match(done.text, /The permission ads_management was not given/)
  t.same(
    pages.map((page) => it.meta.leadAds.subscription({ page }).fields),
    [['leadgen'], ['leadgen'], null],
  )
  const connected = await it.db
    .selectFrom('connection')
    .select(['id', 'account_key'])
    .where('crm', '=', 'meta-lead-ads')
    .orderBy('id')
    .execute()
  t.same(
    connected.map(({ account_key }) => account_key),
    chosen,
  )
  const again = createBrowser({ [PUBLIC_URL]: it.url })
  await again.open(`${await link({ connectionId: connected[0]?.id as number })}/start`)
  t.match(await again.submit({ decision: 'allow', page: [pages[2] as string], scope }), { status: 400, text: /another account/ })
})
