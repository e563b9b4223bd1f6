/** Connecting by a link: from the invitation over the CRM's own page and back, as a browser goes. */
import t, { type Test } from 'tap'
import { invite, type NewInvite } from '../../../server/settings/invite.ts'
import { startSalesforce } from '../../simulators/salesforce/start-salesforce.ts'
import { PORTAL, PUBLIC_URL, type TestApp, testApp } from '../../support/app.ts'
import { createBrowser } from '../../support/browser.ts'

const OTHER = 4004004
const CALLBACK = `${PUBLIC_URL}/oauth/hubspot/callback`

async function setUp(t: Test) {
  const it = await testApp(t, { hubspot: { app: { redirectUris: [CALLBACK] } } })
  it.hubspot.addPortal({ portalId: OTHER })
  const caller = { db: it.db, actor: 'test' }
  const link = async (what: NewInvite['what'], hours = 1) =>
    (await invite(caller, { workspace: it.workspaceId, what, hours }, { apps: it.config.crm, publicUrl: PUBLIC_URL })).url
  return { it, link, browser: () => createBrowser({ [PUBLIC_URL]: it.url }) }
}
const portals = async (it: TestApp) =>
  (await it.db.selectFrom('connection').select(['account_key', 'state', 'workspace_id']).orderBy('id').execute()).map(
    (row) => row.account_key,
  )

t.test('an admin follows the link, agrees, and the account is connected with a grant and a mapping', async (t) => {
  const { it, link, browser } = await setUp(t)
  const page = browser()
  const url = await link({ crm: 'hubspot' })
  t.match(await page.open(url), { status: 200, text: /Connect HubSpot for/ })
  t.match(await page.open(`${url}/start`), { status: 200, text: /Account 4004004/ })
  const done = await page.submit({ portal: String(OTHER), decision: 'allow' })
  t.match(done, { status: 200, text: /HubSpot is connected/ })
  t.match(done.text, new RegExp(`Account <strong>${OTHER}`))
  t.strictSame(await portals(it), [String(PORTAL), String(OTHER)])
  t.match(await it.db.selectFrom('mapping').select('version').where('connection_id', '=', 2).execute(), [{ version: 1 }])
  const audit = await it.db.selectFrom('audit').select(['actor', 'action']).where('action', '=', 'connection.add').execute()
  t.strictSame(audit, [{ actor: 'invitation:1', action: 'connection.add' }])

  t.match(await page.reload(), { status: 200, text: /done a moment ago/ }, 'loaded again')
  t.match(await page.open(url), { status: 410, text: /This link was used/ })
  t.match(await page.open(`${url}/start`), { status: 410 })
})

t.test('two tabs may be under way, and the link works once', async (t) => {
  const { it, link, browser } = await setUp(t)
  const url = await link({ crm: 'hubspot' })
  const first = browser()
  await first.open(`${url}/start`)
  const second = first.anotherTab()
  await second.open(`${url}/start`)
  t.match(await first.submit({ portal: String(OTHER), decision: 'allow' }), { status: 200, text: /is connected/ })
  t.match(await second.submit({ portal: String(OTHER), decision: 'allow' }), { status: 410, text: /link was used/ })
  t.strictSame(await portals(it), [String(PORTAL), String(OTHER)])
})

t.test('a second click while the first is under way connects once', async (t) => {
  const { it, link, browser } = await setUp(t)
  const page = browser()
  await page.open(`${await link({ crm: 'hubspot' })}/start`)
  const back = await page.answer({ portal: String(OTHER), decision: 'allow' })
  const answers = await Promise.all([page.open(back), page.open(back), page.open(back)])
  const statuses = answers.map(({ status }) => status)
  // Whoever comes when it is done is told so.
  t.ok(statuses.includes(200) && statuses.every((status) => status === 200 || status === 409))
  t.strictSame(await portals(it), [String(PORTAL), String(OTHER)])
  t.equal(it.hubspot.tokenCounts().exchanges, 1)
})

