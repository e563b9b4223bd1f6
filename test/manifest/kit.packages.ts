/** What is handed in for reviews says what the code does now. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { makeKit } from './kit/kit.ts'

const root = join(import.meta.dirname, '../..')

t.test('the files that are made from the code are current; otherwise run npm run packages:kit', async (t) => {
  for (const [path, text] of await makeKit()) t.equal(await readFile(join(root, path), 'utf8').catch(() => ''), text, path)
})
