/** `npm run packages:pictures`: the pictures in the guides for advertisers, from the running product in real Chromium. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Frame, Locator, Page } from 'playwright-core'
import t from 'tap'
import { words } from '../../server/settings/web/src/words.ts'
import { openLinks } from '../browser/links.ts'
import { busyOrg } from '../browser/page/busy-account.ts'
import { buildPage, pages } from '../browser/page/open-page.ts'
import { roll } from '../server/figures/roll.ts'
import { type TestApp, testApp, until } from '../support/app.ts'
import { openChromium } from '../support/chromium.ts'
import { signedIn } from '../support/settings-page.ts'
import { accountWithLeads } from './hubspot/account-with-leads.ts'
import { drawPage } from './hubspot/draw.ts'
import { type Shown, show } from './hubspot/extension.ts'
import { palettePng } from './palette-png.ts'
import { settle } from './settle.ts'

const manifest = join(import.meta.dirname, '../../manifest')
const WIDTH = 900
/** What is further down would make a guide long, and is like what is above. */
const MOST_HEIGHT = 1_000

/** Takes pictures of elements into the folder of a guide. */
async function camera(guide: string): Promise<(shown: Locator, name: string) => Promise<void>> {
  const folder = join(manifest, guide, 'pictures')
  await mkdir(folder, { recursive: true })
  return async (shown, name) => {
    const box = await shown.boundingBox()
    if (box === null) throw new Error(`There is nothing to be seen for ${name}.`)
    const clip = { x: box.x, y: box.y, width: box.width, height: Math.min(box.height, MOST_HEIGHT) }
    await writeFile(join(folder, `${name}.png`), palettePng(await shown.page().screenshot({ clip, fullPage: true })))
  }
}

t.test('connecting Salesforce', async (t) => {
  const take = await camera('salesforce')
  const { it, browser, link } = await openLinks(t, { salesforce: {} })
  await it.db.updateTable('workspace').set({ name: 'Acme' }).execute()
  const { orgId, userId } = it.salesforce.addOrg({ name: 'Acme' })
  const page = await browser.newPage({ viewport: { width: 640, height: 480 } })
  const main = page.locator('main')
  const allow = async () => {
    await page.getByLabel('User').selectOption(`${orgId}/${userId}`)
    await page.getByRole('button', { name: 'Allow' }).click()
  }

  const url = await link({ crm: 'salesforce' })
  it.salesforce.setFacts({ orgId, packageInstalled: false })
  await page.goto(`${url}/start`)
  await allow()
  await take(main, 'package-first')
  it.salesforce.setFacts({ orgId, packageInstalled: true })

  await page.goto(url)
  await take(main, 'invitation')
  await page.getByRole('link', { name: 'Continue to Salesforce' }).click()
  await allow()
  t.equal(await page.locator('h1').innerText(), 'Salesforce is connected')
  await take(main, 'connected')

  await page.goto(await link('dataset'))
  await take(main, 'dataset')
})

/** Gives the advertiser a name. */
const name = ({ db }: Pick<TestApp, 'db'>, connectionId: number) =>
  db
    .updateTable('workspace')
    .set({ name: 'Acme' })
    .where('id', '=', (e) => e.selectFrom('connection').select('workspace_id').where('id', '=', connectionId))
    .execute()

type View = Exclude<keyof typeof words.views, 'label'>
const views: View[] = ['overview', 'stages', 'leads', 'activity', 'connection']

/** Opens a view of the web page, and waits until it shows what it has. */
async function open(page: Page | Frame, view: View): Promise<Locator> {
  await page.evaluate(`location.hash = ${JSON.stringify(view)}`)
  await until(async () => (await page.title()).startsWith(words.views[view]))
  await page.locator('[aria-busy=true]').first().waitFor({ state: 'detached' })
  await page.waitForLoadState('networkidle')
  return page.locator('body')
}

t.test('the page in Salesforce', async (t) => {
  await buildPage()
  const take = await camera('salesforce')
  const salesforce = async (options: { fresh?: boolean }) => {
    const { it, user, connectionId } = await busyOrg(t, options)
    const session = { crm: 'salesforce', account: user.orgId, userId: user.userId, admin: true }
    await name(it, connectionId)
    if (!options.fresh) await settle(await signedIn(it, session))
    await roll(it.db)
    return (await (await pages(t, it)).framed({ user, viewport: { width: WIDTH, height: MOST_HEIGHT } })).inside
  }
  const page = await salesforce({})
  for (const view of views) await take(await open(page, view), view)
  const first = await salesforce({ fresh: true })
  await take(await open(first, 'start'), 'start')
})

const ACCOUNT = 4_004_004

t.test('connecting HubSpot', async (t) => {
  const take = await camera('hubspot')
  const { it, browser, link } = await openLinks(t)
  await it.db.updateTable('workspace').set({ name: 'Acme' }).execute()
  const page = await browser.newPage({ viewport: { width: 640, height: 480 } })
  await page.goto(await link({ crm: 'hubspot' }))
  await take(page.locator('main'), 'invitation')
  it.hubspot.addPortal({ portalId: ACCOUNT })
  await page.getByRole('link', { name: 'Continue to HubSpot' }).click()
  await page.getByLabel(`Account ${ACCOUNT}`).check()
  await page.getByRole('button', { name: 'Connect app' }).click()
  await page.getByRole('heading', { name: 'HubSpot is connected' }).waitFor()
  await take(page.locator('main'), 'connected')
})

t.test('the extensions in HubSpot', async (t) => {
  const take = await camera('hubspot')
  const browser = await openChromium(t)
  const page = await browser.newPage({ viewport: { width: WIDTH, height: 700 } })
  const draw = async (shown: Shown, name: string) => {
    await shown.still()
    await page.setContent(drawPage(shown.tree()))
    await take(page.locator('main'), name)
  }

  const fresh = await testApp(t)
  for (const table of ['route', 'mapping'] as const) await fresh.db.deleteFrom(table).execute()
  await fresh.db.updateTable('connection').set({ state: 'setup' }).execute()
  await draw(await show(t, fresh, 'settings'), 'start')

  const { it, contacts } = await accountWithLeads(t)
  const settings = await show(t, it, 'settings')
  for (const view of ['stages', 'leads', 'connection']) {
    await settings.open(view)
    await draw(settings, view)
  }
  const own = await show(t, it, 'pages')
  await draw(own, 'overview')
  await own.open('activity')
  await draw(own, 'activity')
  await draw(await show(t, it, 'cards', { objectId: Number(contacts[0]) }), 'card')
})
