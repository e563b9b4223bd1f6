/** The page's own words: each is used somewhere, by the web page or by the HubSpot extension that shares them. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { words } from '../../../../server/settings/web/src/words.ts'

const root = join(import.meta.dirname, '../../../..')
const sources = globSync(
  ['server/settings/web/src/**/*.{ts,tsx}', 'manifest/hubspot/shared/*.{ts,tsx}', 'manifest/hubspot/src/app/*/*.tsx'],
  {
    cwd: root,
    exclude: (name) => name.endsWith('words.ts'),
  },
)

/** Names of all texts, as `stages.title`. */
const namesOf = (part: object, path: string[] = []): string[] =>
  Object.entries(part).flatMap(([key, value]) =>
    typeof value === 'object' && !Array.isArray(value) ? namesOf(value, [...path, key]) : [[...path, key].join('.')],
  )

const textAt = (name: string): unknown => name.split('.').reduce<unknown>((part, key) => (part as Record<string, unknown>)?.[key], words)

/** What a source reads of the words: `stages.title`, or `stages.states` where one of them is chosen when it runs. */
function usedIn(source: string): string[] {
  const aliases = new Map([['words', '']])
  const text = source
    .replace(/const (\w+) = words\.([\w.]+)$/gm, (_, alias: string, name: string) => {
      aliases.set(alias, name)
      return ''
    })
    .replace(/const \{ ([^}]+) \} = words$/gm, (_, names: string) => {
      for (const [name = '', alias = name] of names.split(', ').map((part) => part.split(': '))) aliases.set(alias, name)
      return ''
    })
  return [...aliases].flatMap(([alias, group]) =>
    [...text.matchAll(new RegExp(String.raw`\b${alias}((?:\??\.\w+)*)`, 'g'))]
      .map(([, chain = '']) => `${group}${chain.replaceAll('?', '')}`.replace(/^\./, ''))
      // Whoever takes all of a view's words has not used each.
      .filter((name) => name !== group || typeof textAt(name) === 'function'),
  )
}

t.test('every text is used', async (t) => {
  const used = new Set(sources.flatMap((file) => usedIn(readFileSync(join(root, file), 'utf8'))))
  t.ok(used.has('stages.title'))
  const isUsed = (name: string) =>
    name.split('.').some((_, index, parts) => used.has(parts.slice(0, index + 1).join('.'))) ||
    [...used].some((one) => one.startsWith(`${name}.`))
  t.strictSame(
    namesOf(words).filter((name) => !isUsed(name)),
    [],
  )
})

t.test('a text that nothing reads would be found', async (t) => {
  t.strictSame(usedIn('const said = words.stages\nsaid.title; said.states[state]; words.more'), ['more', 'stages.title', 'stages.states'])
  t.strictSame(usedIn('const { stages: text, count } = words\ntext?.title; count(1)'), ['stages.title', 'count'])
  t.strictSame(usedIn('const said = words.stages\nfor (const one of Object.values(said)) say(one)'), [], 'a whole group is no use of each')
})
