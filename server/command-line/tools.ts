/** What commands work with: configuration, database and clients, opened for one command and closed after it. */
import { sql } from 'kysely'
import { type Config, readConfig } from '../config.ts'
import { type Connections, createConnections } from '../connections/connections.ts'
import { createHttp } from '../connections/http.ts'
import { readKeyFile } from '../connections/keys.ts'
import { openVault } from '../connections/open-vault.ts'
import { startEmbedded } from '../database/embedded.ts'
import { migrate, readMigrations, unapplied } from '../database/migrate.ts'
import { ensurePartitions } from '../database/partitions.ts'
import { type Database, openDatabase } from '../database/pool.ts'
import { environment } from '../environment.ts'
import { createLog, type Log } from '../log.ts'
import { createGraphClient, type GraphClient } from '../meta/graph-client.ts'
import type { InstallTools } from '../settings/add-connection.ts'
import type { Caller } from '../settings/caller.ts'
import { problem } from '../settings/problem.ts'

export interface Tools extends InstallTools {
  config: Config
  /** The operator: sees all workspaces. */
  caller: Caller
  connections: Connections
  graph: GraphClient
}

/** Warnings only, beside what the command prints. */
export const commandLog = (): Log => createLog({ level: 'warn', to: 2 })

/**
 * Runs a command's work with everything it may need, and closes that afterwards. Throws `CodedError` `config_invalid`,
 * `database_outdated`, `database_unavailable`, and whatever `work` throws.
 */
export async function withTools<Result>(work: (tools: Tools) => Promise<Result>): Promise<Result> {
  const config = readConfig(environment())
  const log = commandLog()
  return withDatabase(config, log, async (db, url) => {
    await bringUp(db, url, log)
    const vault = await openVault(db, config.encryptionKeys ?? (await readKeyFile(config.dataDir)))
    const { http, close } = createHttp()
    const graph = graphClient(config, log)
    const connections = createConnections({ db, vault, apps: config.crm, http, log, shared: config.redis !== undefined })
    try {
      return await work({ config, caller: { db, actor: 'operator' }, vault, apps: config.crm, http, connections, graph })
    } finally {
      await Promise.all([graph.close(), close()])
    }
  })
}

/** The configured database, or the embedded one: that of the running server, or started for as long as `work` takes. */
export async function withDatabase<Result>(
  config: Config,
  log: Log,
  work: (db: Database, url: string) => Promise<Result>,
): Promise<Result> {
  const embedded = config.databaseUrl === undefined ? await startEmbedded({ dataDir: config.dataDir, log }) : undefined
  const url = config.databaseUrl ?? (embedded?.url as string)
  const db = openDatabase({ url, log, max: 4 })
  try {
    return await work(db, url)
  } finally {
    await db.destroy()
    // Stays up while a server uses it.
    await embedded?.stop()
  }
}

function graphClient({ meta }: Config, log: Log): GraphClient {
  const { graphUrl: baseUrl, graphVersion: version, timeoutMs, partnerAgent } = meta
  return createGraphClient({ baseUrl, version, timeoutMs, partnerAgent, log })
}

/** The migrations that a database has, none where it is empty. */
export async function appliedMigrations(db: Database): Promise<{ name: string; checksum: string }[]> {
  const { rows } = await sql<{ there: boolean }>`select to_regclass('migration') is not null as there`.execute(db)
  if (rows[0]?.there !== true) return []
  return (await sql<{ name: string; checksum: string }>`select name, checksum from migration order by name`.execute(db)).rows
}

/** An empty database is filled. One in use is left to the server: a command must not change it under an older one that runs. */
async function bringUp(db: Database, url: string, log: Log): Promise<void> {
  const applied = await appliedMigrations(db)
  if (applied.length === 0) {
    await migrate(url, log)
    await ensurePartitions(db, Date.now())
    return
  }
  const missing = unapplied(await readMigrations(), applied)
  if (missing.length > 0) {
    throw problem(
      'database_outdated',
      'The database is older than this version of Leadstage. Start the server once: it brings it up to date.',
    )
  }
}
