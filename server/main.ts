/** The process: configuration, database, app, signals. `npm start`. */
import { mkdir } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { CodedError } from '../connectors/errors.ts'
import { createApp } from './app.ts'
import { type Config, readConfig } from './config.ts'
import { readKeyFile } from './connections/keys.ts'
import { createVault } from './connections/vault.ts'
import { type Embedded, startEmbedded } from './database/embedded.ts'
import { migrate } from './database/migrate.ts'
import { ensurePartitions } from './database/partitions.ts'
import { openDatabase } from './database/pool.ts'
import { createLog } from './log.ts'

async function main(): Promise<void> {
  const config = readConfig(process.env)
  const log = createLog({ level: config.logLevel })
  if (config.databaseUrl === undefined) await mkdir(config.dataDir, { recursive: true })
  const embedded: Embedded | undefined =
    config.databaseUrl === undefined ? await startEmbedded({ dataDir: config.dataDir, log }) : undefined
  const url = config.databaseUrl ?? (embedded as Embedded).url
  const applied = await migrate(url, log)
  if (applied.length > 0) log.info({ migrations: applied }, 'the database was brought up to date')
  const db = openDatabase({ url, log })
  await ensurePartitions(db, Date.now())
  const vault = createVault(config.encryptionKeys ?? (await readKeyFile(config.dataDir)))
  const app = await createApp({ config, db, vault, log })

  let stopping = false
  const stop = async (signal: string) => {
    if (stopping) return
    stopping = true
    log.info({ signal }, 'stopping')
    await app.stop()
    await db.destroy()
    await embedded?.stop()
    log.info('stopped')
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)

  await app.server.listen({ port: config.port, host: config.host })
  app.start()
  const { port } = app.server.server.address() as AddressInfo
  log.info({ port, host: config.host, publicUrl: config.publicUrl }, 'listening')
  greet(config, port)
}

/** For a person at a terminal; log collectors get the line above. */
function greet(config: Config, port: number): void {
  const crms = Object.keys(config.crm)
  const next =
    crms.length === 0
      ? 'Next: put the credentials of your CRM app into the environment (see .env.example) and start again.'
      : `Next: let ${crms.map((crm) => `${crm} send its webhooks to ${config.publicUrl}/webhooks/${crm}`).join(', ')}, then: npm run -s leadstage -- --help`
  process.stderr.write(`\nLeadstage listens on http://${config.host}:${port} (public: ${config.publicUrl}).\n${next}\n\n`)
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof CodedError ? error.userText : String(error instanceof Error ? error.stack : error)}\n`)
  process.exit(1)
})
