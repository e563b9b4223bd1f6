/** `npm run packages:kit`: makes the files of the review kits anew. */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeKit } from './kit.ts'

const root = join(import.meta.dirname, '../../..')
for (const [path, text] of await makeKit()) {
  await mkdir(dirname(join(root, path)), { recursive: true })
  await writeFile(join(root, path), text)
  process.stdout.write(`${path}\n`)
}
