/** `npm run packages:pictures`: the pictures in the guides for advertisers, from the running product in real Chromium. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import t from 'tap'
import { openLinks } from '../browser/links.ts'

const manifest = join(import.meta.dirname, '../../manifest')

t.test('connecting Salesforce', async (t) => {
  const folder = join(manifest, 'salesforce/pictures')
  await mkdir(folder, { recursive: true })
  const { it, browser, link } = await openLinks(t, { salesforce: {} })
  await it.db.updateTable('workspace').set({ name: 'Acme' }).execute()
  const { orgId, userId } = it.salesforce.addOrg({ name: 'Acme' })
  const page = await browser.newPage({ viewport: { width: 640, height: 480 } })
  const take = (shown: Page, name: string) => shown.locator('main').screenshot({ path: join(folder, `${name}.png`) })
  const allow = async () => {
    await page.getByLabel('User').selectOption(`${orgId}/${userId}`)
    await page.getByRole('button', { name: 'Allow' }).click()
  }

  const url = await link({ crm: 'salesforce' })
  it.salesforce.setFacts({ orgId, packageInstalled: false })
  await page.goto(`${url}/start`)
  await allow()
  await take(page, 'package-first')
  it.salesforce.setFacts({ orgId, packageInstalled: true })

  await page.goto(url)
  await take(page, 'invitation')
  await page.getByRole('link', { name: 'Continue to Salesforce' }).click()
  await allow()
  t.equal(await page.locator('h1').innerText(), 'Salesforce is connected')
  await take(page, 'connected')

  await page.goto(await link('dataset'))
  await take(page, 'dataset')
})
