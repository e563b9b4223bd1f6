/** A table of leads on the settings page: chosen or dropped, looked at, and kept. */
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { ADMIN } from '../simulators/hubspot/start-hubspot.ts'
import { PORTAL, testApp, until } from '../support/app.ts'
import { picture } from '../support/chromium.ts'
import { buildPage, pages, seriousFindings } from './page/open-page.ts'

t.before(buildPage)

const TABLE = `id,created_time,email,phone_number
l:101234567890123,2026-01-01T00:00:00Z,ana@example.com,
l:101234567890124,2026-01-01T00:00:00Z,,0151 00000002
,,x@example.com,
`

async function opened(t: Test, { admin = true } = {}) {
  const it = await testApp(t)
  const { id } = it.hubspot.create({
    portalId: PORTAL,
    type: 'contact',
    properties: { email: 'ana@example.com', lifecyclestage: 'customer' },
  })
  await it.settled()
  const shown = await (await pages(t, it)).alone({ session: { crm: 'hubspot', account: String(PORTAL), userId: ADMIN, admin } })
  await shown.page.getByRole('link', { name: 'Leads & privacy', exact: true }).click()
  await shown.page.getByRole('heading', { name: 'Bring leads in from a file' }).waitFor()
  const ids = async () =>
    (await it.db.selectFrom('lead').select('meta_lead_id').execute()).flatMap(({ meta_lead_id }) => meta_lead_id ?? [])
  return { it, ...shown, contact: id, ids }
}

async function choose(page: Page, text: string, name = 'leads.csv') {
  const chooser = page.waitForEvent('filechooser')
  await page.getByRole('button', { name: 'Choose a file' }).click()
  await (await chooser).setFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(text) })
}

t.test('a file is looked at first, told line by line, and kept only after that', async (t) => {
  const { page, contact, ids, complaints } = await opened(t)
  await page.getByRole('textbox', { name: 'Country of phone numbers without one' }).last().fill('de')
  await picture(page, 'leads-import-empty')
  await choose(page, TABLE)
  await page.getByRole('heading', { name: 'What leads.csv would bring' }).waitFor()
  t.equal(await page.evaluate('document.activeElement.textContent'), 'What leads.csv would bring', 'the keyboard goes on there')
  await page.getByText('The line has no lead id.').waitFor()
  await page.getByText('Line 4:').waitFor()
  await page.getByText('Records that find their lead').last().click()
  await page.getByText(`contact ${contact}: Meta lead 101234567890123`).waitFor()
  t.strictSame(await seriousFindings(page), [])
  await picture(page, 'leads-import')
  t.strictSame(await ids(), [], 'nothing was kept')
  await page.getByRole('button', { name: 'Keep 2 leads' }).click()
  await page.getByText('Kept: 2 leads are new.').waitFor()
  await page.getByRole('heading', { name: 'leads.csv is kept' }).waitFor()
  t.strictSame((await ids()).sort(), ['101234567890123', '101234567890124'])
  t.equal(await page.getByRole('button', { name: /^Keep/ }).count(), 0)
  await picture(page, 'leads-import-kept')

  await page.getByRole('button', { name: 'Another file' }).click()
  await choose(page, TABLE, 'again.csv')
  const known = page.locator('dl.numbers > div').filter({ hasText: 'Known already' })
  await known.getByText('2', { exact: true }).waitFor()
  t.strictSame(complaints, [])
})

t.test('a file can be dropped; one without lead ids or with too much is refused in words', async (t) => {
  const { page } = await opened(t)
  /** `text`: an expression, since it may be long. */
  const drop = async (text: string) => {
    const data = await page.evaluateHandle(`(() => {
      const transfer = new DataTransfer()
      transfer.items.add(new File([${text}], 'dropped.csv', { type: 'text/csv' }))
      return transfer
    })()`)
    const zone = page.getByRole('region', { name: 'Drop the file here, or' })
    await zone.dispatchEvent('dragover', { dataTransfer: data })
    await zone.dispatchEvent('drop', { dataTransfer: data })
  }
  await drop(String.raw`'name\nAna\n'`)
  await page.getByRole('alert').getByText('No column holds Meta lead ids').waitFor()
  await picture(page, 'leads-import-refused')
  await drop(String.raw`'id\n' + '1'.repeat(8_400_000)`)
  await page.getByRole('alert').getByText('The file has more than 8 MB.').waitFor()
  await drop(String.raw`'id\nno id\n'`)
  await page.getByText('There is no lead in it that could be kept.').waitFor()
  t.equal(await page.getByRole('button', { name: /^Keep/ }).count(), 0)
})

t.test('the example that can be fetched is one that can be read', async (t) => {
  const { it, page, ids } = await opened(t)
  const link = page.getByRole('link', { name: 'Example file' })
  t.equal(await link.getAttribute('download'), 'leads-example.csv')
  const file = await fetch(`${it.url}${await link.getAttribute('href')}`)
  t.match(file.headers.get('content-type'), 'text/csv')
  await choose(page, await file.text())
  await page.getByRole('button', { name: 'Keep 2 leads' }).click()
  await until(async () => (await ids()).length === 2)
})

t.test('who is no admin cannot bring anything in', async (t) => {
  const { page } = await opened(t, { admin: false })
  t.ok(await page.getByRole('button', { name: 'Choose a file' }).isDisabled())
})
