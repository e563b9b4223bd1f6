/** Connecting a dataset by a link, in real Chromium: the question, a pasted token, a test event, and Meta's own pages. */
import type { Page } from 'playwright-core'
import t from 'tap'
import { DATASET, TOKEN, until } from '../support/app.ts'
import { picture } from '../support/chromium.ts'
import { openLinks } from './links.ts'

const WRITE_ONLY = 'EAAwriteonly000000000000000000001'
const OURS = 'EAAsystemuser0000000000000000000001'
const LOGIN = '555000111'
const app = () => ({
  ...{ id: '1234567890', secret: 'meta-app-secret', configurations: { [LOGIN]: {} }, tokens: [OURS] },
  ...{ redirectUris: [] as string[], extension: true },
})

const title = (page: Page) => page.locator('h1').innerText()
async function sayWhich(page: Page, answer: RegExp): Promise<void> {
  await page.getByLabel('Dataset id').fill(DATASET)
  await page.getByLabel(answer).check()
  await page.getByRole('button', { name: 'Continue', exact: true }).click()
}

t.test('the question comes first; a wrong token is told, a good one is kept', async (t) => {
  const { it, browser, link } = await openLinks(t)
  const page = await browser.newPage()
  await page.goto(await link('dataset'))
  await picture(page, 'dataset-question')
  await page.getByLabel('Dataset id').fill(DATASET)
  await page.getByRole('button', { name: 'Continue', exact: true }).click()
  t.match(await page.locator('main').innerText(), /Is it a dataset for CRM events/, 'the browser insists on an answer')
  await sayWhich(page, /I don’t know/)
  t.match(await page.locator('main').innerText(), /You can go on/)
  await picture(page, 'dataset-token')
  await page.getByLabel('Access token').fill('EAAnotthistoken0000000')
  await page.getByRole('button', { name: 'Check and save' }).click()
  t.match(await page.getByRole('alert').innerText(), /does not accept this token/)
  t.equal(await page.getByLabel('Access token').inputValue(), '', 'a token is never sent back')
  await picture(page, 'dataset-refused')
  await page.goBack()
  t.match(await page.locator('main').innerText(), new RegExp(`Dataset ${DATASET}`), 'back, and once more')
  await page.getByLabel('Access token').fill(TOKEN)
  await page.getByRole('button', { name: 'Check and save' }).dblclick()
  await until(async () => /is connected|was used/.test(await title(page)))
  const kept = await it.db.selectFrom('dataset').select('crm_dataset').where('meta_id', '=', DATASET).executeTakeFirst()
  t.equal(kept?.crm_dataset, 'unknown')
  await page.goBack()
  t.equal(await title(page), 'This link was used')
})

t.test('a token that may not look is proven by a test event, once somebody agrees to one', async (t) => {
  const { it, browser, link } = await openLinks(t)
  it.meta.addDataset({ id: DATASET, tokens: [WRITE_ONLY], writeOnly: [WRITE_ONLY] })
  const page = await browser.newPage()
  await page.goto(await link('dataset'))
  await sayWhich(page, /Yes, it has/)
  await page.getByLabel('Access token').fill(WRITE_ONLY)
  await page.getByRole('button', { name: 'Check and save' }).click()
  t.match(await page.getByRole('alert').innerText(), /does not show this dataset/)
  await picture(page, 'dataset-hidden')
  await page.getByLabel('Access token').fill(WRITE_ONLY)
  await page.getByRole('button', { name: 'Save' }).click()
  t.match(await page.getByRole('alert').innerText(), /does not show this dataset/, 'the browser insists on a choice')
  await page.getByLabel(/Have a test event/).check()
  await page.getByLabel('Code shown there').fill('TEST12345')
  await page.getByRole('button', { name: 'Save' }).click()
  t.equal(await title(page), 'The dataset is connected')
  t.match(await page.locator('main').innerText(), /first event of a real lead goes with your test code/)
  await picture(page, 'dataset-tested')
  t.equal(it.meta.requests().length, 0, 'nothing was made up')
})

t.test('Sign in with Facebook: declined, gone back from, a dataset that was not chosen, and done', async (t) => {
  const metaApp = app()
  const { it, browser, link } = await openLinks(
    t,
    { meta: { app: metaApp, datasets: [{ id: DATASET, tokens: [TOKEN] }] } },
    ({ meta }) => ({
      ...{ META_APP_ID: metaApp.id, META_APP_SECRET: metaApp.secret, META_LOGIN_CONFIG: LOGIN, META_DIALOG_URL: meta.url },
      ...{ META_BUSINESS_ID: '99000111', META_SYSTEM_USER_TOKEN: OURS, META_BUSINESS_EXTENSION: 'on' },
    }),
  )
  const context = await browser.newContext()
  const page = await context.newPage()
  const url = await link('dataset')
  const toMeta = async (on: Page) => {
    await on.goto(url)
    await sayWhich(on, /Yes, it has/)
    await on.getByRole('button', { name: 'Sign in with Facebook' }).click()
    await on.getByRole('link', { name: 'Continue to Facebook' }).click()
    t.equal(await title(on), 'Connect your business')
  }
  await page.goto(url)
  await picture(page, 'dataset-all-ways-question')
  await sayWhich(page, /Yes, it has/)
  await picture(page, 'dataset-all-ways')
  await page.getByRole('button', { name: 'Sign in with Facebook' }).click()
  await picture(page, 'dataset-to-meta')
  await page.getByRole('link', { name: 'Continue to Facebook' }).click()
  await page.getByRole('button', { name: 'Not now' }).click()
  t.equal(await title(page), 'Meta was not connected')

  await toMeta(page)
  await page.goBack()
  await page.getByRole('link', { name: 'Continue to Facebook' }).click()
  await page.getByLabel(`Dataset ${DATASET}`).uncheck()
  await page.getByRole('button', { name: 'Continue' }).click()
  t.match(await page.locator('main').innerText(), /does not show this dataset/)
  await picture(page, 'dataset-not-chosen')

  it.meta.fail({ code: 100, subcode: 36007, path: '/oauth/access_token', message: 'This authorization code has expired.' })
  await toMeta(page)
  await page.getByRole('button', { name: 'Continue' }).click()
  t.match(await page.locator('main').innerText(), /used before, or it has run out/)

  const tab = await context.newPage()
  await toMeta(tab)
  await toMeta(page)
  await page.getByRole('button', { name: 'Continue' }).dblclick()
  await page.waitForURL(({ pathname }) => pathname.endsWith('/callback'))
  await until(async () => (await it.db.selectFrom('dataset').select('access').executeTakeFirst())?.access === 'login')
  t.match(await title(page), /is connected|came before|was used/)
  await tab.getByRole('button', { name: 'Continue' }).click()
  t.equal(await title(tab), 'This link was used')

  await page.goto(await link('dataset'))
  await page.getByLabel(/No, there is none/).check()
  await page.getByRole('button', { name: 'Set up with Meta' }).click()
  await page.getByRole('link', { name: 'Continue to Facebook' }).click()
  t.equal(await title(page), 'Set up your business')
  await page.getByLabel(`Dataset ${DATASET}`).check()
  await page.getByRole('button', { name: 'Next' }).click()
  t.equal(await title(page), 'The dataset is connected')
  t.match(await page.locator('main').innerText(), /Still to do/)
  await picture(page, 'dataset-extension')
})
