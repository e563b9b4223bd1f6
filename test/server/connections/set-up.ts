import { randomBytes, randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import type { AppCredentials, HttpPort } from '../../../connectors/connector.ts'
import { hubspot } from '../../../connectors/hubspot/index.ts'
import { createAccessToken } from '../../../server/connections/access-token.ts'
import { type ClientOptions, createCrmClient } from '../../../server/connections/client.ts'
import { readGrant, storeGrant } from '../../../server/connections/grants.ts'
import { createHttp } from '../../../server/connections/http.ts'
import { createVault } from '../../../server/connections/vault.ts'
import { createLog } from '../../../server/log.ts'
import { type HubSpotOptions, startHubSpot } from '../../simulators/hubspot/start-hubspot.ts'
import { testDatabase } from '../../support/database.ts'

const MINUTE = 60_000
export const PORTAL = 1001

/**
 * A HubSpot account with our app installed, and its connection in a database of its own. Clock and CRM can be moved; all
 * that is logged is kept.
 */
export async function setUp(t: Test, { crm, timeoutMs = 5_000 }: { crm?: HubSpotOptions; timeoutMs?: number } = {}) {
  let offset = 0
  const now = () => Date.now() + offset
  const [db, crmServer] = await Promise.all([testDatabase(t), startHubSpot({ limits: false, clock: now, ...crm })])
  t.teardown(() => crmServer.close())
  const { http, close } = createHttp({ timeoutMs })
  t.teardown(close)
  const vault = createVault([{ id: 'k1', key: randomBytes(32) }])
  const lines: string[] = []
  const log = createLog({ level: 'trace', to: { write: (line) => lines.push(line) } })

  const { refreshToken } = crmServer.addPortal({ portalId: PORTAL })
  const { accessToken } = crmServer.accessToken({ refreshToken })
  const workspace = await db.insertInto('workspace').values({ name: randomUUID() }).returning('id').executeTakeFirstOrThrow()
  const { id } = await db
    .insertInto('connection')
    .values({ workspace_id: workspace.id, crm: 'hubspot', account_key: String(PORTAL), state_reason: null })
    .returning('id')
    .executeTakeFirstOrThrow()
  const grant = {
    accessToken,
    refreshToken,
    account: String(PORTAL),
    scopes: ['oauth'],
    grantedAt: now(),
    expiresAt: now() + 30 * MINUTE,
  }
  await storeGrant(db, vault, id, grant)
  const app: AppCredentials = {
    appId: String(crmServer.app.appId),
    clientId: crmServer.app.clientId,
    clientSecrets: [crmServer.app.clientSecret],
    baseUrl: crmServer.url,
  }

  /** One more process, as far as tokens go. */
  const newAccessToken = (port: HttpPort = http) =>
    createAccessToken({ db, vault, connectionId: id, account: String(PORTAL), connector: hubspot, app, http: port, log, now })
  const newClient = (options: Partial<ClientOptions> = {}) => {
    const port = options.http ?? http
    return createCrmClient({
      connectionId: id,
      connector: hubspot,
      accessToken: newAccessToken(port),
      log,
      backOffMs: 5,
      ...options,
      http: port,
    })
  }
  return {
    db,
    vault,
    crm: crmServer,
    http,
    app,
    log,
    lines,
    grant,
    now,
    workspaceId: workspace.id,
    connectionId: id,
    newAccessToken,
    newClient,
    storedGrant: () => readGrant(db, vault, id),
    connection: () => db.selectFrom('connection').selectAll().where('id', '=', id).executeTakeFirstOrThrow(),
    notices: () => db.selectFrom('notice').selectAll().orderBy('id').execute(),
    /** Moves our clock and the CRM's. */
    passMinutes(minutes: number) {
      offset += minutes * MINUTE
    },
  }
}
