/** What is shown of the product: the logo, and the pictures in the guides. */
import { globSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import t from 'tap'
import { readComponents } from './hubspot/project.ts'
import { logos } from './logos.ts'
import { sizeOf } from './palette-png.ts'

const manifest = join(import.meta.dirname, '../../manifest')
/** Guides are opened on slow lines, too. */
const MOST_BYTES = 60_000

t.test('the logo is there in each size that is uploaded, and HubSpot’s project names it', async (t) => {
  for (const [path, size] of Object.entries(logos)) t.strictSame(sizeOf(await readFile(join(manifest, path))), [size, size], path)
  const app = (await readComponents()).find(({ type }) => type === 'APPLICATION')
  t.ok(`hubspot/src${app?.config.logo}` in logos, String(app?.config.logo))
})

t.test('every picture that a guide shows is there, small, described in words, and none is left over', async (t) => {
  const shown = new Set<string>()
  for (const guide of globSync('*/SETUP.md', { cwd: manifest })) {
    const text = await readFile(join(manifest, guide), 'utf8')
    const places = [...text.matchAll(/(?:src="|\]\()(pictures\/[\w-]+\.png)/g)].map(([, path = '']) => path)
    t.ok(places.length >= 6, `${guide} shows each view`)
    for (const place of places) shown.add(normalize(join(dirname(guide), place)))
    for (const [image] of text.matchAll(/<img [^>]*>/g)) t.match(image, /alt="[^"]{20,}"/, image)
  }
  t.strictSame([...shown].sort(), globSync('*/pictures/*.png', { cwd: manifest }).sort())
  for (const path of shown) t.ok((await stat(join(manifest, path))).size <= MOST_BYTES, path)
})
