/** What the page for hosts says is held to what it speaks of. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readPromises } from '../../faults/promises.ts'

const root = join(import.meta.dirname, '../../..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const page = read('server/operations/hosting.md')
const section = (title: string) => page.split(/^## /m).find((part) => part.startsWith(title)) ?? ''

t.test('figures of sizing are those that were measured', async (t) => {
  const results = read('test/bench/RESULTS.md')
  const figures = section('Sizing')
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .flatMap((line) => [...(line.split('|')[2] ?? '').matchAll(/\d[\d,.]* (?:ms|MB|KB)|(?<=^ )\d[\d,]*(?=$| a | bytes)/g)])
    .map(([figure]) => figure.trim())
  t.ok(figures.length >= 10)
  for (const figure of figures) t.ok(results.includes(figure), figure)
})

t.test('what happens when a part dies is proven by promises that have their tests', async (t) => {
  const proven = new Map(readPromises().map(({ number, proofs }) => [number, proofs]))
  const lines = section('What happens').matchAll(/^\| .* \| ([\d, ]+) \|$/gm)
  const numbers = [...lines].map(([, list = '']) => list.split(', ').map(Number))
  t.ok(numbers.length >= 10)
  for (const number of numbers.flat()) t.ok((proven.get(number)?.length ?? 0) > 0, String(number))
})

t.test('hosts that a firewall has to let out are those of the settings', async (t) => {
  const hosts = [...read('.env.example').matchAll(/^(HUBSPOT_API|SALESFORCE_API|SALESFORCE_STREAM|META_GRAPH)_URL=https:\/\/(\S+)$/gm)]
  t.equal(hosts.length, 4)
  for (const [, , host = ''] of hosts) t.ok(section('Fixed addresses').includes(host), host)
})
