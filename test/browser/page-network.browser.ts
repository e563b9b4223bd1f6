/** The settings page on bad networks, after its session, and for people who may not change anything. */
import t, { type Test } from 'tap'
import { ADMIN } from '../simulators/hubspot/start-hubspot.ts'
import { PORTAL, PUBLIC_URL, testApp, until } from '../support/app.ts'
import { picture } from '../support/chromium.ts'
import { buildPage, endSessions, endSignIns, pages, seriousFindings } from './page/open-page.ts'
import { recipients } from './page/recipients.ts'

t.before(buildPage)

const session = { crm: 'hubspot', account: String(PORTAL), userId: ADMIN, admin: true }

/** A page on a network that does to the API's requests what the test says. */
async function onNetwork(t: Test) {
  const it = await testApp(t)
  const network = {
    fails: (_path: string): boolean => false,
    loses: (_path: string): boolean => false,
    holds: undefined as Promise<void> | undefined,
  }
  const asked: string[] = []
  const { alone } = await pages(t, it, {
    async handle(route) {
      const { pathname } = new URL(route.request().url())
      if (!pathname.startsWith('/api/')) return false
      asked.push(`${route.request().method()} ${pathname}`)
      await network.holds
      if (network.fails(pathname)) {
        await route.abort()
        return true
      }
      if (!network.loses(pathname)) return false
      // It arrives, and the answer gets lost.
      await route.fetch({ url: route.request().url().replace(PUBLIC_URL, it.url) })
      await route.abort()
      return true
    },
  })
  return { it, network, asked, open: () => alone({ session }) }
}

t.test('on a slow network the page shows what is coming, and on a failing one what can be done', async (t) => {
  const { network, open } = await onNetwork(t)
  const { page, context } = await open()
  await page.getByRole('link', { name: 'Activity' }).waitFor()
  let go = () => {}
  network.holds = new Promise((resolve) => {
    go = resolve
  })
  await page.getByRole('link', { name: 'Activity' }).click()
  await page.getByRole('status', { name: 'Loading' }).first().waitFor()
  await picture(page, 'page-loading')
  network.fails = () => true
  // The browser knows of it, too, and says so to the page.
  await context.setOffline(true)
  go()
  await page.getByText('The server cannot be reached from here').first().waitFor()
  t.strictSame(await seriousFindings(page), [])
  await picture(page, 'page-offline')
  network.fails = () => false
  network.holds = undefined
  await context.setOffline(false)
  // Each that is pressed goes away.
  await until(async () => {
    const again = page.getByRole('button', { name: 'Try again' }).first()
    if (await again.isVisible()) await again.click({ timeout: 5_000 }).catch(() => undefined)
    return (await page.getByRole('button', { name: 'Try again' }).count()) === 0
  })
  await page.getByText('Nothing yet. As soon as a lead reaches a stage').first().waitFor()
})

t.test('a view that cannot be fetched says so, and the rest of the page stays', async (t) => {
  const { open } = await onNetwork(t)
  const { page } = await open()
  await page.route(/\/assets\/connection-/, (route) => route.abort())
  await page.getByRole('link', { name: 'Connection', exact: true }).click()
  await page.getByText('A part of this page could not be fetched').waitFor()
  t.strictSame(await seriousFindings(page), [])
  await picture(page, 'page-part-missing')
  await page.getByRole('link', { name: 'Activity', exact: true }).click()
  await page.getByRole('heading', { level: 1, name: 'Activity' }).waitFor()
})

t.test('a change whose answer got lost is made once', async (t) => {
  const { it, network, asked, open } = await onNetwork(t)
  const { page } = await open()
  await page.getByRole('link', { name: 'Connection', exact: true }).click()
  let lost = 0
  network.loses = (path) => path === '/api/recipients' && asked.at(-1)?.startsWith('POST') === true && lost++ === 0
  await page.getByLabel('E-mail address or https URL of a webhook').fill('ana@example.com')
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  await page.getByText('Added.').waitFor()
  t.equal(asked.filter((one) => one === 'POST /api/recipients').length, 2, 'asked for twice')
  t.equal((await recipients(it)).length, 1, 'and made once')
})

