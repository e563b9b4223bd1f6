/** What commands read: JSON files, secrets that must not be seen, and lines. */
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { StringDecoder } from 'node:string_decoder'
import { InvalidArgumentError } from 'commander'
import { environment } from '../environment.ts'
import { problem } from '../settings/problem.ts'

/** The JSON in a file, or on standard input for `-`. Throws `CodedError` `file_unreadable`, `not_json`. */
export async function readJson(path: string): Promise<unknown> {
  const where = path === '-' ? 'Standard input' : path
  const content =
    path === '-'
      ? await text(process.stdin)
      : await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
          throw problem('file_unreadable', `${path} cannot be read (${error.code}).`)
        })
  try {
    return JSON.parse(content.replace(/^\uFEFF/, ''))
  } catch {
    throw problem('not_json', `${where} is not valid JSON.`)
  }
}

/**
 * A secret from the environment variable, else from standard input; a person at a terminal is asked and sees nothing of what
 * they type. Never an argument: those show in process lists and shell histories. Throws `CodedError` `secret_missing`.
 */
export async function readSecret(variable: string, what: string): Promise<string> {
  const given = environment()[variable]?.trim() || (process.stdin.isTTY ? await ask(what) : await text(process.stdin)).trim()
  if (given === '') throw problem('secret_missing', `The ${what} is missing: give it on standard input or in ${variable}.`)
  return given
}

async function ask(what: string): Promise<string> {
  process.stderr.write(`${what} (hidden): `)
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true })
  try {
    return await lines.question('')
  } finally {
    lines.close()
    process.stderr.write('\n')
  }
}

/**
 * The lines of a stream, those of one chunk together. Only a line feed ends a line: JSON may hold every other separator.
 * A line of more than `limit` characters comes as undefined and takes no memory.
 */
export async function* readLines(chunks: AsyncIterable<Buffer>, limit: number): AsyncGenerator<(string | undefined)[]> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  let tooLong = false
  const ended = (line: string) => {
    const whole = tooLong || rest.length + line.length > limit ? undefined : rest + line
    rest = ''
    tooLong = false
    return whole
  }
  for await (const chunk of chunks) {
    const parts = decoder.write(chunk).split('\n')
    const last = parts.pop() ?? ''
    yield parts.map(ended)
    if (tooLong || rest.length + last.length > limit) {
      tooLong = true
      rest = ''
    } else rest += last
  }
  const last = decoder.end()
  if (tooLong || rest !== '' || last !== '') yield [ended(last)]
}

/** For options that are whole numbers from 1. */
export function wholeNumber(given: string): number {
  if (!/^[1-9]\d{0,8}$/.test(given)) throw new InvalidArgumentError('It has to be a whole number.')
  return Number(given)
}

/** For options that are instants: ISO 8601; a day alone means its beginning in UTC. */
export function instant(given: string): Date {
  const at = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(given) ? new Date(given) : undefined
  if (at === undefined || Number.isNaN(at.getTime())) throw new InvalidArgumentError('It has to look like 2026-01-31T09:00:00Z.')
  return at
}

/** For options that may be given several times. */
export function several(given: string, before: string[] = []): string[] {
  return [...before, given]
}
