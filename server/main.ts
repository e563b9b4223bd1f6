/** The process: configuration, database, app, signals. `npm start`. */
import { mkdir } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { CodedError } from '../connectors/errors.ts'
import { connectors } from '../connectors/registry.ts'
import { createApp } from './app.ts'
import { type Config, readConfig } from './config.ts'
import { readKeyFile } from './connections/keys.ts'
import { openVault } from './connections/open-vault.ts'
import { startEmbedded } from './database/embedded.ts'
import { migrate } from './database/migrate.ts'
import { ensurePartitions } from './database/partitions.ts'
import { openDatabase } from './database/pool.ts'
import { environment } from './environment.ts'
import { createLog, type Log } from './log.ts'
import { insistOnRedis } from './schedule/redis.ts'

/** What has to be closed, in the order in which it was opened. */
const open: (() => Promise<unknown>)[] = []

async function start(): Promise<void> {
  const config = readConfig(environment())
  const log = createLog({ level: config.logLevel })
  if (config.redis !== undefined) await insistOnRedis(config.redis.url)
  const url = config.databaseUrl ?? (await startOwnDatabase(config, log))
  const applied = await migrate(url, log)
  if (applied.length > 0) log.info({ migrations: applied }, 'the database was brought up to date')
  const db = openDatabase({ url, log })
  open.push(() => db.destroy())
  await ensurePartitions(db, Date.now())
  const vault = await openVault(db, config.encryptionKeys ?? (await readKeyFile(config.dataDir)))
  const app = await createApp({ config, db, vault, log })
  open.push(() => app.stop())
  await app.server.listen({ port: config.port, host: config.host })
  app.start()
  const { port } = app.server.server.address() as AddressInfo
  log.info({ port, host: config.host, publicUrl: config.publicUrl, role: config.role }, 'listening')
  greet(config, port)
}

async function startOwnDatabase({ dataDir }: Config, log: Log): Promise<string> {
  await mkdir(dataDir, { recursive: true })
  const embedded = await startEmbedded({ dataDir, log, onLost: giveUp })
  open.push(() => embedded.stop())
  return embedded.url
}

/** Whoever watches over the process starts it anew. */
function giveUp(error: CodedError): void {
  process.stderr.write(`${error.userText}\n`)
  process.exitCode = 1
  void stop()
}

/** For a person at a terminal; log collectors get the line above. */
function greet(config: Config, port: number): void {
  const crms = Object.keys(config.crm)
  // A stream is followed by ourselves.
  const webhooks = crms.filter((crm) => connectors[crm]?.push !== undefined).map((crm) => `${config.publicUrl}/webhooks/${crm}`)
  const pointing = webhooks.length === 0 ? '' : `point the webhooks of your apps at ${webhooks.join(' and ')}, then: `
  const next =
    crms.length === 0
      ? 'Next: put the credentials of your CRM app into the environment (see .env.example) and start again.'
      : `Next: ${pointing}npm run -s leadstage -- --help`
  process.stderr.write(`\nLeadstage listens on http://${config.host}:${port} (public: ${config.publicUrl}).\n${next}\n\n`)
}

async function closeAll(): Promise<void> {
  for (const close of open.splice(0).reverse()) await close()
}

const started = start().catch(async (error: unknown) => {
  process.stderr.write(`${error instanceof CodedError ? error.userText : error instanceof Error ? error.stack : error}\n`)
  process.exitCode = 1
  await closeAll()
  process.exit()
})

let stopping = false
async function stop(): Promise<void> {
  if (stopping) return
  stopping = true
  // A start cannot be interrupted half way without leaving something behind.
  await started
  await closeAll()
  process.exit()
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)
