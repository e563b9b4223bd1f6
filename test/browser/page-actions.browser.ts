/** What else a person can do on the settings page: each thing is done, and is found done on the server. */
import t, { type Test } from 'tap'
import { roll } from '../server/figures/roll.ts'
import { ADMIN } from '../simulators/hubspot/start-hubspot.ts'
import { PORTAL, PUBLIC_URL, testApp, until } from '../support/app.ts'
import { picture } from '../support/chromium.ts'
import { buildPage, pages, seriousFindings } from './page/open-page.ts'
import { recipients } from './page/recipients.ts'

t.before(buildPage)

/** A portal in which three people became customers, one of them of nobody knows which form. */
async function opened(t: Test, view: string) {
  const it = await testApp(t)
  for (const n of [1, 2, 3]) {
    const properties = { email: `person${n}@example.com`, ...(n < 3 && { meta_lead_id: `123456789012345${n}` }) }
    const { id } = it.hubspot.create({ portalId: PORTAL, type: 'contact', properties })
    await it.settled()
    it.hubspot.change({ portalId: PORTAL, type: 'contact', id, properties: { lifecyclestage: 'customer' } })
  }
  await it.settled()
  const shown = await (await pages(t, it)).alone({
    session: { crm: 'hubspot', account: String(PORTAL), userId: ADMIN, admin: true },
  })
  const { page } = shown
  const show = async (name: string) => {
    await page.getByRole('link', { name, exact: true }).click()
    await page.getByRole('heading', { level: 1, name }).waitFor()
  }
  await show(view)
  const button = (name: string | RegExp) => page.getByRole('button', typeof name === 'string' ? { name, exact: true } : { name })
  const connection = () => it.db.selectFrom('connection').selectAll().where('id', '=', it.connectionId).executeTakeFirstOrThrow()
  return { it, ...shown, show, button, connection }
}

t.test('the activity is told by reason, and each record has its story', async (t) => {
  const { it, page, button } = await opened(t, 'Activity')
  await page
    .getByRole('region', { name: 'By result' })
    .getByRole('button', { name: /Waiting/ })
    .click()
  await page.getByText(/^Only: No Meta lead is known/).waitFor()
  await button('Everything').click()
  await page
    .getByRole('button', { name: /→ Converted.*Sent to Meta/ })
    .first()
    .click()
  const story = page.getByRole('dialog', { name: 'The story of this record' })
  await story.getByText(/^123456789012345\d/).waitFor()
  await story.getByText('What Meta answered').first().click()
  await story
    .getByText(/fbtraceId/)
    .first()
    .waitFor()
  t.strictSame(await seriousFindings(page), [])
  await picture(page, 'activity-story')
  await story.getByRole('button', { name: 'Close' }).click()
  await page
    .getByRole('button', { name: /Customer.*Waiting|customer.*Waiting/ })
    .first()
    .click()
  await story.getByRole('button', { name: 'Try again' }).click()
  await page.getByText(/being tried again/).waitFor()
  t.match(await it.db.selectFrom('audit').select('action').where('action', 'like', 'record.%').execute(), [{ action: 'record.retry' }])
})

t.test('the past is read in after a dry run', async (t) => {
  const { it, page, button } = await opened(t, 'Activity')
  await button('Begin the dry run').click()
  await page.getByText('The dry run is done').waitFor()
  await page.getByText(/3 records were read/).waitFor()
  await picture(page, 'activity-backfill')
  await button('Cancel it').click()
  await page.getByText('Cancelled').waitFor()
  t.match(await it.db.selectFrom('backfill').select('state').execute(), [{ state: 'cancelled' }])
})

t.test('rules are changed with real counts beside them, and a rule that was changed elsewhere is not overwritten', async (t) => {
  const { it, page, button, connection } = await opened(t, 'Leads & privacy')
  await page.getByText('2 of your latest 3 people would count').first().waitFor()
  await page.getByRole('radio', { name: /Only leads with a Meta lead id/ }).click()
  await button('Add a rule: Opt-out').click()
  await page.getByRole('combobox', { name: 'Field', exact: true }).click()
  await page.getByRole('option', { name: /email/i }).first().click()
  await page.getByRole('textbox', { name: 'Value' }).fill('nobody@example.com')
  await button('Add').click()
  await button('Save').click()
  await page.getByText('Saved. It counts from now on.').waitFor()
  t.match((await connection()).rules, { whichLeads: 'lead_id_only', optOut: [{ equals: 'nobody@example.com' }] })

  await page.getByRole('switch', { name: 'Send moves backward' }).click({ force: true })
  await it.db
    .updateTable('connection')
    .set({ rules: JSON.stringify({ repeats: true }) })
    .where('id', '=', it.connectionId)
    .execute()
  await button('Save').click()
  await page.getByText('nothing of theirs was overwritten').waitFor()
  await page.getByRole('alert').getByText('Send a stage each time it is reached').waitFor()
  await button('Save mine all the same').click()
  await until(async () => 'backward' in ((await connection()).rules as object))
  t.match((await connection()).rules, { repeats: true, backward: true })
})

