/** What an admin does about the connection, its datasets and the people who are told: each thing is done, and is found done on the server. */
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { ADMIN } from '../simulators/hubspot/start-hubspot.ts'
import { DATASET, PORTAL, type TestAppOptions, testApp } from '../support/app.ts'
import { picture } from '../support/chromium.ts'
import { busyOrg } from './page/busy-account.ts'
import { buildPage, pages, seriousFindings } from './page/open-page.ts'
import { recipients } from './page/recipients.ts'

t.before(buildPage)

/** The Connection view of a portal, for as many admins as come. */
async function portal(t: Test, options: TestAppOptions = {}) {
  const it = await testApp(t, options)
  const { alone } = await pages(t, it)
  const open = async (userId = ADMIN) => {
    const shown = await alone({ session: { crm: 'hubspot', account: String(PORTAL), userId, admin: true } })
    const { page } = shown
    await page.getByRole('link', { name: 'Connection', exact: true }).click()
    await page.getByRole('button', { name: /^CRM dataset/ }).waitFor()
    const button = (name: string | RegExp) => page.getByRole('button', typeof name === 'string' ? { name, exact: true } : { name })
    return { ...shown, button, dialog: (name: string | RegExp) => page.getByRole('dialog', { name }) }
  }
  const dataset = () => it.db.selectFrom('dataset').selectAll().where('id', '=', it.datasetId).executeTakeFirstOrThrow()
  const route = () => it.db.selectFrom('route').selectAll().where('connection_id', '=', it.connectionId).executeTakeFirstOrThrow()
  return { it, open, dataset, route }
}

t.test('which leads go to a dataset is seen and narrowed, and two who do that at once are told of each other', async (t) => {
  const { open, route } = await portal(t)
  const [ana, ben] = [await open(), await open('707')]
  await ana.page.getByText('All leads of this account go to it').waitFor()
  const choose = async ({ page, button, dialog }: typeof ana, kind: string) => {
    await button(/^Which leads: /).click()
    const which = dialog(`Which leads go to dataset ${DATASET}`)
    await which.getByRole('combobox', { name: 'Kinds of records' }).click()
    await page.getByRole('option', { name: kind, exact: true }).click()
    await page.keyboard.press('Escape')
    return which
  }
  const mine = await choose(ben, 'Deal')
  const first = await choose(ana, 'Contact')
  t.strictSame(await seriousFindings(ana.page), [])
  await picture(ana.page, 'connection-which-leads')
  await first.getByRole('button', { name: 'Save', exact: true }).click()
  await ana.page.getByText('Only Contact').waitFor()
  t.match((await route()).filter, { recordTypes: ['contact'] })

  await mine.getByRole('button', { name: 'Save', exact: true }).click()
  await mine.getByText(/^Changed by HubSpot user/).waitFor()
  await mine.getByText('Kinds of records: Everything → Contact').waitFor()
  t.strictSame(await seriousFindings(ben.page), [])
  await picture(ben.page, 'connection-which-leads-conflict')
  t.match((await route()).filter, { recordTypes: ['contact'] }, 'nothing is overwritten')
  await mine.getByRole('button', { name: 'Save mine all the same' }).click()
  await ben.page.getByText('Only Deal').waitFor()
  t.match((await route()).filter, { recordTypes: ['deal'] })
})

t.test('shadow mode is asked about before what waits is given up, and whoever comes second is told', async (t) => {
  const { open, route } = await portal(t)
  const second = await open('707')
  const { page, button, dialog } = await open()
  await button(/^Set to shadow mode: /).click()
  await dialog('Set it to shadow mode?').getByText('everything happens but the sending').waitFor()
  await dialog('Set it to shadow mode?').getByRole('button', { name: 'Cancel' }).click()
  t.equal((await route()).mode, 'live')
  await button(/^Set to shadow mode: /).click()
  await dialog('Set it to shadow mode?').getByRole('button', { name: 'Set to shadow mode' }).click()
  await page.getByText('Shadow mode: nothing is sent.').waitFor()
  t.equal((await route()).mode, 'shadow')

  await second.button(/^Set to shadow mode: /).click()
  await second.dialog('Set it to shadow mode?').getByRole('button', { name: 'Set to shadow mode' }).click()
  await second.page.getByText(/^Changed by HubSpot user/).waitFor()
  await second.dialog('Set it to shadow mode?').waitFor({ state: 'detached' })
  await second.button('Show what is there now').click()
  await second.button(/^Set live: /).waitFor()
})

