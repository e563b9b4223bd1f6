import type { Command } from 'commander'
import { readConfig } from '../config.ts'
import { readKeyFile } from '../connections/keys.ts'
import { keysInUse, type Resealed, reseal } from '../connections/reseal.ts'
import { createVault, type Vault } from '../connections/vault.ts'
import type { Database } from '../database/pool.ts'
import { environment } from '../environment.ts'
import { countLost, type GivenUp, giveUpKeys } from '../settings/give-up-keys.ts'
import { problem } from '../settings/problem.ts'
import { examples } from './example.ts'
import { judgeKeys, type KeyStanding } from './key-standing.ts'
import { print, table } from './output.ts'
import { commandLog, withDatabase, withTools } from './tools.ts'

/** `keys list|rotate|give-up`. */
export function addKeysCommands(program: Command): void {
  const group = program.command('keys').description('encryption keys: which are in use, and changing them')

  group
    .command('list')
    .description('list the encryption keys, and what is sealed under each')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('keys list'))
    .action(async ({ json }: { json?: boolean }) => {
      const keys = await withKeys(async (db, vault) => judgeKeys(await keysInUse(db), vault.keyIds))
      const rows = () => keys.map((it) => [it.id, it.secrets, it.packets, it.samples, it.consents, it.standing])
      print(json, keys, () => table(['key', 'secrets', 'packets', 'samples', 'consents', 'standing'], rows(), ''))
    })

  group
    .command('rotate')
    .description('seal everything anew under the first key, while servers work; can be stopped and repeated at any time')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('keys rotate'))
    .action(async ({ json }: { json?: boolean }) => {
      const stop = new AbortController()
      process.once('SIGINT', () => stop.abort())
      const found = await withTools(async ({ caller: { db }, vault }) => {
        const resealed = await reseal(db, vault, { signal: stop.signal, onProgress: showProgress })
        return { sealsWith: vault.keyId, stopped: stop.signal.aborted, resealed, keys: judgeKeys(await keysInUse(db), vault.keyIds) }
      })
      if (process.stderr.isTTY) process.stderr.write('\n')
      const next = found.stopped ? ['Stopped. To go on, repeat the command.'] : found.keys.flatMap(whatNext)
      print(json, found, () => [...found.resealed.map(resealedText), ...next].join('\n'))
    })

  group
    .command('give-up')
    .description('go on without keys that are lost: delete what can never be opened again, and say who has to connect again')
    .option('--yes', 'really')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('keys give-up', 'keys give-up --yes'))
    .action(async ({ yes, json }: { yes?: boolean; json?: boolean }) => {
      const lost = await withKeys(async (db, vault) => {
        const caller = { db, actor: 'operator' }
        if (yes) return giveUpKeys(caller, vault)
        const found = await countLost(caller, vault)
        throw problem(
          'not_confirmed',
          `${lostText(found)} To delete what is sealed under keys that are lost, repeat the command with --yes.`,
        )
      })
      print(json, lost, () => lostText(lost))
    })
}

/** The database and the keys as they are configured, whatever they open. */
async function withKeys<Result>(work: (db: Database, vault: Vault) => Promise<Result>): Promise<Result> {
  const config = readConfig(environment())
  return withDatabase(config, commandLog(), async (db) =>
    work(db, createVault(config.encryptionKeys ?? (await readKeyFile(config.dataDir)))),
  )
}

/** One line that is written over, for a person who waits. */
function showProgress(done: readonly Resealed[]): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${done.map(({ what, done }) => `${done} ${what}`).join(', ')} sealed anew `)
}

function resealedText({ what, done, failed }: Resealed): string {
  const left = failed === 0 ? '' : `; ${failed} cannot be opened and stay as they are`
  return `${done} ${what} sealed anew${left}.`
}

function whatNext({ id, standing }: KeyStanding): string[] {
  if (standing === 'not needed')
    return [`The key "${id}" is no longer needed: take it out of the configuration, and start every server anew.`]
  if (standing === 'missing') return [`The key "${id}" is not configured. Put it back behind the first; if it is lost: keys give-up.`]
  if (standing === 'needed') {
    return [`The key "${id}" is still needed. Start servers that have it in front anew with the new order; then repeat this in 15 minutes.`]
  }
  return []
}

function lostText({ connections, datasets, recipients, packets, tombstones }: GivenUp): string {
  const list = (ids: readonly number[]) => (ids.length === 0 ? 'none' : ids.join(', '))
  return `Lost: credentials of connections (${list(connections)}) and datasets (${list(datasets)}), which have to be connected again; addresses of recipients of notices (${list(recipients)}); ${packets} packets of changes; the marks of ${tombstones} keys of people who asked to be forgotten.`
}
