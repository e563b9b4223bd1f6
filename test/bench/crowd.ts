/** Any number of server processes on one PostgreSQL, with or without a Redis by which they share the work, and accounts that report. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { openVault } from '../../server/connections/open-vault.ts'
import type { Vault } from '../../server/connections/vault.ts'
import { startEmbedded } from '../../server/database/embedded.ts'
import { migrate } from '../../server/database/migrate.ts'
import { ensurePartitions } from '../../server/database/partitions.ts'
import { type Database, openDatabase } from '../../server/database/pool.ts'
import { createLog } from '../../server/log.ts'
import { PUBLIC_URL } from '../support/app.ts'
import { createServerProcess } from '../support/server-process.ts'
import { app } from './bodies.ts'
import { postmasterOf } from './postmaster.ts'
import { family, processorTime, sum } from './processor-time.ts'
import { startUsualRedis } from './redis.ts'
import { type Account, connect } from './stand.ts'

export interface CrowdOptions {
  hubspotUrl: string
  metaUrl: string
  processes: number
  /** They share the work by Redis; otherwise each works by itself. */
  shared: boolean
  accounts: readonly Account[]
  /** Folder for a processor profile of each process. */
  profiles?: string
}

export interface Crowd {
  /** Of each process. */
  urls: string[]
  db: Database
  vault: Vault
  /** Processor time spent so far, seconds. */
  cpu(): Promise<{ servers: number; postgres: number; redis: number; outside: number }>
  /** The statements that took most of PostgreSQL's time since the last call, with their share of it in percent. */
  statements(most: number): Promise<{ share: number; text: string }[]>
  /** Ends the processes, and leaves the database. */
  end(): Promise<void>
  stop(): Promise<void>
}

/** Where webhooks are sent by the app's own idea, which is what is signed. */
export const webhooksUrl = `${PUBLIC_URL}/webhooks/hubspot`

export async function startCrowd({ hubspotUrl, metaUrl, processes, shared, accounts, profiles }: CrowdOptions): Promise<Crowd> {
  const log = createLog({ level: 'silent' })
  const folder = await mkdtemp(join(tmpdir(), 'leadstage-bench-'))
  const open: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
  const stop = async () => {
    for (const close of open.splice(0).reverse()) await close()
  }
  try {
    const settings = { max_connections: '200', track_commit_timestamp: 'on', shared_preload_libraries: 'pg_stat_statements' }
    const embedded = await startEmbedded({ dataDir: join(folder, 'data'), log, settings })
    open.push(() => embedded.stop())
    await migrate(embedded.url, log)
    const db = openDatabase({ url: embedded.url, log, max: 2, statementMs: 3_600_000 })
    open.push(() => db.destroy())
    await ensurePartitions(db, Date.now())
    await sql`create extension pg_stat_statements`.execute(db)
    const vault = await openVault(db, [{ id: 'k1', key: Buffer.alloc(32, 1) }])
    for (const account of accounts) await connect(db, vault, account)
    const redis = shared ? await startUsualRedis() : undefined
    if (redis !== undefined) open.push(() => redis.stop())
    const env = {
      PUBLIC_URL,
      DATABASE_URL: embedded.url,
      ENCRYPTION_KEYS: `k1:${Buffer.alloc(32, 1).toString('base64')}`,
      HUBSPOT_APP_ID: String(app.appId),
      HUBSPOT_CLIENT_ID: app.clientId,
      HUBSPOT_CLIENT_SECRET: app.clientSecret,
      HUBSPOT_API_URL: hubspotUrl,
      META_GRAPH_URL: metaUrl,
      LOG_LEVEL: 'warn',
      ...(redis !== undefined && { REDIS_URL: redis.url }),
    }
    const nodeOptions = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`]
    const servers = await Promise.all(Array.from({ length: processes }, () => createServerProcess(() => env, nodeOptions)))
    const end = () => Promise.all(servers.map((server) => server.stop())).then(() => undefined)
    open.push(end)
    await Promise.all(servers.map((server) => server.start()))
    const postmaster = await postmasterOf(db)
    return {
      urls: servers.map(({ url }) => url),
      ...{ db, vault, end, stop },
      cpu: async () => ({
        servers: await sum(
          servers.map(({ pid }) => String(pid)),
          processorTime,
        ),
        postgres: await sum(await family(postmaster), processorTime),
        redis: redis === undefined ? 0 : await processorTime(String(redis.pid)),
        outside: await processorTime(String(process.pid)),
      }),
      async statements(most) {
        const { rows } = await sql<{ share: number; text: string }>`
          select round((100 * sum(total_exec_time) / (select sum(total_exec_time) from pg_stat_statements))::numeric)::int as share,
            left(regexp_replace(query, '\\s+', ' ', 'g'), 100) as text
          from pg_stat_statements group by 2 order by 1 desc limit ${most}`.execute(db)
        await sql`select pg_stat_statements_reset()`.execute(db)
        return rows
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}