t.test('declined, forged, foreign and late answers connect nothing and say so', async (t) => {
  const { it, link, browser } = await setUp(t)
  const url = await link({ crm: 'hubspot' })
  const page = browser()
  await page.open(`${url}/start`)
  t.match(await page.submit({ portal: String(OTHER), decision: 'deny' }), { status: 400, text: /The permission was declined/ })

  await page.open(`${url}/start`)
  const back = await page.answer({ portal: String(OTHER), decision: 'allow' })
  t.match(await browser().open(back), { status: 400, text: /does not belong/ }, 'in another browser')
  t.match(await page.open(back.replace(/state=[^&]+/, 'state=forged')), { status: 400 })
  t.match(await page.open(back.replace(/&?state=[^&]+/, '')), { status: 400 })
  t.match(await page.open(`${back}&state=twice`), { status: 400 })
  await it.db
    .updateTable('consent')
    .set({ expires_at: new Date(0) })
    .execute()
  t.match(await page.open(back), { status: 400, text: /quarter of an hour/ }, 'too late')

  await page.open(`${url}/start`)
  const spent = (await page.answer({ portal: String(OTHER), decision: 'allow' })).replace(/code=[^&]+/, 'code=spent')
  t.match(await page.open(spent), { status: 400, text: /used before, or it has run out/ })
  t.strictSame(await portals(it), [String(PORTAL)])
  t.equal(it.hubspot.tokenCounts().exchanges, 0)
  t.match(await page.open(`${PUBLIC_URL}/connect/unknown`), { status: 404, text: /no such link/i })
  t.match(await page.open(`${PUBLIC_URL}/oauth/nocrm/callback?code=1&state=1`), { status: 404 })
  await it.db
    .updateTable('invitation')
    .set({ expires_at: new Date(0) })
    .execute()
  t.match(await page.open(url), { status: 410, text: /run out/ })
})

t.test('a link to connect an account again takes that account only', async (t) => {
  const { it, link, browser } = await setUp(t)
  const url = await link({ connectionId: it.connectionId })
  const page = browser()
  t.match((await page.open(url)).text, new RegExp(`account <strong>${PORTAL}`))
  await page.open(`${url}/start`)
  const wrong = await page.submit({ portal: String(OTHER), decision: 'allow' })
  t.match(wrong, { status: 400, text: /another account/ })
  await page.open(`${url}/start`)
  t.match(await page.submit({ portal: String(PORTAL), decision: 'allow' }), { status: 200, text: /connected again/ })
  t.strictSame(await portals(it), [String(PORTAL)])
})

t.test('an account of another workspace is not taken from it', async (t) => {
  const { it, link, browser } = await setUp(t)
  const other = await it.addTenant({ portal: OTHER, dataset: '700000000000002', token: 'EAAothertoken000000000000000002' })
  const page = browser()
  await page.open(`${await link({ crm: 'hubspot' })}/start`)
  t.match(await page.submit({ portal: String(OTHER), decision: 'allow' }), { status: 400, text: /connected in another workspace/ })
  const owner = await it.db.selectFrom('connection').select('workspace_id').where('account_key', '=', String(OTHER)).executeTakeFirst()
  t.equal(owner?.workspace_id, other.workspaceId)
})

