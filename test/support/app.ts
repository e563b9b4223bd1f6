/**
 * The real app with a HubSpot and a Meta stand-in around it, on a database of its own: one workspace, one portal, one
 * dataset with the default mapping. Everything is closed when the test ends.
 */
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { connectors } from '../../connectors/registry.ts'
import { type Rules, rules as rulesSchema } from '../../mappings/rules.ts'
import { type StageMapping, stageMapping } from '../../mappings/stage-mapping.ts'
import { type App, createApp } from '../../server/app.ts'
import { type Config, readConfig } from '../../server/config.ts'
import { storeGrant } from '../../server/connections/grants.ts'
import { putSecret } from '../../server/connections/secrets.ts'
import { createVault, type Vault } from '../../server/connections/vault.ts'
import { ensurePartitions } from '../../server/database/partitions.ts'
import type { Database } from '../../server/database/pool.ts'
import { createLog, type Log } from '../../server/log.ts'
import { type HubSpot, type HubSpotOptions, startHubSpot } from '../simulators/hubspot/start-hubspot.ts'
import { type Meta, type MetaOptions, startMeta } from '../simulators/meta/start-meta.ts'
import { testDatabase } from './database.ts'

export const PORTAL = 3003003
export const DATASET = '700000000000001'
export const TOKEN = 'EAAtesttoken0000000000000000000001'
const PUBLIC_URL = 'https://leadstage.example.com'

export interface TestAppOptions {
  rules?: Partial<Rules>
  mapping?: (proposed: StageMapping) => StageMapping
  env?: Record<string, string>
  hubspot?: HubSpotOptions
  meta?: MetaOptions
  log?: Log
}

export interface TestApp {
  app: App
  /** Where the server listens. */
  url: string
  config: Config
  db: Database
  vault: Vault
  hubspot: HubSpot
  meta: Meta
  connectionId: number
  datasetId: number
  /** Resolves when all webhooks are in and nothing is left to do now: inbox and outbox hold nothing that is due. */
  settled(): Promise<void>
  /** Ends the app and starts a new one on the same database, as a deploy does. */
  restart(): Promise<void>
}

export async function testApp(t: Test, options: TestAppOptions = {}): Promise<TestApp> {
  const db = await testDatabase(t)
  await ensurePartitions(db, Date.now())
  const meta = await startMeta({ datasets: [{ id: DATASET, tokens: [TOKEN] }], ...options.meta })
  t.teardown(() => meta.close())
  const hubspot = await startHubSpot({ portals: [{ portalId: PORTAL, refreshToken: 'test-refresh-token' }], ...options.hubspot })
  t.teardown(() => hubspot.close())
  hubspot.defineProperty({ type: 'contact', property: { name: 'meta_lead_id' } })
  const config = readConfig({
    PORT: '0',
    PUBLIC_URL,
    HUBSPOT_APP_ID: String(hubspot.app.appId),
    HUBSPOT_CLIENT_ID: hubspot.app.clientId,
    HUBSPOT_CLIENT_SECRET: hubspot.app.clientSecret,
    HUBSPOT_API_URL: hubspot.url,
    META_GRAPH_URL: meta.url,
    META_TIMEOUT_MS: '1000',
    ...options.env,
  })
  const vault = createVault([{ id: 'k1', key: Buffer.alloc(32, 1) }])
  const log = options.log ?? createLog({ level: 'silent' })
  const { connectionId, datasetId } = await seed(db, vault, options)

  let app: App
  let url = ''
  const start = async () => {
    app = await createApp({ config, db, vault, log })
    await app.server.listen({ port: 0, host: '127.0.0.1' })
    url = `http://127.0.0.1:${(app.server.server.address() as AddressInfo).port}`
    hubspot.webhooks({ targetUrl: `${url}/webhooks/hubspot`, publicUrl: `${PUBLIC_URL}/webhooks/hubspot` })
    app.start()
  }
  await start()
  t.teardown(() => app.stop())

  return {
    get app() {
      return app
    },
    get url() {
      return url
    },
    config,
    db,
    vault,
    hubspot,
    meta,
    connectionId,
    datasetId,
    async settled() {
      await hubspot.idle()
      await until(async () => {
        const packets = await db
          .selectFrom('packet')
          .select('id')
          .where('quarantined', '=', false)
          .where('not_before', '<=', new Date())
          .executeTakeFirst()
        const events = await db.selectFrom('outbox').select('event_id').where('not_before', '<=', new Date()).executeTakeFirst()
        return packets === undefined && events === undefined
      })
    },
    async restart() {
      await app.stop()
      await start()
    },
  }
}

async function seed(db: Database, vault: Vault, options: TestAppOptions): Promise<{ connectionId: number; datasetId: number }> {
  const workspace = await db.insertInto('workspace').values({ name: 'Test' }).returning('id').executeTakeFirstOrThrow()
  const connection = await db
    .insertInto('connection')
    .values({
      workspace_id: workspace.id,
      crm: 'hubspot',
      account_key: String(PORTAL),
      state: 'active',
      rules: JSON.stringify(rulesSchema.parse(options.rules ?? {})),
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  await storeGrant(db, vault, connection.id, {
    accessToken: '',
    refreshToken: 'test-refresh-token',
    expiresAt: 0,
    grantedAt: 0,
    account: String(PORTAL),
    scopes: [],
  })
  const dataset = await db
    .insertInto('dataset')
    .values({ workspace_id: workspace.id, meta_id: DATASET })
    .returning('id')
    .executeTakeFirstOrThrow()
  await putSecret(db, vault, `dataset:${dataset.id}`, 'token', TOKEN)
  await db.insertInto('route').values({ connection_id: connection.id, dataset_id: dataset.id }).execute()
  const proposed = stageMapping.parse({ stages: connectors.hubspot?.defaultMapping([]) })
  await db
    .insertInto('mapping')
    .values({ connection_id: connection.id, version: 1, body: JSON.stringify(options.mapping?.(proposed) ?? proposed), created_by: 'test' })
    .execute()
  return { connectionId: connection.id, datasetId: dataset.id }
}

/** Asks again and again until `done` says so; after `patienceMs` the test fails. */
export async function until(done: () => Promise<boolean> | boolean, patienceMs = 15_000): Promise<void> {
  const end = Date.now() + patienceMs
  while (!(await done())) {
    if (Date.now() > end) throw new Error('this did not happen in time')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
