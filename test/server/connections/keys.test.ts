import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { parseKeys, readKeyFile } from '../../../server/connections/keys.ts'

t.test('a key file is made once, for us alone, and read from then on', async (t) => {
  const dataDir = join(t.testdir(), 'data')
  const [first, ...others] = await Promise.all([readKeyFile(dataDir), readKeyFile(dataDir), readKeyFile(dataDir)])
  t.match(first, [{ id: /^k[0-9a-f]{8}$/ }])
  t.equal(first[0]?.key.length, 32)
  for (const other of others) t.same(other, first, 'starts at once agree')
  t.same(await readKeyFile(dataDir), first)
  t.same(await readdir(dataDir), ['encryption-keys'])
  t.equal((await stat(join(dataDir, 'encryption-keys'))).mode & 0o777, 0o600)
  const [next] = await readKeyFile(join(t.testdirName, 'other'))
  t.not(next?.id, first[0]?.id, 'a file that takes the place of a lost one has a key that can be told from it')
})

t.test('a damaged key file is refused and left as it is', async (t) => {
  const dataDir = t.testdir()
  await writeFile(join(dataDir, 'encryption-keys'), 'k1:canary')
  await t.rejects(readKeyFile(dataDir), { code: 'key_file_damaged', userText: /Restore the file/ })
  t.equal(await readFile(join(dataDir, 'encryption-keys'), 'utf8'), 'k1:canary')
})

t.test('what is wrong with keys is told without repeating them', async (t) => {
  const key = Buffer.alloc(32, 7).toString('base64')
  const cases: [text: string, problem: RegExp][] = [
    ['canary', /entry 1 is not of the form/],
    [`k1:${key},`, /entry 2 is not of the form/],
    [`k 1:${key}`, /entry 1 is not of the form/],
    ['k1:Y2FuYXJ5', /entry 1 has a key of 6 bytes instead of 32/],
    [`k1:${key},k1:${key}`, /entry 2 repeats an id/],
  ]
  for (const [text, problem] of cases) {
    const parsed = parseKeys(text)
    t.match(parsed, { problem })
    t.notMatch(JSON.stringify(parsed), /canary|Y2FuYXJ5/)
  }
  t.match(parseKeys(` k2:${key} , k1:${key.replaceAll('+', '-').replaceAll('/', '_')}`), { keys: [{ id: 'k2' }, { id: 'k1' }] })
})