t.test('whether a dataset is one for CRM events is said, and its access given back by who says so twice', async (t) => {
  const { open, dataset } = await portal(t)
  const { page, button, dialog } = await open()
  await page.getByText('Whether it is one for CRM events is not known').waitFor()
  await button(/^CRM dataset\?: /).click()
  const crm = dialog(`Is dataset ${DATASET} one for CRM events?`)
  await crm.getByRole('radio', { name: 'No', exact: true }).check()
  await crm.getByText('Connect data sources').waitFor()
  t.strictSame(await seriousFindings(page), [])
  await picture(page, 'connection-crm-dataset')
  await crm.getByRole('radio', { name: 'Yes', exact: true }).check()
  await crm.getByRole('button', { name: 'Save', exact: true }).click()
  await page.getByText('A dataset for CRM events', { exact: true }).waitFor()
  t.equal((await dataset()).crm_dataset, 'yes')

  await button(/^Give the access back: /).click()
  const leave = dialog(`Give the access to dataset ${DATASET} back?`)
  t.ok(await leave.getByRole('button', { name: 'Give the access back' }).isDisabled())
  await leave.getByRole('checkbox').check()
  await picture(page, 'connection-leave-dataset')
  await leave.getByRole('button', { name: 'Give the access back' }).click()
  await page.getByText('The token stays good at Meta').waitFor()
  await leave.waitFor({ state: 'detached' })
  t.match(await dataset(), { state: 'held', hold_reason: 'left' })
  t.equal(await button(/^Give the access back: /).count(), 0)
  t.ok(await button(/^New token: /).isEnabled(), 'it can be connected anew')
  t.strictSame(await seriousFindings(page), [])
  await picture(page, 'connection-dataset-left')
})

t.test('Meta’s own pages and a sharing are offered where this server has them', async (t) => {
  const [ours, metaId] = ['EAAsystemuser0000000000000000000001', '700000000000077']
  const app = { id: '1234567890', secret: 'meta-app-secret' }
  const { it, open } = await portal(t, {
    meta: { app: { ...app, configurations: {}, redirectUris: [], tokens: [ours] } },
    env: {
      ...{ META_APP_ID: app.id, META_APP_SECRET: app.secret, META_BUSINESS_EXTENSION: 'on' },
      ...{ META_BUSINESS_ID: '99000111', META_SYSTEM_USER_TOKEN: ours },
    },
  })
  it.meta.addDataset({ id: metaId, tokens: [ours] })
  const { page, context, button } = await open()
  await button('Add a dataset').click()
  await page.getByText('Meta’s Business Extension leads you through').waitFor()
  t.equal(await page.getByText('Sign in with Facebook').count(), 0, 'which is not set up here')
  await picture(page, 'connection-add-dataset')
  t.strictSame(await seriousFindings(page), [])
  const opened = context.waitForEvent('page')
  await button('Connect at Meta').click()
  const tab = await opened
  await tab.getByRole('button', { name: 'Set up with Meta' }).waitFor()
  await tab.close()

  await page.getByLabel('Dataset id').fill(metaId)
  await page.getByRole('checkbox', { name: /It is shared with our business/ }).check()
  t.ok(await page.getByRole('textbox', { name: 'Access token' }).isDisabled())
  await page.getByRole('radio', { name: 'Yes', exact: true }).check()
  await button('Connect it').click()
  await page.getByText('The dataset is connected.').waitFor()
  t.match(await it.db.selectFrom('dataset').select('access').where('meta_id', '=', metaId).execute(), [{ access: 'shared' }])
})

