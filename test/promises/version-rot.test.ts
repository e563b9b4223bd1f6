/** Promise 22: a pinned version of a vendor's API fails the build ninety days before it ends. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { GRAPH_API } from '../../connectors/graph/version.ts'
import { connectors } from '../../connectors/registry.ts'

const root = join(import.meta.dirname, '../..')
const pinned = [
  { name: 'Meta Graph API', version: GRAPH_API.version, sunset: GRAPH_API.sunset },
  ...Object.values(connectors).flatMap(({ manifest }) => (manifest.api ? { name: manifest.displayName, ...manifest.api } : [])),
]

for (const { name, version, sunset } of pinned)
  t.test(`${name} ${version} lives for ninety days more`, async (t) => {
    t.match(sunset, /^\d{4}-\d{2}-\d{2}$/)
    const days = Math.floor((Date.parse(sunset) - Date.now()) / 86_400_000)
    t.ok(days > 90, `${days} days are left: move to a newer version of ${name}`)
  })

t.test('no other place of the sources names a version', async (t) => {
  const files = (
    await Promise.all(
      ['connectors', 'mappings', 'server'].map((folder) => readdir(join(root, folder), { recursive: true, withFileTypes: true })),
    )
  ).flat()
  const found: string[] = []
  for (const file of files) {
    if (!file.isFile() || !file.name.endsWith('.ts') || file.name === 'version.ts') continue
    const code = (await readFile(join(file.parentPath, file.name), 'utf8')).replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
    for (const { version } of pinned) if (code.includes(version)) found.push(`${file.name} holds ${version}`)
  }
  t.strictSame(found, [])
})
