/** Salesforce orgs of the running app: what an install, a consent and a saved mapping leave behind. */
import { salesforce } from '../../connectors/salesforce/index.ts'
import { type Rules, rules as rulesSchema } from '../../mappings/rules.ts'
import { type StageMapping, stageMapping } from '../../mappings/stage-mapping.ts'
import { storeGrant } from '../../server/connections/grants.ts'
import { transaction } from '../../server/database/transaction.ts'
import { arrivalOf } from '../../server/intake/arrival.ts'
import type { NewOrg, Salesforce } from '../simulators/salesforce/start-salesforce.ts'
import { addRoute, type Tenant, type TestApp, until } from './app.ts'

/** What the server is told of a stand-in. */
export const salesforceEnv = ({ app, url, streamUrl }: Pick<Salesforce, 'app' | 'url' | 'streamUrl'>): Record<string, string> => ({
  SALESFORCE_APP_ID: 'Leadstage',
  SALESFORCE_CLIENT_ID: app.clientId,
  SALESFORCE_CLIENT_SECRET: app.clientSecret,
  SALESFORCE_API_URL: url,
  SALESFORCE_STREAM_URL: streamUrl,
})

/** The default mapping, and one stage more that is no default. */
export const orgFunnel = (): StageMapping => {
  const working = { source: 'lead_status', stageId: 'Working - Contacted', eventName: 'Marketing Qualified Lead' }
  const [first, ...rest] = salesforce.defaultMapping([]).filter(({ stageId }) => stageId !== working.stageId)
  return stageMapping.parse({ stages: [first, working, ...rest] })
}

export interface ConnectedOrg extends Tenant {
  orgId: string
}

/** One more org of an advertiser of its own, connected to a dataset that Meta knows from now on. */
export async function addOrg(
  it: Pick<TestApp, 'db' | 'vault' | 'meta' | 'salesforce'>,
  given: {
    dataset: string
    token: string
    org?: NewOrg
    rules?: Partial<Rules>
    mapping?: StageMapping
    settings?: Record<string, unknown>
  },
): Promise<ConnectedOrg> {
  const { db, vault } = it
  const { orgId, refreshToken } = it.salesforce.addOrg(given.org)
  it.meta.addDataset({ id: given.dataset, tokens: [given.token] })
  const workspace = await db
    .insertInto('workspace')
    .values({ name: `Org ${orgId}` })
    .returning('id')
    .executeTakeFirstOrThrow()
  // Together, as an install does it: what is seen is followed.
  const connectionId = await transaction(db, async (trx) => {
    const { id } = await trx
      .insertInto('connection')
      .values({
        workspace_id: workspace.id,
        crm: 'salesforce',
        account_key: orgId,
        state: 'active',
        settings: JSON.stringify(given.settings ?? {}),
        rules: JSON.stringify(rulesSchema.parse(given.rules ?? {})),
        arrival: arrivalOf(salesforce, given.settings ?? {}),
      })
      .returning('id')
      .executeTakeFirstOrThrow()
    await storeGrant(trx, vault, id, {
      ...{ accessToken: '', refreshToken, expiresAt: 0, grantedAt: 0, account: orgId, scopes: [] },
      ...{ apiUrl: it.salesforce.url, authUrl: it.salesforce.url },
    })
    return id
  })
  const datasetId = await addRoute(db, vault, { workspaceId: workspace.id, connectionId }, given)
  const body = JSON.stringify(given.mapping ?? orgFunnel())
  await db.insertInto('mapping').values({ connection_id: connectionId, version: 1, body, created_by: 'test' }).execute()
  return { orgId, workspaceId: workspace.id, connectionId, datasetId }
}

/** Resolves when so many streams of an org are open. */
export async function followed(it: Pick<TestApp, 'salesforce'>, orgId: string, streams = 1): Promise<void> {
  await until(() => it.salesforce.pubsub.streams({ orgId }).length === streams)
}
