/**
 * The real app with a HubSpot and a Meta stand-in around it, on a database of its own: one workspace, one portal, one
 * dataset with the funnel of Meta's guide. Everything is closed when the test ends.
 */
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { type Rules, rules as rulesSchema } from '../../mappings/rules.ts'
import type { StageMapping } from '../../mappings/stage-mapping.ts'
import { type App, createApp } from '../../server/app.ts'
import { type Config, readConfig } from '../../server/config.ts'
import { storeGrant } from '../../server/connections/grants.ts'
import { openVault } from '../../server/connections/open-vault.ts'
import { putSecret } from '../../server/connections/secrets.ts'
import type { Vault } from '../../server/connections/vault.ts'
import { ensurePartitions } from '../../server/database/partitions.ts'
import { type Database, openDatabase } from '../../server/database/pool.ts'
import { createLog, type Log } from '../../server/log.ts'
import { allScopes, type HubSpot, type HubSpotOptions, startHubSpot } from '../simulators/hubspot/start-hubspot.ts'
import { type Meta, type MetaOptions, startMeta } from '../simulators/meta/start-meta.ts'
import { type Salesforce, type SalesforceOptions, startSalesforce } from '../simulators/salesforce/start-salesforce.ts'
import { testDatabaseUrl } from './database.ts'
import { funnel } from './funnel.ts'
import { sharedRedis } from './mode.ts'
import { salesforceEnv } from './salesforce.ts'

export const PORTAL = 3003003
export const DATASET = '700000000000001'
export const TOKEN = 'EAAtesttoken0000000000000000000001'
export const PUBLIC_URL = 'https://leadstage.example.com'

export interface TestAppOptions {
  rules?: Partial<Rules>
  mapping?: StageMapping
  env?: Record<string, string>
  hubspot?: HubSpotOptions
  meta?: MetaOptions
  /** More of the environment, given where the Meta stand-in is. */
  metaEnv?: (metaUrl: string) => Record<string, string>
  /** A stand-in for Salesforce as well; its orgs are connected by `addOrg`. */
  salesforce?: SalesforceOptions
  log?: Log
  /** `false`: everything is there but the app itself, which runs in a process of its own. */
  launch?: false
  /** Each app works by itself, also where the tests of many share a Redis. */
  alone?: true
  /** The clock by which the app judges times. */
  now?: () => number
  /** Where the app reaches the database with this URL; a proxy, for instance. */
  reach?: (databaseUrl: string) => Promise<string>
  /** Where the app reaches HubSpot and Meta with these URLs; a gateway, for instance. */
  before?: { hubspot?: (url: string) => Promise<string>; meta?: (url: string) => Promise<string> }
}

/** One advertiser: a portal that sends to a dataset. */
export interface Tenant {
  workspaceId: number
  connectionId: number
  datasetId: number
}

export interface NewTenant {
  portal: number
  dataset: string
  token: string
  rules?: Partial<Rules>
  mapping?: StageMapping
}

export interface TestApp extends Tenant {
  app: App
  /** Where the server listens. */
  url: string
  config: Config
  db: Database
  databaseUrl: string
  vault: Vault
  hubspot: HubSpot
  meta: Meta
  /** Only where the options name it. */
  salesforce: Salesforce
  /** Connects one more portal, with a dataset and a workspace of its own. */
  addTenant(tenant: NewTenant): Promise<Tenant>
  /** Resolves when all webhooks are in and nothing is left to do now: inbox and outbox hold nothing that is due. */
  settled(): Promise<void>
  /** Ends the app; its own upkeep then comes between nothing. */
  stop(): Promise<void>
  /** Ends the app and starts a new one on the same database, as a deploy does. */
  restart(): Promise<void>
  /** Starts a second app on the same database, with a pool of its own; `reach` as above. */
  another(reach?: TestAppOptions['reach']): Promise<{ app: App; url: string; stop(): Promise<void> }>
}