t.test('the connection is paused, set to shadow mode and live again, each after a question where it matters', async (t) => {
  const { it, page, button, connection } = await opened(t, 'Connection')
  await button('Pause').click()
  await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click()
  await page.getByText('Paused. Nothing is sent.').waitFor()
  t.equal((await connection()).state, 'paused')
  await button('Go on').click()
  await page.getByText('Working again.').waitFor()
  await button(/^Set to shadow mode/).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Set to shadow mode' }).click()
  await page.getByText('Shadow mode: nothing is sent.').waitFor()
  await button(/^Set live/).click()
  await page.getByRole('dialog').getByText('or they count twice').waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'Set live' }).click()
  await page.getByText('Live: events go to Meta.').waitFor()
  t.match(await it.db.selectFrom('route').select('mode').execute(), [{ mode: 'live' }])
  await button('Check it').click()
  await page
    .getByText(/Everything that is needed is there|permission|property/i)
    .first()
    .waitFor()
})

t.test('people are told, colleagues invited, files fetched', async (t) => {
  const { it, page, context, button } = await opened(t, 'Connection')
  await page.getByLabel('E-mail address or https URL of a webhook').fill('nobody')
  await button('Add').click()
  await page.getByText('An e-mail address, or a URL that begins').waitFor()
  await page.getByLabel('E-mail address or https URL of a webhook').fill('ana@example.com')
  await button('Add').click()
  await button('Take out: ana@example.com').waitFor()
  await button('Take out: ana@example.com').click()
  await page.getByRole('dialog').getByRole('button', { name: 'Take out' }).click()
  await page.getByText('Nobody yet.').waitFor()
  t.strictSame(await recipients(it), [])

  await page.getByRole('combobox', { name: 'Time zone' }).fill('Tokyo')
  await page.getByRole('option', { name: 'Asia/Tokyo' }).click()
  await button('Save').click()
  await page.getByText('Saved.').waitFor()

  await button('Send a link instead').click()
  const link = page.getByRole('textbox', { name: 'Link for a colleague' })
  t.match(await link.inputValue(), new RegExp(`^${PUBLIC_URL}/connect/`))

  const fetched = context.waitForEvent('response', (response) => /\/api\/downloads\/./.test(response.url()))
  await button('Settings (JSON)').click()
  t.match((await fetched).headers()['content-disposition'], /^attachment; filename="leadstage-configuration-\d+\.json"$/)
})

t.test('a notice is fixed where it is told, and a step of the way is ticked', async (t) => {
  const { it, page, show, button } = await opened(t, 'Connection')
  const subject = `dataset:${it.datasetId}`
  const text = 'Meta has stopped accepting our access.'
  await roll(it.db)
  await it.db.insertInto('notice').values({ workspace_id: it.workspaceId, subject, code: 'reconnect', text }).execute()
  await page.getByRole('link', { name: 'Overview', exact: true }).click()
  await page.getByRole('heading', { level: 1, name: text }).waitFor()
  await picture(page, 'overview-attention')
  await page.getByRole('link', { name: 'Give new access' }).click()
  await button(/^New token/).click()
  await page.getByRole('dialog').getByLabel('Dataset id').waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('link', { name: 'Overview', exact: true }).click()
  await button(/^Mark as done: The events are seen/).click()
  await page.getByText(/Marked by you on/).waitFor()
  await button(/^Not done after all/).click()
  await button(/^Mark as done: The events are seen/).waitFor()
  await show('Connection')
})

t.test('whoever leaves says so twice, and is gone', async (t) => {
  const { page, button, connection } = await opened(t, 'Connection')
  await button('Leave Leadstage').click()
  const dialog = page.getByRole('dialog', { name: 'Leave Leadstage?' })
  t.ok(await dialog.getByRole('button', { name: 'Leave Leadstage' }).isDisabled())
  await dialog.getByRole('checkbox').check()
  await picture(page, 'connection-leave')
  await dialog.getByRole('button', { name: 'Leave Leadstage' }).click()
  await page.getByRole('heading', { name: 'HubSpot is not connected yet' }).waitFor()
  await until(async () => (await connection()).state === 'removed')
})
