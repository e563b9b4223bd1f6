/** `npm run packages:pictures`: the logo in the sizes that are uploaded, drawn by Chromium from its one SVG. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { openChromium } from '../support/chromium.ts'
import { logoSource, logos } from './logos.ts'
import { palettePng } from './palette-png.ts'

const manifest = join(import.meta.dirname, '../../manifest')

t.test('the logo is drawn in each size', async (t) => {
  const svg = await readFile(join(manifest, logoSource), 'utf8')
  const browser = await openChromium(t)
  for (const [path, size] of Object.entries(logos)) {
    const page = await browser.newPage({ viewport: { width: size, height: size } })
    await page.setContent(`<style>body { margin: 0 } svg { display: block; width: 100vw }</style>${svg}`)
    await writeFile(join(manifest, path), palettePng(await page.screenshot()))
    await page.close()
  }
})
