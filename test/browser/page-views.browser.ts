/** Every view of the settings page as Salesforce frames it: it is there, people who cannot see can use it, and it complains of nothing. */
import t from 'tap'
import { roll } from '../server/figures/roll.ts'
import { picture } from '../support/chromium.ts'
import { busyOrg } from './page/busy-account.ts'
import { buildPage, pages, seriousFindings } from './page/open-page.ts'

const views = {
  overview: 'Way|reported to Meta|Salesforce',
  stages: 'Stages',
  leads: 'Leads & privacy',
  activity: 'Activity',
  connection: 'Connection',
  start: 'Set up',
}

t.before(buildPage)

t.test('every view is there, light, dark and narrow, and axe finds nothing serious', async (t) => {
  const { it, user } = await busyOrg(t)
  await roll(it.db)
  const { framed } = await pages(t, it)
  const { inside, page, complaints } = await framed({ user })
  for (const [view, heading] of Object.entries(views)) {
    await inside.evaluate(`location.hash = ${JSON.stringify(view)}`)
    await inside.getByRole('heading', { level: 1, name: new RegExp(heading) }).waitFor()
    await inside.locator('[aria-busy=true]').first().waitFor({ state: 'detached' })
    await page.waitForLoadState('networkidle')
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      t.strictSame(await seriousFindings(inside), [], `${view}, ${colorScheme}`)
    }
    await page.emulateMedia({ colorScheme: 'light' })
    await page.setViewportSize({ width: 360, height: 640 })
    t.notOk(await inside.evaluate('document.documentElement.scrollWidth > window.innerWidth'), `${view} fits into 360 pixels`)
    await page.setViewportSize({ width: 1180, height: 820 })
    await picture(page, `framed-${view}`)
  }
  t.strictSame(complaints, [])
})

t.test('the funnel shows the leads, drawn and as a table', async (t) => {
  const { it, user } = await busyOrg(t)
  await roll(it.db)
  const { alone } = await pages(t, it)
  const { page } = await alone({ session: { crm: 'salesforce', account: user.orgId, userId: user.userId, admin: true } })
  await page.getByText('Show the numbers').click()
  await page.getByRole('row', { name: /^Raw Lead 9$/ }).waitFor()
  await page.getByRole('row', { name: /^Qualified Lead 2$/ }).waitFor()
  await picture(page, 'page-overview')
  t.equal(await page.locator('.recharts-bar-rectangle').count(), (await page.getByRole('row').count()) - 1)
  t.match(await page.locator('.recharts-label-list').allTextContents(), [/^9/], 'the numbers stand beside the bars')
  for (const view of ['stages', 'leads', 'activity', 'connection']) {
    await page.evaluate(`location.hash = ${JSON.stringify(view)}`)
    await page.getByRole('heading', { level: 1 }).waitFor()
    await page.waitForLoadState('networkidle')
    await picture(page, `page-${view}`)
  }
})
