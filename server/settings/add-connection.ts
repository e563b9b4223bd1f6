/** Connecting a CRM account with a refresh token, for the first time or again. */
import { sql } from 'kysely'
import type { AppCredentials, ConnectionContext, Connector, Finding, HttpPort, TokenGrant } from '../../connectors/connector.ts'
import { CodedError } from '../../connectors/errors.ts'
import { connectorFor } from '../../connectors/registry.ts'
import type { Connections } from '../connections/connections.ts'
import { type StoredGrant, storeGrant } from '../connections/grants.ts'
import type { Vault } from '../connections/vault.ts'
import { type Trx, transaction } from '../database/transaction.ts'
import { arrivalOf } from '../intake/arrival.ts'
import { audit, type Caller } from './caller.ts'
import { findWorkspace } from './find.ts'
import { proposeMapping, saveFirstMapping } from './mappings.ts'
import { problem } from './problem.ts'
import { routeCaptured } from './route-captured.ts'

export interface InstallTools {
  vault: Vault
  /** Our credentials by connector id. */
  apps: Readonly<Record<string, AppCredentials | undefined>>
  http: HttpPort
  connections: Connections
  /** Told when an account was connected, so that what it tells is followed at once. */
  connected?: () => void
  /** Milliseconds since the epoch. */
  now?: () => number
}

export interface NewConnection {
  /** Id or name. */
  workspace: string | number
  crm: string
  refreshToken: string
  /** Where the account signs in, as a person typed it, for CRMs that have several places. */
  host?: string
  /** For people; the account key where none is given. */
  name?: string
}

export interface AddedConnection {
  id: number
  crm: string
  account: string
  /** False: it was connected before, and has a new grant now. */
  created: boolean
  /** A place to try things out: its new routes begin in shadow mode. */
  sandbox: boolean
  /** `failed`: the CRM would not show its stages; nothing is mapped until a mapping is saved. `none`: it has no stages. */
  mapping: 'saved' | 'kept' | 'failed' | 'none'
  /** What is missing in the account; where the CRM could not be asked, why. */
  findings: Finding[]
}

/**
 * Connects an account: trades the refresh token for a grant, keeps that before anything else can fail, then saves the
 * default mapping where there is none. An account of the same workspace is connected again.
 *
 * Throws `CodedError`: `unknown_crm`, `workspace_unknown`, `crm_off`, `account_taken` (it is connected in another
 * workspace), `unknown_host`, `host_unwanted` (all accounts of the CRM sign in at one place), or what the CRM makes of the token (`grant_revoked`, `app_misconfigured`, …).
 */
export async function addConnection(caller: Caller, given: NewConnection, tools: InstallTools): Promise<AddedConnection> {
  const { install, manifest } = connectorFor(given.crm)
  const workspace = await findWorkspace(caller, given.workspace)
  const app = Object.hasOwn(tools.apps, given.crm) ? tools.apps[given.crm] : undefined
  if (app === undefined || install === undefined) {
    throw problem('crm_off', `This server has no credentials for ${manifest.displayName}. Put those of your app into the environment.`)
  }
  const grantedAt = tools.now?.() ?? Date.now()
  const authUrl = given.host === undefined ? undefined : hostOf(given.host, given.crm, app)
  const grant = await install.refresh(app, { refreshToken: given.refreshToken, ...(authUrl && { authUrl }) }, tools.http, grantedAt)
  return connectAccount(caller, workspace.id, { crm: given.crm, name: given.name }, { ...grant, grantedAt }, tools)
}

function hostOf(typed: string, crm: string, app: AppCredentials): string {
  const { install, manifest } = connectorFor(crm)
  if (install?.authUrl !== undefined) return install.authUrl(typed, app)
  throw problem('host_unwanted', `All accounts of ${manifest.displayName} sign in at one place; leave the host out.`)
}

/**
 * Connects the account of a grant that was just won, for the first time or again. The grant is kept before anything else can
 * fail. Throws `CodedError` `account_taken`.
 */
