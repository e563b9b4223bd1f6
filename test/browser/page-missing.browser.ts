/** Leads that never reached the CRM, on the settings page: told on the overview, listed under Activity, and gone once they are there. */
import t from 'tap'
import { watchMissing } from '../../server/operations/notices/watch-missing.ts'
import { listMissingLeads } from '../../server/settings/missing-leads.ts'
import { ADMIN } from '../simulators/hubspot/start-hubspot.ts'
import { PORTAL, testApp, until } from '../support/app.ts'
import { picture } from '../support/chromium.ts'
import { manyMissing } from '../support/many-missing.ts'
import { connectPage, longAgo, pagesEnv } from '../support/page.ts'
import { buildPage, pages, seriousFindings } from './page/open-page.ts'

const HOUR_MS = 3_600_000

t.before(buildPage)

t.test('who opens the notice of missing leads finds each of them with its form, and what to do', async (t) => {
  const it = await testApp(t, { env: pagesEnv() })
  const facebook = await connectPage(t, it)
  const emails = Array.from({ length: 12 }, (_, n) => `person${n}@example.com`)
  const ids = emails.map((email, n) => facebook.submit({ email, at: Math.floor(Date.now() / 1000) * 1000 - (3 + n) * HOUR_MS }))
  await until(async () => (await it.db.selectFrom('lead').selectAll().where('captured_at', 'is not', null).execute()).length === 12)
  await longAgo(it)
  await watchMissing(it.db)
  const { alone } = await pages(t, it)
  const { page, complaints } = await alone({ session: { crm: 'hubspot', account: String(PORTAL), userId: ADMIN, admin: true } })
  await page
    .getByText(/12 leads of Meta's did not reach the CRM/)
    .first()
    .waitFor()
  await page.getByRole('link', { name: 'Open activity' }).click()
  const missing = page.getByRole('region', { name: 'Leads that did not reach the CRM' })
  await missing.getByText('12 leads are missing').waitFor()
  t.equal(await missing.getByText('Ask for an offer').count(), 10)
  await missing.getByRole('button', { name: 'Show older' }).click()
  await missing.getByText(`Meta lead ${ids.at(-1)}`).waitFor()
  for (const id of ids) t.equal(await missing.getByText(`Meta lead ${id}`).count(), 1, 'to the digit')
  t.strictSame(await seriousFindings(page), [])
  await picture(page, 'activity-missing')

  await missing.getByRole('combobox', { name: 'A lead is missed after' }).click()
  await page.getByRole('option', { name: '4 hours' }).click()
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await missing.getByText('11 leads are missing').waitFor()
  t.equal((await listMissingLeads({ db: it.db, actor: 'test' }, it.workspaceId)).afterMinutes, 240)

  for (const email of emails) it.hubspot.create({ type: 'contact', properties: { email } })
  await until(async () => (await listMissingLeads({ db: it.db, actor: 'test' }, it.workspaceId)).leads.length === 0)
  await page.getByRole('link', { name: 'Stages', exact: true }).click()
  // What was read a moment ago is not read again for ten seconds.
  await until(async () => {
    await page.getByRole('link', { name: 'Overview', exact: true }).click()
    await page.getByRole('link', { name: 'Activity', exact: true }).click()
    return (await missing.getByText('None: every lead that Meta told of is there.').count()) === 1
  })
  t.strictSame(complaints, [])
})

t.test(
  'older ones come on demand, with the count of all, while the newest move in; what could not be read is asked for once more',
  async (t) => {
    const it = await testApp(t, { env: pagesEnv() })
    const { connectionId } = await connectPage(t, it)
    await longAgo(it)
    const ids = await manyMissing(it, connectionId, { count: 130 })
    const { alone } = await pages(t, it)
    const { page } = await alone({ session: { crm: 'hubspot', account: String(PORTAL), userId: ADMIN, admin: true } })
    await page.getByRole('link', { name: 'Activity', exact: true }).click()
    const missing = page.getByRole('region', { name: 'Leads that did not reach the CRM' })
    await missing.getByText('130 leads are missing').waitFor()
    const lines = missing.getByText(/^Meta lead \d+/)
    const older = missing.getByRole('button', { name: 'Show older' })
    t.equal(await lines.count(), 10)
    await picture(page, 'activity-missing-older')
    await manyMissing(it, connectionId, { count: 3, from: 1_000, hoursAgo: 2 })
    await older.click()
    await missing.getByText(`Meta lead ${ids[59]}`).waitFor()
    await page.route('**/api/leads/missing*', (route) => route.abort())
    await older.click()
    await missing.getByText('The server cannot be reached from here.', { exact: false }).waitFor()
    t.equal(await lines.count(), 60, 'what is there stays')
    await page.unroute('**/api/leads/missing*')
    for (const last of [109, 129]) {
      await older.click()
      await missing.getByText(`Meta lead ${ids[last]}`).waitFor()
    }
    t.equal(await older.count(), 0)
    const shown = (await lines.allTextContents()).map((text) => /\d+/.exec(text)?.[0])
    t.same(shown, ids, 'each once, to the digit')
  },
)

t.test('where the CRM does not tell, that is said; without a page nothing is', async (t) => {
  const it = await testApp(t, { env: pagesEnv() })
  const { alone } = await pages(t, it)
  const session = { crm: 'hubspot', account: String(PORTAL), userId: ADMIN, admin: true }
  const { page } = await alone({ session })
  const heading = page.getByRole('heading', { name: 'Leads that did not reach the CRM' })
  await page.getByRole('link', { name: 'Activity', exact: true }).click()
  await page.getByRole('heading', { name: 'Read the past in' }).waitFor()
  await page.waitForLoadState('networkidle')
  t.equal(await heading.count(), 0)
  await connectPage(t, it)
  await it.db.updateTable('connection').set({ state: 'paused' }).where('id', '=', it.connectionId).execute()
  const again = (await alone({ session })).page
  await again.getByRole('link', { name: 'Activity', exact: true }).click()
  await again.getByText(/is paused. Whether leads are missing there cannot be said/).waitFor()
})
