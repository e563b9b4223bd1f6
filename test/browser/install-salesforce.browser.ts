/** Connecting an org of Salesforce by a link, in real Chromium against the stand-in's consent page. */
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { PORTAL } from '../support/app.ts'
import { picture } from '../support/chromium.ts'
import { openLinks } from './links.ts'

async function setUp(t: Test) {
  const opened = await openLinks(t, { salesforce: {} })
  const { salesforce } = opened.it
  return { ...opened, production: salesforce.addOrg({ name: 'Acme' }), sandbox: salesforce.addOrg({ name: 'Acme UAT', sandbox: true }) }
}

const title = (page: Page) => page.locator('h1').innerText()
const allow = async (page: Page, { orgId, userId }: { orgId: string; userId: string }) => {
  await page.getByLabel('User').selectOption(`${orgId}/${userId}`)
  await page.getByRole('button', { name: 'Allow' }).click()
}

t.test('an admin connects an org, whatever is clicked twice, gone back from or opened beside', async (t) => {
  const { it, browser, link, accounts, production } = await setUp(t)
  const context = await browser.newContext()
  const page = await context.newPage()
  const url = await link({ crm: 'salesforce' })

  await page.goto(url)
  t.match(await title(page), /^Connect Salesforce for /)
  await picture(page, 'salesforce-invitation')
  await page.getByRole('link', { name: 'Continue to Salesforce' }).click()
  t.equal(await title(page), 'Allow Access?')
  await page.getByRole('button', { name: 'Deny' }).click()
  t.equal(await title(page), 'Salesforce was not connected')

  await page.goto(url)
  await page.getByRole('link', { name: 'Continue to Salesforce' }).click()
  await page.goBack()
  t.match(await title(page), /^Connect Salesforce for /, 'back and on again')
  await page.getByRole('link', { name: 'Continue to Salesforce' }).click()
  const tab = await context.newPage()
  await tab.goto(`${url}/start`)

  await page.getByLabel('User').selectOption(`${production.orgId}/${production.userId}`)
  await page.getByRole('button', { name: 'Allow' }).dblclick()
  await page.waitForURL(({ pathname }) => pathname.endsWith('/callback'))
  // The first of the two clicks may still be worked on.
  while ((await title(page)) === 'This answer came before') await page.reload()
  t.equal(await title(page), 'Salesforce is connected')
  await picture(page, 'salesforce-connected')
  t.strictSame(await accounts(), [String(PORTAL), production.orgId])
  t.equal(it.salesforce.tokenCounts().exchanges, 1, 'one consent, one exchange')

  await allow(tab, production)
  t.equal(await title(tab), 'This link was used')
})

t.test('the wrong org, an expired code and a missing package are told, and the next try works', async (t) => {
  const { it, browser, link, accounts, production, sandbox } = await setUp(t)
  const page = await browser.newPage()
  await page.goto(`${await link({ crm: 'salesforce' })}/start`)
  await allow(page, production)
  const connection = await it.db.selectFrom('connection').select('id').where('crm', '=', 'salesforce').executeTakeFirstOrThrow()

  const url = await link({ connectionId: connection.id })
  await page.goto(`${url}/start`)
  await allow(page, sandbox)
  t.equal(await title(page), 'That was another account')
  await picture(page, 'salesforce-wrong-org')

  it.salesforce.setFacts({ orgId: production.orgId, packageInstalled: false })
  await page.goto(`${url}/start`)
  await allow(page, production)
  t.match(await page.locator('main').innerText(), /Install its package first/)
  await picture(page, 'salesforce-package-first')
  it.salesforce.setFacts({ orgId: production.orgId, packageInstalled: true })

  const json = { error: 'invalid_grant', error_description: 'expired authorization code' }
  it.salesforce.misbehave({ how: 'answer', path: '/oauth2/token', times: 1, status: 400, json })
  await page.goto(`${url}/start`)
  await allow(page, production)
  t.match(await page.locator('main').innerText(), /used before, or it has run out/)

  await page.goto(`${url}/start`)
  await allow(page, production)
  t.equal(await title(page), 'Salesforce is connected again')
  t.strictSame(await accounts(), [String(PORTAL), production.orgId])
})

t.test('a sandbox signs in at its own address and begins without sending; an org may name its own domain', async (t) => {
  const { it, browser, link, sandbox } = await setUp(t)
  const page = await browser.newPage()
  await page.goto(`${await link({ crm: 'salesforce', host: 'sandbox' })}/start`)
  await allow(page, sandbox)
  t.equal(await title(page), 'Salesforce is connected')
  t.match(await page.locator('main').innerText(), /It is a sandbox/)
  await picture(page, 'salesforce-sandbox')
  const { sandbox: kept } = await it.db.selectFrom('connection').select('sandbox').where('crm', '=', 'salesforce').executeTakeFirstOrThrow()
  t.ok(kept)

  // The org is not there: the page is asked for it, and answered in its place.
  const start = `${await link({ crm: 'salesforce', host: 'acme.lightning.force.com' })}/start`
  const answer = await page.request.get(start, { maxRedirects: 0 })
  const asked = new URL(answer.headers().location ?? '')
  t.equal(asked.origin + asked.pathname, 'https://acme.my.salesforce.com/services/oauth2/authorize')
  t.match(Object.fromEntries(asked.searchParams), { code_challenge_method: 'S256', code_challenge: /^[\w-]{43}$/ })
  const refusal = new URLSearchParams({ error: 'access_denied', state: asked.searchParams.get('state') ?? '' })
  await page.goto(`${asked.searchParams.get('redirect_uri')}?${refusal}`)
  t.equal(await title(page), 'Salesforce was not connected')
})
