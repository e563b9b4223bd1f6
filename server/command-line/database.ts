import { createReadStream } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import type { Command } from 'commander'
import { CodedError } from '../../connectors/errors.ts'
import { readConfig } from '../config.ts'
import { readKeyFile } from '../connections/keys.ts'
import { openVault } from '../connections/open-vault.ts'
import { databaseCode } from '../database/errors.ts'
import { loadDatabase, unreadable } from '../database/load.ts'
import { saveDatabase } from '../database/save.ts'
import { environment } from '../environment.ts'
import { problem } from '../settings/problem.ts'
import { examples } from './example.ts'
import { readLines } from './input.ts'
import { print } from './output.ts'
import { commandLog, withDatabase } from './tools.ts'

/** Longer than any row. */
const LONGEST_LINE = 268_435_456

/** `database save|load`. */
export function addDatabaseCommands(program: Command): void {
  const group = program.command('database').description('the whole database as one file: to back it up, to move it, for a new PostgreSQL')

  group
    .command('save')
    .description('write everything as it is at this moment to a new file, while servers work; keys are not in it')
    .argument('<file>', 'made for you alone to read; - is standard output')
    .addHelpText('after', examples('database save backup.gz', 'database save - > backup.gz'))
    .action(async (path: string) => {
      await withDatabase(readConfig(environment()), commandLog(), (_db, url) => save(url, path))
    })

  group
    .command('load')
    .description('fill an empty database with what was saved by this version or an earlier one, before a server is started on it')
    .argument('<file>', 'as `database save` wrote it; - is standard input')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('database load backup.gz', 'database load - < backup.gz'))
    .action(async (path: string, { json }: { json?: boolean }) => {
      const config = readConfig(environment())
      const log = commandLog()
      const rows = await withDatabase(config, log, async (db, url) => {
        const counts = await loadDatabase(url, readSaved(path), log)
        // Without its keys an installation cannot go on: whoever loads it hears of that now.
        await openVault(db, config.encryptionKeys ?? (await readKeyFile(config.dataDir)))
        return Object.values(counts).reduce((sum, count) => sum + count, 0)
      })
      print(json, { rows }, () => `${rows} rows are back, and the keys are there. Start the server.`)
    })
}

async function save(url: string, path: string): Promise<void> {
  const packed = [Readable.from(withEnds(saveDatabase(url))), createGzip()] as const
  if (path === '-') return pipeline(...packed, process.stdout)
  const file = await open(path, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    throw problem('file_not_made', `${path} cannot be made (${error.code}): give the name of a new file.`)
  })
  try {
    await pipeline(...packed, file.createWriteStream({ flush: true }))
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
}

async function* withEnds(lines: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const line of lines) yield `${line}\n`
}

async function* readSaved(path: string): AsyncGenerator<string> {
  const unpacked = createGunzip()
  const reading = pipeline(path === '-' ? process.stdin : createReadStream(path), unpacked).catch(() => undefined)
  try {
    for await (const lines of readLines(unpacked, LONGEST_LINE)) {
      for (const line of lines) {
        if (line === undefined) throw unreadable('A line has no end')
        yield line
      }
    }
    await reading
  } catch (error) {
    throw error instanceof CodedError ? error : unreadable(`It cannot be read or unpacked (${databaseCode(error)})`, error)
  }
}