export async function testApp(t: Test, options: TestAppOptions = {}): Promise<TestApp> {
  const databaseUrl = await testDatabaseUrl(t)
  const log = options.log ?? createLog({ level: 'silent' })
  const open = (url: string) => {
    const db = openDatabase({ url, log: createLog({ level: 'silent' }) })
    t.teardown(() => db.destroy())
    return db
  }
  const db = open(databaseUrl)
  await ensurePartitions(db, Date.now())
  const meta = await startMeta({ datasets: [{ id: DATASET, tokens: [TOKEN] }], ...options.meta })
  t.teardown(() => meta.close())
  const hubspot = await startHubSpot({ limits: false, ...options.hubspot })
  t.teardown(() => hubspot.close())
  const salesforce = options.salesforce && (await startSalesforce(options.salesforce))
  t.teardown(() => salesforce?.close())
  const config = readConfig({
    PORT: '0',
    PUBLIC_URL,
    HUBSPOT_APP_ID: String(hubspot.app.appId),
    HUBSPOT_CLIENT_ID: hubspot.app.clientId,
    HUBSPOT_CLIENT_SECRET: hubspot.app.clientSecret,
    HUBSPOT_API_URL: (await options.before?.hubspot?.(hubspot.url)) ?? hubspot.url,
    META_GRAPH_URL: (await options.before?.meta?.(meta.url)) ?? meta.url,
    // A machine that is busy for a second is no Meta that is silent; shorter than in production, the lease outlasts it all the more.
    META_TIMEOUT_MS: '6000',
    ...options.metaEnv?.(meta.url),
    ...(salesforce && salesforceEnv(salesforce)),
    ...options.env,
  })
  const vault = await openVault(db, [{ id: 'k1', key: Buffer.alloc(32, 1) }])
  const addTenant = (tenant: NewTenant) => connect(db, vault, hubspot, tenant)
  const first = await addTenant({ portal: PORTAL, dataset: DATASET, token: TOKEN, rules: options.rules, mapping: options.mapping })

  const redis = options.alone ? undefined : sharedRedis(databaseUrl)
  const launch = async (pool: Database) => {
    const app = await createApp({
      config: { ...config, ...(redis && { redis }) },
      db: pool,
      vault,
      log,
      ...(options.now && { now: options.now }),
    })
    await app.server.listen({ port: 0, host: '127.0.0.1' })
    app.start()
    return { app, url: `http://127.0.0.1:${(app.server.server.address() as AddressInfo).port}` }
  }
  const appDb = options.reach === undefined ? db : open(await options.reach(databaseUrl))
  let running: { app: App; url: string }
  let ended: Promise<void> | undefined
  /** Once, however often it is called. */
  const stop = () => {
    ended ??= running.app.stop()
    return ended
  }
  const start = async () => {
    running = await launch(appDb)
    ended = undefined
    hubspot.webhooks({ targetUrl: `${running.url}/webhooks/hubspot`, publicUrl: `${PUBLIC_URL}/webhooks/hubspot` })
    return running
  }
  if (options.launch !== false) {
    running = await start()
    t.teardown(stop)
  }

  return {
    ...first,
    get app() {
      return running.app
    },
    get url() {
      return running.url
    },
    config,
    db,
    databaseUrl,
    vault,
    hubspot,
    meta,
    get salesforce() {
      if (salesforce === undefined) throw new Error('this test has no Salesforce')
      return salesforce
    },
    addTenant,
    async settled() {
      await hubspot.idle()
      await until(() => nothingDue(db))
    },
    stop,
    async restart() {
      await stop()
      await start()
    },
    async another(reach = async (url) => url) {
      const other = await launch(open(await reach(databaseUrl)))
      let stopped: Promise<void> | undefined
      const stop = () => {
        stopped ??= other.app.stop()
        return stopped
      }
      t.teardown(stop)
      return { ...other, stop }
    },
  }
}

async function nothingDue(db: Database): Promise<boolean> {
  const packet = await db
    .selectFrom('packet')
    .select('id')
    .where('quarantined', '=', false)
    .where('not_before', '<=', new Date())
    .executeTakeFirst()
  const event = await db.selectFrom('outbox').select('event_id').where('not_before', '<=', new Date()).executeTakeFirst()
  return packet === undefined && event === undefined
}

/** What an install, a pasted token and a saved mapping leave behind. */
async function connect(db: Database, vault: Vault, hubspot: HubSpot, tenant: NewTenant): Promise<Tenant> {
  const refreshToken = `test-refresh-token-${tenant.portal}`
  hubspot.addPortal({ portalId: tenant.portal, refreshToken })
  hubspot.defineProperty({ portalId: tenant.portal, type: 'contact', property: { name: 'meta_lead_id' } })
  const workspace = await db
    .insertInto('workspace')
    .values({ name: `Test ${tenant.portal}` })
    .returning('id')
    .executeTakeFirstOrThrow()
  const connection = await db
    .insertInto('connection')
    .values({
      workspace_id: workspace.id,
      crm: 'hubspot',
      account_key: String(tenant.portal),
      state: 'active',
      rules: JSON.stringify(rulesSchema.parse(tenant.rules ?? {})),
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  await storeGrant(db, vault, connection.id, {
    accessToken: '',
    refreshToken,
    expiresAt: 0,
    grantedAt: 0,
    account: String(tenant.portal),
    scopes: allScopes,
  })
  const datasetId = await addRoute(db, vault, { workspaceId: workspace.id, connectionId: connection.id }, tenant)
  await db
    .insertInto('mapping')
    .values({ connection_id: connection.id, version: 1, body: JSON.stringify(tenant.mapping ?? funnel()), created_by: 'test' })
    .execute()
  return { workspaceId: workspace.id, connectionId: connection.id, datasetId }
}

/** Sends what a connection reports to a dataset. Returns the id of the dataset's row. */
export async function addRoute(
  db: Database,
  vault: Vault,
  { workspaceId, connectionId }: Pick<Tenant, 'workspaceId' | 'connectionId'>,
  { dataset, token, mode = 'live' }: { dataset: string; token: string; mode?: 'live' | 'shadow' },
): Promise<number> {
  const { id } = await db
    .insertInto('dataset')
    .values({ workspace_id: workspaceId, meta_id: dataset })
    .returning('id')
    .executeTakeFirstOrThrow()
  await putSecret(db, vault, `dataset:${id}`, 'token', token)
  await db.insertInto('route').values({ connection_id: connectionId, dataset_id: id, mode }).execute()
  return id
}

/** Asks again and again until `done` says so; after `patienceMs`, which has to do on a busy machine, the test fails. */
export async function until(done: () => Promise<boolean> | boolean, patienceMs = 60_000): Promise<void> {
  const end = performance.now() + patienceMs
  while (!(await done())) {
    if (performance.now() > end) throw new Error('this did not happen in time')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
