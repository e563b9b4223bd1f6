/** Making a link that lets an admin connect a CRM account or a dataset to a workspace. */
import type { AppCredentials } from '../../connectors/connector.ts'
import { connectorFor } from '../../connectors/registry.ts'
import { createInvitation } from '../connections/install/invitations.ts'
import { transaction } from '../database/transaction.ts'
import { audit, type Caller } from './caller.ts'
import { findLiveConnection, findWorkspace } from './find.ts'
import { problem } from './problem.ts'

export interface NewInvite {
  /** Id or name; not needed where a connection is named. */
  workspace?: string | number
  /** What is to be connected: a CRM by its id (that account and no other, where one is named), or a dataset. */
  what: { crm: string; host?: string; account?: string } | { connectionId: number } | 'dataset'
  /** How long the link is good. */
  hours: number
}

export interface InviteTools {
  apps: Readonly<Record<string, AppCredentials | undefined>>
  /** Origin under which people reach us. */
  publicUrl: string
}

export interface Invite {
  id: number
  /** Whoever has it can use it, once; it is not shown again. */
  url: string
  expiresAt: Date
}

const MOST_HOURS = 24 * 14

/**
 * Throws `CodedError`: `workspace_unknown`, `connection_unknown`, `connection_removed`, `unknown_crm`, `unknown_host`, `crm_off`
 * (no credentials of ours, or nothing to consent to), `invalid_input`.
 */
export async function invite(caller: Caller, { workspace, what, hours }: NewInvite, { apps, publicUrl }: InviteTools): Promise<Invite> {
  if (!Number.isInteger(hours) || hours < 1 || hours > MOST_HOURS)
    throw problem('invalid_input', `A link is good for 1 to ${MOST_HOURS} hours.`)
  const connection = typeof what === 'object' && 'connectionId' in what ? await findLiveConnection(caller, what.connectionId) : undefined
  const { id: workspaceId } = await findWorkspace(caller, connection?.workspace_id ?? workspace ?? '')
  const crm = connection?.crm ?? (typeof what === 'object' && 'crm' in what ? what.crm : undefined)
  const host = typeof what === 'object' && 'host' in what ? what.host : undefined
  const authUrl = crm === undefined ? undefined : consentHost(crm, host, apps)
  const expiresAt = new Date(Date.now() + hours * 3_600_000)
  const { id, token } = await transaction(caller.db, async (trx) => {
    const made = await createInvitation(trx, {
      workspaceId,
      purpose: crm === undefined ? 'dataset' : 'crm',
      createdBy: caller.actor,
      expiresAt,
      ...(crm !== undefined && { crm }),
      ...(authUrl !== undefined && { authUrl }),
      ...(connection !== undefined && { connectionId: connection.id }),
      ...(typeof what === 'object' && 'account' in what && { account: what.account }),
    })
    const detail = { crm: crm ?? null, connection: connection?.id ?? null, hours }
    await audit(trx, caller, { workspaceId, action: 'invitation.create', subject: `workspace:${workspaceId}`, detail })
    return made
  })
  return { id, url: `${publicUrl}/connect/${token}`, expiresAt }
}

/** Where the admin signs in, for CRMs that have several such places. */
function consentHost(crm: string, host: string | undefined, apps: InviteTools['apps']): string | undefined {
  const { install, manifest } = connectorFor(crm)
  const app = Object.hasOwn(apps, crm) ? apps[crm] : undefined
  if (install === undefined || app === undefined)
    throw problem('crm_off', `This server has no credentials for ${manifest.displayName}. Put those of your app into the environment.`)
  if (host === undefined) return undefined
  if (install.authUrl === undefined)
    throw problem('invalid_input', `${manifest.displayName} has one address for all accounts; leave --host out.`)
  return install.authUrl(host, app)
}
