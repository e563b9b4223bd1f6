/** The real server with its own PostgreSQL in processes of their own, and accounts that send to datasets: eight portals unless told otherwise. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TokenGrant } from '../../connectors/connector.ts'
import { connectorFor } from '../../connectors/registry.ts'
import { rules } from '../../mappings/rules.ts'
import type { StageMapping } from '../../mappings/stage-mapping.ts'
import { storeGrant } from '../../server/connections/grants.ts'
import { readKeyFile } from '../../server/connections/keys.ts'
import { putSecret } from '../../server/connections/secrets.ts'
import { createVault, type Vault } from '../../server/connections/vault.ts'
import { findEmbedded } from '../../server/database/embedded.ts'
import { type Database, openDatabase } from '../../server/database/pool.ts'
import { arrivalOf } from '../../server/intake/arrival.ts'
import { createLog } from '../../server/log.ts'
import { type ServerProcess, startServer } from '../demo/server-process.ts'
import { allScopes } from '../simulators/hubspot/start-hubspot.ts'
import { funnel } from '../support/funnel.ts'
import { app } from './bodies.ts'
import { postmasterOf } from './postmaster.ts'

export const portals = Array.from({ length: 8 }, (_, index) => 44_000_001 + index)
export const token = 'EAAbench0000000000000000000000001'
export const datasetOf = (portal: number): string => `7${String(portal).padStart(14, '0')}`

export interface Stand {
  server: ServerProcess
  /** Where HubSpot sends its webhooks. */
  webhooks: string
  db: Database
  vault: Vault
  /** Process id of its PostgreSQL, whose other processes are children of this one. */
  postmaster: string
  stop(): Promise<void>
}

export interface StandOptions {
  /** Where the server finds HubSpot and Meta. */
  hubspotUrl?: string
  metaUrl?: string
  /** Without routes, changes are kept and not resolved. */
  routes?: boolean
  /** In place of the portals. */
  accounts?: readonly Account[]
  env?: Record<string, string>
}

/** An account as an install leaves it. */
export interface Account {
  crm: string
  key: string
  grant: Omit<TokenGrant, 'account'>
  mapping: StageMapping
  settings?: object
  /** `active` where it sends to a dataset, `setup` otherwise. */
  state?: 'setup' | 'active' | 'paused'
  /** Meta's id of the dataset it sends to. */
  dataset?: string
}

export async function startStand({
  hubspotUrl = 'http://127.0.0.1:9',
  metaUrl = 'http://127.0.0.1:9',
  routes = true,
  accounts = portals.map((portal) => portalAccount(portal, routes)),
  env,
}: StandOptions): Promise<Stand> {
  const folder = await mkdtemp(join(tmpdir(), 'leadstage-bench-'))
  const server = await startServer(folder, {
    HUBSPOT_APP_ID: String(app.appId),
    HUBSPOT_CLIENT_ID: app.clientId,
    HUBSPOT_CLIENT_SECRET: app.clientSecret,
    HUBSPOT_API_URL: hubspotUrl,
    META_GRAPH_URL: metaUrl,
    LOG_LEVEL: 'warn',
    ...env,
  })
  const stop = async () => {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await server.ready()
    const dataDir = server.env.DATA_DIR as string
    const embedded = await findEmbedded(dataDir)
    if (embedded === undefined) throw new Error('the PostgreSQL of the server cannot be found')
    const db = openDatabase({ url: embedded.url, log: createLog({ level: 'silent' }), max: 2, statementMs: 3_600_000 })
    const vault = createVault(await readKeyFile(dataDir))
    for (const account of accounts) await connect(db, vault, account)
    return {
      server,
      webhooks: `${server.url}/webhooks/hubspot`,
      db,
      vault,
      postmaster: await postmasterOf(db),
      async stop() {
        await db.destroy()
        await stop()
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** @param routes it sends to a dataset of its own */
export function portalAccount(portal: number, routes = true): Account {
  return {
    crm: 'hubspot',
    key: String(portal),
    grant: {
      accessToken: `bench-access-${portal}`,
      refreshToken: `bench-refresh-${portal}`,
      expiresAt: Date.now() + 86_400_000,
      scopes: allScopes,
    },
    mapping: funnel(),
    ...(routes && { dataset: datasetOf(portal) }),
  }
}

/** What an install, a pasted token and a saved mapping leave behind, each account in a workspace of its own. Returns the connection. */
export async function connect(
  db: Database,
  vault: Vault,
  { crm, key, grant, mapping, settings = {}, dataset, state = dataset === undefined ? 'setup' : 'active' }: Account,
): Promise<number> {
  const { id: workspaceId } = await db
    .insertInto('workspace')
    .values({ name: `Bench ${key}` })
    .returning('id')
    .executeTakeFirstOrThrow()
  const { id } = await db
    .insertInto('connection')
    .values({
      workspace_id: workspaceId,
      crm,
      account_key: key,
      state,
      arrival: arrivalOf(connectorFor(crm), settings),
      settings: JSON.stringify(settings),
      rules: JSON.stringify(rules.parse({})),
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  await storeGrant(db, vault, id, { ...grant, account: key, grantedAt: Date.now() })
  await db
    .insertInto('mapping')
    .values({ connection_id: id, version: 1, body: JSON.stringify(mapping), created_by: 'bench' })
    .execute()
  if (dataset === undefined) return id
  const { id: datasetId } = await db
    .insertInto('dataset')
    .values({ workspace_id: workspaceId, meta_id: dataset })
    .returning('id')
    .executeTakeFirstOrThrow()
  await putSecret(db, vault, `dataset:${datasetId}`, 'token', token)
  await db.insertInto('route').values({ connection_id: id, dataset_id: datasetId }).execute()
  return id
}

/** Resident memory of a process, megabytes; with those it started, if `children`. */
export async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
}
