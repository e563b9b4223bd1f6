/**
 * The session of the page: inside Salesforce a quarter of an hour, and on with a fresh signed request while the page is open; on its own
 * until somebody signs out.
 */
import t, { type Test } from 'tap'
import { ADMIN } from '../simulators/hubspot/start-hubspot.ts'
import { PORTAL, PUBLIC_URL, testApp } from '../support/app.ts'
import { picture } from '../support/chromium.ts'
import { busyOrg } from './page/busy-account.ts'
import { buildPage, endSessions, pages, seriousFindings } from './page/open-page.ts'
import { recipients } from './page/recipients.ts'

t.before(buildPage)

type Refreshed = ReturnType<NonNullable<Parameters<Awaited<ReturnType<typeof pages>>['framed']>[0]['refreshes']>>

/** Somebody has typed an address, and the session is over. `salesforce` says what Salesforce answers from then on. */
async function typed(t: Test, answers: Refreshed = { status: 200 }) {
  const { it, user } = await busyOrg(t, { leads: 1 })
  const asked: string[] = []
  const { framed } = await pages(t, it, {
    async handle(route) {
      asked.push(`${route.request().method()} ${new URL(route.request().url()).pathname}`)
      return false
    },
  })
  const salesforce = { answers }
  const opened = await framed({ user, refreshes: () => salesforce.answers })
  const { inside } = opened
  const address = inside.getByLabel('E-mail address or https URL of a webhook')
  await inside.getByRole('link', { name: 'Connection', exact: true }).click()
  await address.fill('ana@example.com')
  // Nothing else asks for the next session before the change does.
  await opened.page.waitForLoadState('networkidle')
  await endSessions(it)
  return { it, user, ...opened, salesforce, asked, address, add: inside.getByRole('button', { name: 'Add', exact: true }) }
}

t.test('what was typed is saved after the session has ended, and nobody notices', async (t) => {
  const { it, inside, asked, add } = await typed(t)
  await add.click()
  await inside.getByText('Added.').waitFor()
  t.strictSame(await recipients(it), [{ address: 'ana@example.com' }])
  t.equal(asked.filter((one) => one === 'POST /api/session').length, 1, 'renewed once, however many asked at once')
  t.equal(await inside.getByRole('dialog').count(), 0)
})

t.test('where Salesforce gives no new request it is said, nothing typed is lost, and one can try again', async (t) => {
  const { it, inside, page, salesforce, address, add } = await typed(t, { status: 401 })
  await add.click()
  const over = inside.getByRole('dialog', { name: 'Your session has ended' })
  await over.waitFor()
  t.strictSame(await seriousFindings(inside), [])
  await picture(page, 'framed-session-over')
  await over.getByRole('button', { name: 'Try again' }).click()
  await over.getByRole('alert').waitFor()
  salesforce.answers = { status: 200 }
  await over.getByRole('button', { name: 'Try again' }).click()
  await over.waitFor({ state: 'detached' })
  t.equal(await address.inputValue(), 'ana@example.com')
  await add.click()
  await inside.getByText('Added.').waitFor()
  t.strictSame(await recipients(it), [{ address: 'ana@example.com' }])
})

t.test('whoever else is signed in to Salesforce by then saves nothing that another one typed', async (t) => {
  const { it, user, inside, salesforce, add } = await typed(t)
  const { userId } = it.salesforce.addUser({ orgId: user.orgId, username: 'ben@acme.example' })
  salesforce.answers = { status: 200, user: { orgId: user.orgId, userId } }
  await add.click()
  await inside.getByRole('dialog', { name: 'Your session has ended' }).waitFor()
  t.strictSame(await recipients(it), [])
})

t.test('on its own the page goes on after it was loaded anew, asks before it lets go of changes, and ends with signing out', async (t) => {
  const it = await testApp(t)
  const session = { crm: 'hubspot', account: String(PORTAL), userId: ADMIN, admin: true }
  const { page, context } = await (await pages(t, it)).alone({ session })
  await page.getByRole('link', { name: 'Stages', exact: true }).click()
  const event = page.getByRole('textbox', { name: /^Name at Meta of/ }).first()
  await event.waitFor()
  await page.reload()
  await event.waitFor()
  t.match(await page.evaluate('document.title'), /^Stages/)
  await event.fill('Another name')
  const asked: string[] = []
  page.on('dialog', (dialog) => {
    asked.push(dialog.type())
    return dialog.accept()
  })
  await page.reload()
  await event.waitFor()
  t.strictSame(asked, ['beforeunload'])
  t.not(await event.inputValue(), 'Another name')
  await picture(page, 'alone-with-sign-out')

  await page.getByRole('button', { name: 'Sign out' }).click()
  const signIn = page.getByRole('link', { name: 'Sign in with HubSpot' })
  await signIn.waitFor()
  await page.reload()
  await signIn.waitFor()
  t.same(await it.db.selectFrom('page_sign_in').select('id').execute(), [])
  const another = await context.newPage()
  await another.goto(`${PUBLIC_URL}/page`)
  await another.getByRole('link', { name: 'Sign in with HubSpot' }).waitFor()
})