t.test('an install that begins in the marketplace ends there, in a workspace of the account', async (t) => {
  const { it, browser } = await setUp(t)
  const { url } = it.hubspot.marketplaceInstall({ portalId: OTHER, installUrl: CALLBACK })
  t.match(await browser().open(url), { status: 200, text: /App installed/ })
  const found = await it.db
    .selectFrom('connection as c')
    .innerJoin('workspace as w', 'w.id', 'c.workspace_id')
    .select(['c.account_key', 'w.name'])
    .where('c.account_key', '=', String(OTHER))
    .execute()
  t.strictSame(found, [{ account_key: String(OTHER), name: `HubSpot ${OTHER}` }])

  const again = it.hubspot.marketplaceInstall({ portalId: OTHER, installUrl: CALLBACK })
  t.match(await browser().open(again.url), { status: 200, text: /App installed/ })
  t.equal((await portals(it)).length, 2, 'installed again, it is the same connection')

  for (const returnUrl of [
    'https://evil.example.com/',
    'https://hubspot.com.evil.example/',
    'http://app.hubspot.com/x',
    'javascript:alert(1)',
  ]) {
    const forged = new URL(it.hubspot.marketplaceInstall({ portalId: OTHER, installUrl: CALLBACK }).url)
    forged.searchParams.set('returnUrl', returnUrl)
    t.match(await browser().open(forged.href), { status: 400, text: /cannot be finished/ }, returnUrl)
  }
})

t.test('an org of Salesforce is connected where it signs in, with PKCE; without the package the page says what to do first', async (t) => {
  const callback = `${PUBLIC_URL}/oauth/salesforce/callback`
  const salesforce = await startSalesforce({ app: { redirectUris: [callback] } })
  t.teardown(() => salesforce.close())
  const { orgId, userId } = salesforce.addOrg({ sandbox: true })
  const it = await testApp(t, {
    env: {
      SALESFORCE_APP_ID: 'leadstage',
      SALESFORCE_CLIENT_ID: salesforce.app.clientId,
      SALESFORCE_CLIENT_SECRET: salesforce.app.clientSecret,
      SALESFORCE_API_URL: salesforce.url,
      SALESFORCE_STREAM_URL: salesforce.streamUrl,
    },
  })
  const tools = { apps: it.config.crm, publicUrl: PUBLIC_URL }
  const caller = { db: it.db, actor: 'test' }
  const ask = (host: string) => invite(caller, { workspace: it.workspaceId, what: { crm: 'salesforce', host }, hours: 1 }, tools)
  await t.rejects(ask('https://salesforce.com.evil.example'), { code: 'unknown_host' })
  const { url } = await ask('sandbox')
  const page = createBrowser({ [PUBLIC_URL]: it.url })
  t.match(await page.open(url), { status: 200, text: /Connect Salesforce for/ })

  const decide = async (decision: string) => {
    const { searchParams } = new URL((await page.open(`${url}/start`)).url)
    const form = { ...Object.fromEntries(searchParams), user: `${orgId}/${userId}`, decision }
    return page.send(`${salesforce.url}/setup/secur/RemoteAccessAuthorizationPage.apexp`, form)
  }
  t.match(await decide('Deny'), { status: 400, text: /permission was declined/ })
  salesforce.setFacts({ orgId, packageInstalled: false })
  t.match(await decide('Allow'), { status: 400, text: /Install its package first/ })
  salesforce.setFacts({ orgId, packageInstalled: true })
  t.match(await decide('Allow'), { status: 200, text: /Salesforce is connected/ })
  const found = await it.db.selectFrom('connection').select('account_key').where('crm', '=', 'salesforce').execute()
  t.strictSame(found, [{ account_key: orgId }])
})

t.test('the pages are stored, framed and told to nobody', async (t) => {
  const { link, browser } = await setUp(t)
  const { headers } = await browser().open(await link({ crm: 'hubspot' }))
  t.match(headers.get('content-security-policy'), /default-src 'none'.*frame-ancestors 'none'/)
  t.match(Object.fromEntries(headers), { 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })
})

t.test('who knocks too often is sent away for a while', async (t) => {
  const { browser } = await setUp(t)
  const page = browser()
  // All at once: a busy machine may take a minute for one after the other.
  const shown = await Promise.all(Array.from({ length: 70 }, (_, n) => page.open(`${PUBLIC_URL}/connect/guess${n}`)))
  t.same([...new Set(shown.map(({ status }) => status))].sort(), [404, 429])
})