export async function connectAccount(
  caller: Caller,
  workspaceId: number,
  given: Pick<NewConnection, 'crm' | 'name'>,
  grant: StoredGrant,
  tools: Pick<InstallTools, 'vault' | 'connections' | 'connected'>,
): Promise<AddedConnection> {
  // Together: a connection is followed as soon as it is seen, and without its grant that would fail for minutes.
  const { id, created } = await transaction(caller.db, async (trx) => {
    const claimed = await claimAccount(trx, caller, workspaceId, given, grant)
    await storeGrant(trx, tools.vault, claimed.id, grant)
    if (claimed.created) await routeCaptured(trx, workspaceId, { connectionId: claimed.id })
    return claimed
  })
  tools.connections.forget(id)
  tools.connected?.()
  const { account, sandbox = false } = grant
  return { id, crm: given.crm, account, created, sandbox, ...(await prepare(caller, id, tools)) }
}

/** The row of the account. A removed connection of another workspace lets go of its account. */
async function claimAccount(
  trx: Trx,
  caller: Caller,
  workspaceId: number,
  { crm, name }: Pick<NewConnection, 'crm' | 'name'>,
  { account, sandbox = false }: TokenGrant,
) {
  const known = await trx
    .selectFrom('connection')
    .select(['id', 'workspace_id', 'state'])
    .where('crm', '=', crm)
    .where('account_key', '=', account)
    .forUpdate()
    .executeTakeFirst()
  if (known !== undefined && known.workspace_id !== workspaceId) {
    if (known.state !== 'removed') {
      throw problem('account_taken', `The account ${account} is connected in another workspace. Remove it there first.`)
    }
    const released = `${account} (was connection ${known.id})`
    await trx.updateTable('connection').set({ account_key: released }).where('id', '=', known.id).execute()
  }
  const again = known !== undefined && known.workspace_id === workspaceId
  const { id, state } = again
    ? await trx
        .updateTable('connection')
        .set({
          state: sql`case when state <> 'removed' then state
            when exists (select from route where connection_id = connection.id) then 'active' else 'setup' end`,
          // What happened between was not to be known.
          created_at: sql`case when state = 'removed' then now() else created_at end`,
          sandbox,
          removed_at: null,
          purged_at: null,
          ...(name !== undefined && { name }),
        })
        .where('id', '=', known.id)
        .returning(['id', 'state'])
        .executeTakeFirstOrThrow()
    : await trx
        .insertInto('connection')
        .values({
          workspace_id: workspaceId,
          crm,
          account_key: account,
          name: name ?? '',
          state_reason: null,
          sandbox,
          arrival: arrivalOf(connectorFor(crm), {}),
        })
        .returning(['id', 'state'])
        .executeTakeFirstOrThrow()
  const action = again ? 'connection.reconnect' : 'connection.add'
  await audit(trx, caller, {
    workspaceId,
    action,
    subject: `connection:${id}`,
    detail: { crm, account, ...(again && { from: known.state }), to: state },
  })
  return { id, created: !again }
}

/** The connection stands; what fails here is told and can be done later. */
export async function prepare(
  caller: Caller,
  id: number,
  { connections }: Pick<InstallTools, 'connections'>,
): Promise<Pick<AddedConnection, 'mapping' | 'findings'>> {
  try {
    const { connector, context } = await connections.get(id)
    await ensurePush(connector, context)
    const findings = await connector.check(context)
    const saved = await saveFirstMapping(caller, id, () => proposeMapping(caller, id, connections))
    return { mapping: connector.manifest.capturesLeads ? 'none' : saved ? 'saved' : 'kept', findings }
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    return { mapping: 'failed', findings: [{ code: error.code, fatal: true, text: error.userText }] }
  }
}

/** What keeps an account from sending to us, its check tells. */
async function ensurePush({ push }: Connector, context: ConnectionContext): Promise<void> {
  if (push?.routing !== 'app') return
  try {
    await push.ensure?.(context)
  } catch (error) {
    if (!(error instanceof CodedError) || error.retry !== 'never') throw error
  }
}
