/** Connecting an account of HubSpot by a link, in real Chromium against the stand-in's consent page. */
import t, { type Test } from 'tap'
import { PORTAL } from '../support/app.ts'
import { picture } from '../support/chromium.ts'
import { openLinks } from './links.ts'

const OTHER = 4004004

async function setUp(t: Test) {
  const opened = await openLinks(t)
  opened.it.hubspot.addPortal({ portalId: OTHER })
  return opened
}

t.test('an admin connects an account, and meets words instead of errors on every side way', async (t) => {
  const { it, browser, link, accounts } = await setUp(t)
  const context = await browser.newContext()
  const page = await context.newPage()
  const title = () => page.locator('h1').innerText()
  const url = await link({ crm: 'hubspot' })

  await page.goto(url)
  t.match(await title(), /^Connect HubSpot for /)
  await picture(page, 'invitation')
  await page.getByRole('link', { name: 'Continue to HubSpot' }).click()
  t.equal(await title(), 'Connect app to HubSpot')
  await page.getByRole('button', { name: 'Cancel' }).click()
  t.equal(await title(), 'HubSpot was not connected')
  await picture(page, 'declined')

  await page.goto(url)
  await page.getByRole('link', { name: 'Continue to HubSpot' }).click()
  await page.goBack()
  t.match(await title(), /^Connect HubSpot for /, 'back and on again')
  await page.getByRole('link', { name: 'Continue to HubSpot' }).click()
  const tab = await context.newPage()
  await tab.goto(`${url}/start`)

  await page.getByLabel(`Account ${OTHER}`).check()
  await page.getByRole('button', { name: 'Connect app' }).dblclick()
  await page.waitForURL(({ pathname }) => pathname.endsWith('/callback'))
  t.match(await title(), /is connected|came before/)
  // The first of the two clicks may still be worked on.
  while ((await title()) === 'This answer came before') await page.reload()
  t.equal(await title(), 'HubSpot is connected')
  await picture(page, 'connected')
  t.strictSame(await accounts(), [String(PORTAL), String(OTHER)])
  t.equal(it.hubspot.tokenCounts().exchanges, 1, 'one consent, one exchange')

  await tab.getByRole('button', { name: 'Connect app' }).click()
  t.equal(await tab.locator('h1').innerText(), 'This link was used')
  await picture(tab, 'used')
})

t.test('an expired code and the wrong account are told, and the next try works', async (t) => {
  const { it, browser, link, accounts } = await setUp(t)
  const page = await browser.newPage()
  const title = () => page.locator('h1').innerText()
  const url = await link({ connectionId: it.connectionId })
  await page.goto(url)
  await page.getByRole('link', { name: 'Continue to HubSpot' }).click()
  await page.getByLabel(`Account ${OTHER}`).check()
  await page.getByRole('button', { name: 'Connect app' }).click()
  t.equal(await title(), 'That was another account')
  await picture(page, 'wrong-account')

  it.hubspot.misbehave({
    how: 'answer',
    path: '/token',
    times: 1,
    status: 400,
    json: { status: 'BAD_AUTH_CODE', error: 'invalid_grant', message: 'expired' },
  })
  await page.goto(`${url}/start`)
  await page.getByLabel(`Account ${PORTAL}`).check()
  await page.getByRole('button', { name: 'Connect app' }).click()
  t.match(await page.locator('main').innerText(), /used before, or it has run out/)

  await page.goto(`${url}/start`)
  await page.getByLabel(`Account ${PORTAL}`).check()
  await page.getByRole('button', { name: 'Connect app' }).click()
  t.equal(await title(), 'HubSpot is connected again')
  t.strictSame(await accounts(), [String(PORTAL)])
})

t.test('an install that begins in the marketplace ends there', async (t) => {
  const { it, browser, accounts, server } = await setUp(t)
  const page = await browser.newPage()
  const install = { portalId: OTHER, installUrl: `${server.url}/oauth/hubspot/callback` }
  await page.goto(it.hubspot.marketplaceInstall(install).url)
  t.equal(await page.locator('h1').innerText(), 'App installed')
  t.strictSame(await accounts(), [String(PORTAL), String(OTHER)])
  const forged = new URL(it.hubspot.marketplaceInstall(install).url)
  forged.searchParams.set('returnUrl', 'https://hubspot.com.evil.example/')
  await page.goto(forged.href)
  t.equal(await page.locator('h1').innerText(), 'This cannot be finished here')
})
