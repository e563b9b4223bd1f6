import type { Command } from 'commander'
import t from 'tap'
import { createProgram } from '../../../server/command-line/program.ts'
import { run } from './run.ts'

t.test('bad usage is told in one line on standard error, with exit code 2', async (t) => {
  const cases: [args: string[], words: RegExp][] = [
    [[], /Which command\? Ask with --help/],
    [['dance'], /unknown command 'dance'/],
    [['workspace'], /Which command\?/],
    [['workspace', 'dance'], /unknown command 'dance'/],
    [['workspace', 'add'], /missing required argument 'name'/],
    [['workspace', 'list', '--colour'], /unknown option '--colour'/],
    [['workspace', 'list', 'more'], /too many arguments/],
    [['connection', 'show', 'one'], /has to be a whole number/],
    [['connection', 'add', 'hubspot'], /required option '--workspace <workspace>' not specified/],
    [['route', 'set', '--connection', '1', '--dataset', '1', '--live', '--shadow'], /cannot be used with/],
    [['record', 'list', '--outcome', 'lost'], /Allowed choices are pending, sent/],
    [['record', 'list', '--since', 'yesterday'], /has to look like 2026-01-31T09:00:00Z/],
    [['record', 'show', 'contact'], /has to look like contact\/101/],
    [['preview', '--at', '2026-13-01'], /has to look like/],
  ]
  for (const [args, words] of cases) {
    const { code, stdout, stderr } = await run(args)
    t.same([code, stdout], [2, ''], args.join(' '))
    t.match(stderr, words)
    t.match(stderr, /^leadstage: [^\n]+\n$/)
  }
})

t.test('configuration that does not hold is told in one line, without its values', async (t) => {
  const env = { DATABASE_URL: 'mysql://root:secret@db', PORT: 'eighty' }
  const { code, stderr } = await run(['workspace', 'list'], { env })
  t.equal(code, 1)
  t.match(
    stderr,
    /^leadstage: The configuration has 3 problems: PORT [^\n]*; DATABASE_URL must be a postgres:\/\/ URL; ENCRYPTION_KEYS [^\n]+\n$/,
  )
  t.notMatch(stderr, /secret/)
})

t.test('a database that is not there is told in one line', async (t) => {
  const env = { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', ENCRYPTION_KEYS: `k1:${Buffer.alloc(32).toString('base64')}` }
  const { code, stdout, stderr } = await run(['workspace', 'list'], { env })
  t.same([code, stdout], [1, ''])
  t.match(stderr, /^leadstage: The database cannot be reached[^\n]*\n$/)
})

t.test('every command helps, with examples as they are typed', async (t) => {
  const walk = (command: Command, path: string[]): [Command, string[]][] => [
    [command, path],
    ...command.commands.flatMap((child) => walk(child, [...path, child.name()])),
  ]
  const commands = walk(createProgram(), []).filter(([{ commands }]) => commands.length === 0)
  t.ok(commands.length > 20)
  for (const [command, path] of commands) {
    let help = ''
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
    t.match(help, `Usage: leadstage ${path.join(' ')}`)
    t.match(help, `npm run -s leadstage -- ${path.join(' ')}`)
  }
  t.match(await run(['--help']), { code: 0, stdout: /Commands:/, stderr: '' })
  t.match(await run(['mapping', 'set', '--help']), { code: 0, stdout: /--version <version>/, stderr: '' })
})
