/** What a browser loads of the page: nothing of the server, no inline script, and little before the first view is there. */
import { join, relative } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { build, type Rolldown } from 'vite'

const root = join(import.meta.dirname, '../../../..')
const web = join(root, 'server/settings/web')
const MOST_BYTES = 200_000

t.test('the built page', async (t) => {
  const built = (await build({
    ...{ root: web, configFile: join(web, 'vite.config.ts'), logLevel: 'silent' },
    build: { write: false },
  })) as Rolldown.RolldownOutput
  const chunks = built.output.filter((one) => one.type === 'chunk')
  const assets = built.output.filter((one) => one.type === 'asset')

  await t.test('holds sources of the page and packages of browsers, nothing of the server', async (t) => {
    const ours = chunks
      .flatMap(({ moduleIds }) => moduleIds)
      .filter((id) => id.startsWith(root) && !id.includes('node_modules'))
      .map((id) => relative(root, id))
    t.ok(ours.some((id) => id.endsWith('main.tsx')))
    t.strictSame(
      ours.filter((id) => !id.startsWith('server/settings/web/')),
      [],
    )
    t.strictSame(
      chunks.flatMap(({ imports }) => imports).filter((name) => name.startsWith('node:')),
      [],
    )
  })

  await t.test('has no inline script or style in its document, which the policy would stop', async (t) => {
    const document = String(assets.find(({ fileName }) => fileName === 'index.html')?.source)
    t.match(document, /<script type="module" crossorigin src="\/page\/assets\/index-[\w-]+\.js"><\/script>/)
    t.notMatch(document, /<script(?![^>]*\bsrc=)|<style|\son\w+=/)
  })

  await t.test(`loads less than ${MOST_BYTES / 1000} kB for the first view, charts come later`, async (t) => {
    const entry = chunks.find(({ isEntry }) => isEntry)
    if (entry === undefined) throw new Error('there is no entry')
    const first = new Set([entry.fileName, ...entry.imports])
    const parts = [
      ...chunks.filter(({ fileName }) => first.has(fileName)).map(({ code }) => code),
      ...assets.filter(({ fileName }) => fileName === 'index.html' || /index-.*\.css$/.test(fileName)).map(({ source }) => source),
    ]
    const bytes = parts.reduce((sum, part) => sum + gzipSync(part).length, 0)
    t.comment(`${bytes} bytes`)
    t.ok(bytes < MOST_BYTES, `${bytes} bytes`)
    t.notOk(entry.moduleIds.some((id) => id.includes('recharts')))
    t.ok(chunks.some(({ moduleIds, isDynamicEntry }) => isDynamicEntry && moduleIds.some((id) => id.includes('recharts'))))
  })
})
