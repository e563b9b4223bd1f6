/** Pop-up blockers: what should open in a tab of its own is not lost where the browser refuses one. */
import t from 'tap'
import { ADMIN } from '../simulators/hubspot/start-hubspot.ts'
import { PORTAL, testApp } from '../support/app.ts'
import { picture } from '../support/chromium.ts'
import { buildPage, pages, seriousFindings } from './page/open-page.ts'

t.before(buildPage)

t.test('where the browser refuses a tab, there is a link to press', async (t) => {
  const it = await testApp(t)
  const { page, context } = await (await pages(t, it)).alone({
    session: { crm: 'hubspot', account: String(PORTAL), userId: ADMIN, admin: true },
  })
  await page.getByRole('link', { name: 'Connection', exact: true }).click()
  const connect = page.getByRole('button', { name: 'Connect again' })
  /** The tab that opens by it is on its way to a consent page, and cannot reach back. */
  const opens = async (press: () => Promise<void>) => {
    const opened = context.waitForEvent('page')
    await press()
    const tab = await opened
    await tab.waitForURL(/\/connect\/|\/oauth\//)
    t.equal(await tab.evaluate('window.opener'), null)
    await tab.close()
  }
  await opens(() => connect.click())
  // As a browser does with what was not asked for by pressing something a moment ago.
  await page.evaluate('window.open = () => null')
  await connect.click()
  const refused = page.getByRole('dialog', { name: 'Your browser did not open a new tab' })
  await refused.waitFor()
  t.strictSame(await seriousFindings(page), [])
  await picture(page, 'tab-refused')
  await opens(() => refused.getByRole('link', { name: 'Open it in a new tab' }).click())
  await refused.waitFor({ state: 'detached' })
})
