import type { AppCredentials, ConnectionContext, Connector, HttpPort } from '../../connectors/connector.ts'
import { CodedError } from '../../connectors/errors.ts'
import { connectors as registry } from '../../connectors/registry.ts'
import { type Rules, rules as rulesSchema } from '../../mappings/rules.ts'
import type { Database } from '../database/pool.ts'
import type { ConnectionState, Row } from '../database/tables.ts'
import type { Log } from '../log.ts'
import { measureHttp } from '../operations/measure.ts'
import type { Meter } from '../operations/meter.ts'
import { type AccessToken, createAccessToken } from './access-token.ts'
import { watchAllocation } from './allocation.ts'
import { type ClientOptions, createCrmClient } from './client.ts'
import { notConnected } from './grants.ts'
import { createSharedGate } from './shared-gate.ts'
import type { Vault } from './vault.ts'

export interface Connection {
  id: number
  workspaceId: number
  crm: string
  account: string
  name: string
  state: ConnectionState
  stateReason: string | null
  rules: Rules
  connector: Connector
  /** What the connector's functions take. */
  context: ConnectionContext
  /** Its tokens, for transports of the connector's own. */
  access: AccessToken
}

export interface ConnectionsOptions {
  db: Database
  vault: Vault
  /** Our credentials by connector id; a connector without any is switched off. */
  apps: Readonly<Record<string, AppCredentials | undefined>>
  http: HttpPort
  log: Log
  connectors?: Readonly<Record<string, Connector>>
  /** Milliseconds since the epoch. */
  now?: () => number
  client?: Pick<ClientOptions, 'backOffMs' | 'maxQueueMs'>
  /** Other processes ask the same accounts: the limits of CRMs hold for all of them together. */
  shared?: boolean
  /** Told of every request to a CRM. */
  meter?: Meter
}

export interface Connections {
  /**
   * A connection with all that its connector needs; what others change shows within five seconds. Throws `CodedError`:
   * `not_connected` (there is none of this id, or it was removed), `connector_off` (no credentials for its CRM).
   */
  get(connectionId: number): Promise<Connection>
  /** Reads the connection anew next time, after a change that has to show at once. */
  forget(connectionId: number): void
}

const REMEMBER_MS = 5_000

/** The installed connections, each with one client for this process: tokens are kept there, and limits. */
export function createConnections(options: ConnectionsOptions): Connections {
  const { db, apps, connectors = registry } = options
  const ports = new Map<number, Pick<Connection, 'access'> & Pick<ConnectionContext, 'client'>>()
  const remembered = new Map<number, { connection: Promise<Connection>; until: number }>()

  async function read(connectionId: number): Promise<Connection> {
    const row = await db.selectFrom('connection').selectAll().where('id', '=', connectionId).executeTakeFirst()
    if (row === undefined || row.state === 'removed') {
      ports.delete(connectionId)
      throw notConnected()
    }
    const connector = Object.hasOwn(connectors, row.crm) ? connectors[row.crm] : undefined
    const app = Object.hasOwn(apps, row.crm) ? apps[row.crm] : undefined
    if (connector === undefined || (app === undefined && connector.manifest.api !== undefined)) throw connectorOff(row.crm)
    const rules = rulesSchema.parse(row.rules)
    const { access, client } = app === undefined ? neverAsked : portsOf(row, connector, app)
    return {
      id: row.id,
      workspaceId: row.workspace_id,
      crm: row.crm,
      account: row.account_key,
      name: row.name,
      state: row.state,
      stateReason: row.state_reason,
      rules,
      connector,
      context: {
        client,
        account: row.account_key,
        scopes: row.scopes,
        settings: connector.manifest.settings.parse(row.settings),
        ruleFields: ruleFields(rules),
      },
      access,
    }
  }

  function portsOf({ id, account_key: account, workspace_id: workspaceId }: Row<'connection'>, connector: Connector, app: AppCredentials) {
    const known = ports.get(id)
    if (known !== undefined) return known
    const access = createAccessToken({ ...options, connectionId: id, account, connector, app })
    const http = measureHttp(options.http, connector.manifest.id, options.meter)
    const allocation = watchAllocation({ ...options, connectionId: id, workspaceId, connector })
    const made = {
      access,
      client: createCrmClient({
        ...{ ...options, ...options.client, http, connectionId: id, connector, app, accessToken: access, allocation },
        ...(options.shared && { createGate: (...gate) => createSharedGate(db, id, ...gate) }),
      }),
    }
    ports.set(id, made)
    return made
  }

  return {
    get(connectionId) {
      const known = remembered.get(connectionId)
      if (known !== undefined && performance.now() < known.until) return known.connection
      const connection = read(connectionId)
      remembered.set(connectionId, { connection, until: performance.now() + REMEMBER_MS })
      connection.catch(() => remembered.delete(connectionId))
      return connection
    },
    forget: (connectionId) => void remembered.delete(connectionId),
  }
}

/** For CRMs that are never asked. */
const refuse = (): Promise<never> =>
  Promise.reject(
    new CodedError({
      code: 'never_asked',
      retry: 'never',
      scope: 'connection',
      userText: 'This CRM only sends; it cannot be asked for anything.',
    }),
  )
const neverAsked: Pick<Connection, 'access'> & Pick<ConnectionContext, 'client'> = {
  access: { current: refuse, instead: refuse, renew: refuse },
  client: { request: refuse },
}

/** The CRM fields that the rules look at. */
function ruleFields({ confirmedSources, consent, optOut }: Rules): string[] {
  return [...new Set([...confirmedSources, ...consent, ...optOut].map(({ field }) => field))]
}

function connectorOff(crm: string): CodedError {
  return new CodedError({
    code: 'connector_off',
    retry: 'later',
    scope: 'connection',
    userText: `This server has no credentials for ${crm}. Its operator has to set them.`,
  })
}
