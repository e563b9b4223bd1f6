/** Real Chromium, as a person has it. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import type { Test } from 'tap'

/** Where screenshots go, for people to look at; not part of the sources. */
const pictures = join(import.meta.dirname, '../../.tap/pictures')

/** What a page is given to show something on a busy machine, ms. */
const PATIENCE_MS = 120_000

/** A browser of its own for one test. */
export async function openChromium(t: Test): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
    timeout: PATIENCE_MS,
  })
  browser.on('context', (context) => context.setDefaultTimeout(PATIENCE_MS))
  t.teardown(() => browser.close())
  return browser
}

/** Takes pictures of a page: as it is, narrow, and dark. */
export async function picture(page: Page, name: string): Promise<void> {
  await mkdir(pictures, { recursive: true })
  const size = page.viewportSize()
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true })
  await page.setViewportSize({ width: 360, height: 640 })
  await page.screenshot({ path: join(pictures, `${name}-narrow.png`), fullPage: true })
  if (size !== null) await page.setViewportSize(size)
  await page.emulateMedia({ colorScheme: 'dark' })
  await page.screenshot({ path: join(pictures, `${name}-dark.png`), fullPage: true })
  await page.emulateMedia({ colorScheme: 'light' })
}