t.test('whoever leaves Salesforce is told what goes with the app, and saves it', async (t) => {
  const { it, user } = await busyOrg(t, { leads: 1 })
  const { framed } = await pages(t, it)
  const { inside, page, context } = await framed({ user })
  await inside.getByRole('link', { name: 'Connection', exact: true }).click()
  await inside.getByRole('button', { name: 'Leave Leadstage' }).click()
  const dialog = inside.getByRole('dialog', { name: 'Leave Leadstage?' })
  await dialog.getByText(/deletes the fields it brought/).waitFor()
  await picture(page, 'connection-leave-salesforce')
  t.strictSame(await seriousFindings(inside), [])
  const fetched = context.waitForEvent('response', (response) => /\/api\/downloads\/./.test(response.url()))
  await dialog.getByRole('button', { name: 'Meta lead ids of the CRM (CSV)' }).click()
  t.match((await fetched).headers()['content-disposition'], /^attachment; filename="leadstage-lead-ids-\d+\.csv"$/)
})

t.test('what is left to do by hand after leaving is read before the account is gone from sight', async (t) => {
  const { it, open } = await portal(t)
  const { page, button, dialog } = await open()
  it.hubspot.fail({ status: 500, path: 'external-install', times: 0 })
  await button('Leave Leadstage').click()
  await dialog('Leave Leadstage?').getByRole('checkbox').check()
  await dialog('Leave Leadstage?').getByRole('button', { name: 'Leave Leadstage' }).click()
  const left = dialog('What is left to do by hand')
  await left.getByText('Remove the app in the CRM by hand').waitFor()
  t.strictSame(await seriousFindings(page), [])
  await picture(page, 'connection-left')
  await left.getByRole('button', { name: 'Close' }).click()
  await page.getByRole('heading', { name: 'HubSpot is not connected yet' }).waitFor()
})

t.test('two who say at once who is told are told of each other', async (t) => {
  const { it, open } = await portal(t)
  const [ana, ben] = [await open(), await open('707')]
  const add = async ({ page, button }: typeof ana) => {
    await page.getByLabel('E-mail address or https URL of a webhook').fill('eva@example.com')
    await button('Add').click()
  }
  await add(ana)
  await ana.page.getByText('Added.').waitFor()
  await add(ben)
  const told = ben.page.getByRole('alert').filter({ hasText: 'This address is told of the notices of this workspace already.' })
  await told.getByText(/^Changed by HubSpot user/).waitFor()
  await told.getByText('Added somebody who is told of notices').waitFor()
  await told.getByRole('button', { name: 'Show what is there now' }).click()
  const takesOut = async ({ button, dialog }: typeof ana) => {
    await button('Take out: eva@example.com').click()
    await dialog('Take out eva@example.com?').getByRole('button', { name: 'Take out' }).click()
  }
  await takesOut(ben)
  await ben.page.getByText('eva@example.com was taken out.').waitFor()
  t.strictSame(await recipients(it), [])
  await takesOut(ana)
  await ana.page.getByText('Took out somebody who was told of notices').first().waitFor()
  t.strictSame(await seriousFindings(ana.page), [])
  await picture(ana.page, 'connection-people-conflict')
  await ana.page.getByRole('button', { name: 'Show what is there now' }).click()
  await ana.page.getByText('Nobody yet.').waitFor()
})

t.test('of two who change the digest at once, each part stays as it was changed', async (t) => {
  const { it, open } = await portal(t)
  const [ana, ben] = [await open(), await open('707')]
  const pick = async ({ page }: typeof ana, label: string, option: string) => {
    await page.getByRole('combobox', { name: label, exact: true }).click()
    await page.getByRole('option', { name: option, exact: true }).click()
  }
  await pick(ben, 'Hour', '17:00')
  await pick(ana, 'Day', 'Friday')
  await ana.button('Save').click()
  await ana.page.getByText('Saved.', { exact: true }).waitFor()
  await ben.button('Save').click()
  await ben.page.getByText('Day: Monday → Friday').waitFor()
  await picture(ben.page, 'connection-digest-conflict')
  await ben.button('Save mine all the same').click()
  await ben.page.getByText('Saved.', { exact: true }).waitFor()
  const { rows } = await sql`select weekday, hour from digest`.execute(it.db)
  t.strictSame(rows, [{ weekday: 5, hour: 17 }])
})
