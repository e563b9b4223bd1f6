/** `npm run packages:kit`: makes the files of the review kits anew. `npm run packages:share`: what HubSpot's extensions have in common. */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { sharedFiles } from './hubspot-shared.ts'
import { makeKit } from './kit.ts'

const root = join(import.meta.dirname, '../../..')
for (const [path, text] of await (process.argv[2] === 'share' ? sharedFiles() : makeKit())) {
  await mkdir(dirname(join(root, path)), { recursive: true })
  await writeFile(join(root, path), text)
  process.stdout.write(`${path}\n`)
}