t.test('whoever signed in stays so while the page is open', async (t) => {
  const { it, asked, open } = await onNetwork(t)
  const { page } = await open()
  await page.getByRole('link', { name: 'Activity' }).waitFor()
  await endSessions(it)
  await page.getByRole('link', { name: 'Connection', exact: true }).click()
  await page.getByText('Nobody yet. Add an address').waitFor()
  t.equal(asked.filter((one) => one === 'POST /api/session').length, 2, 'signed in once, renewed once, however many asked at once')
})

t.test('a session that is over says so, and what was typed is still there', async (t) => {
  const { it, open } = await onNetwork(t)
  const { page } = await open()
  await page.getByRole('link', { name: 'Connection', exact: true }).click()
  await page.getByLabel('E-mail address or https URL of a webhook').fill('ana@example.com')
  await endSignIns(it)
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  await page.getByRole('dialog', { name: 'Your session has ended' }).waitFor()
  await picture(page, 'page-session-over')
  t.equal(await page.getByLabel('E-mail address or https URL of a webhook').inputValue(), 'ana@example.com')
  await page.getByRole('link', { name: 'Sign in again' }).click()
  await page.getByRole('heading', { name: 'Sign in to Leadstage' }).waitFor()
})

t.test('whoever is no admin reads everything and can press nothing that changes something', async (t) => {
  const it = await testApp(t)
  const { alone } = await pages(t, it)
  const { page, complaints } = await alone({ session: { ...session, admin: false } })
  await page.getByText('Read only').waitFor()
  for (const view of ['Stages', 'Leads & privacy', 'Connection']) {
    await page.getByRole('link', { name: view, exact: true }).click()
    await page.getByText('You can look, and not change').waitFor()
  }
  await page.getByText('Dataset', { exact: false }).first().waitFor()
  t.ok(await page.getByRole('button', { name: 'Pause' }).isDisabled())
  t.ok(await page.getByRole('button', { name: 'Leave Leadstage' }).isDisabled())
  t.strictSame(await seriousFindings(page), [])
  await picture(page, 'page-read-only')
  t.strictSame(complaints, [])
})

t.test('an account that is not connected is led to its consent', async (t) => {
  const it = await testApp(t)
  const { alone } = await pages(t, it)
  const { page, context } = await alone({ session: { ...session, account: '999' } })
  await page.getByRole('heading', { name: 'HubSpot is not connected yet' }).waitFor()
  await picture(page, 'page-not-connected')
  t.strictSame(await seriousFindings(page), [])
  const opened = context.waitForEvent('page')
  await page.getByRole('button', { name: 'Connect HubSpot' }).click()
  await until(async () => (await opened).url() !== 'about:blank')
  t.match((await opened).url(), /\/connect\/|\/oauth\//)
})

t.test('whoever comes without a sign-in is offered one, and a code that was used says so', async (t) => {
  const it = await testApp(t)
  const { alone } = await pages(t, it)
  const { page: signedIn, context } = await alone({ session })
  await signedIn.getByRole('heading', { level: 1 }).waitFor()
  t.equal(await signedIn.evaluate('location.hash'), '', 'the code is in no history')
  const page = await context.newPage()
  await page.goto(`${PUBLIC_URL}/page`)
  await page.getByRole('heading', { name: 'Sign in to Leadstage' }).waitFor()
  t.equal(await page.getByRole('link', { name: 'Sign in with HubSpot' }).getAttribute('href'), '/sign-in/hubspot')
  t.strictSame(await seriousFindings(page), [])
  await picture(page, 'page-sign-in')
  await page.goto('about:blank')
  await page.goto(`${PUBLIC_URL}/page#code=${'x'.repeat(43)}`)
  await page.getByRole('heading', { name: 'You were not signed in' }).waitFor()
})
