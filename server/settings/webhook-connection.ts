/** Connections with an address of their own: made here, and given to the CRM by a person. */
import { randomBytes } from 'node:crypto'
import type { ConnectionPush, Connector } from '../../connectors/connector.ts'
import { connectorFor } from '../../connectors/registry.ts'
import { getSecrets, putSecret } from '../connections/secrets.ts'
import { transaction } from '../database/transaction.ts'
import { accountOfKey, newWebhookKey } from '../intake/webhook-access.ts'
import { type AddedConnection, type InstallTools, prepare } from './add-connection.ts'
import { audit, type Caller } from './caller.ts'
import { findLiveConnection, findWorkspace } from './find.ts'
import { parseInput, problem } from './problem.ts'

export interface WebhookTools extends Pick<InstallTools, 'vault' | 'connections' | 'now'> {
  /** Origin under which CRMs reach us. */
  publicUrl: string
}

export interface NewWebhookConnection {
  /** Id or name. */
  workspace: string | number
  crm: string
  /** For people. */
  name?: string
  /** As the connector's manifest describes them. */
  settings?: Record<string, unknown>
}

/** A request to try the address with. */
export interface WebhookAddress {
  address: string
  example?: { headers: Record<string, string>; body: string }
}

export interface AddedWebhookConnection extends AddedConnection, WebhookAddress {
  /** Shown now and never again. */
  secret: string
}

/**
 * Makes a connection with a new address and a new secret. Throws `CodedError`: `unknown_crm`, `workspace_unknown`,
 * `no_address` (this CRM is connected otherwise), `invalid_input` (the settings).
 */
export async function addWebhookConnection(
  caller: Caller,
  given: NewWebhookConnection,
  tools: WebhookTools,
): Promise<AddedWebhookConnection> {
  const { crm, name = '', settings = {} } = given
  const connector = connectorFor(crm)
  const push = addressedPush(connector)
  const workspace = await findWorkspace(caller, given.workspace)
  const parsed = parseInput(connector.manifest.settings, settings, 'The settings')
  const secrets = { webhook_key: newWebhookKey(), webhook_secret: randomBytes(32).toString('base64url') }
  const account = accountOfKey(secrets.webhook_key)
  const id = await transaction(caller.db, async (trx) => {
    const { id } = await trx
      .insertInto('connection')
      .values({ workspace_id: workspace.id, crm, account_key: account, name, state_reason: null, settings: JSON.stringify(settings) })
      .returning('id')
      .executeTakeFirstOrThrow()
    for (const [purpose, secret] of Object.entries(secrets)) await putSecret(trx, tools.vault, `connection:${id}`, purpose, secret)
    await audit(trx, caller, { workspaceId: workspace.id, action: 'connection.add', subject: `connection:${id}`, detail: { crm, account } })
    return id
  })
  return {
    ...{ id, crm, account, created: true, sandbox: false },
    ...(await prepare(caller, id, tools)),
    address: addressOf(tools.publicUrl, crm, secrets.webhook_key),
    secret: secrets.webhook_secret,
    example: push.example(secrets, parsed, tools.now?.() ?? Date.now(), true),
  }
}

/**
 * The address of a connection, with a request to try it where that can be shown without the secret. Throws `CodedError`
 * `connection_unknown`, `connection_removed`, `no_address`.
 */
export async function showWebhookAddress(caller: Caller, id: number, tools: WebhookTools): Promise<WebhookAddress> {
  const { crm, settings } = await findLiveConnection(caller, id)
  const connector = connectorFor(crm)
  const push = addressedPush(connector)
  const secrets = await getSecrets(caller.db, tools.vault, `connection:${id}`)
  const parsed = connector.manifest.settings.parse(settings)
  return {
    address: addressOf(tools.publicUrl, crm, secrets.webhook_key ?? ''),
    example: push.example(secrets, parsed, tools.now?.() ?? Date.now(), false),
  }
}

/**
 * Replaces the secret of a connection; the earlier one is refused within five seconds. Throws as `showWebhookAddress`.
 */
export async function renewWebhookSecret(caller: Caller, id: number, tools: WebhookTools): Promise<WebhookAddress & { secret: string }> {
  const secret = randomBytes(32).toString('base64url')
  await transaction(caller.db, async (trx) => {
    const { crm, workspace_id } = await findLiveConnection(caller, id, { trx, lock: true })
    addressedPush(connectorFor(crm))
    await putSecret(trx, tools.vault, `connection:${id}`, 'webhook_secret', secret)
    await audit(trx, caller, { workspaceId: workspace_id, action: 'connection.secret', subject: `connection:${id}` })
  })
  return { ...(await showWebhookAddress(caller, id, tools)), secret }
}

function addressedPush({ manifest, push }: Connector): ConnectionPush {
  if (push?.routing === 'connection') return push
  throw problem('no_address', `${manifest.displayName} has one address for all connections: it is in the settings of the app there.`)
}

const addressOf = (publicUrl: string, crm: string, key: string) => `${publicUrl}/webhooks/${crm}/${key}`
