import type { AppCredentials, HttpPort } from '../../connectors/connector.ts'
import { CodedError } from '../../connectors/errors.ts'
import { connectorFor } from '../../connectors/registry.ts'
import type { Connections } from '../connections/connections.ts'
import { readGrant } from '../connections/grants.ts'
import type { Vault } from '../connections/vault.ts'
import type { Caller } from './caller.ts'

export interface LeaveTools {
  vault: Vault
  connections: Connections
  apps: Readonly<Record<string, AppCredentials | undefined>>
  http: HttpPort
}

export interface Leaving {
  /** The CRM ended what it had granted; `no_need`: there is nothing at this CRM that could be ended. */
  outcome: 'left' | 'no_need' | 'failed'
  /** What the customer has to do there by hand. */
  text?: string
}

/** What a customer should know and do before an account is left, where anything is lost by it; undefined where nothing is. */
export function leavingWarning({ id, crm }: { id: number; crm: string }): string | undefined {
  const takesAlong = connectorFor(crm).install?.takesAlong
  return takesAlong && `${takesAlong} Export them before: lead-id-field export ${id}`
}

/**
 * Tells the CRM that we go, before our access to it is forgotten. Never throws for what the CRM does: a CRM that cannot be told
 * keeps nobody from leaving.
 */
export async function leaveCrm(caller: Caller, id: number, { vault, connections, apps, http }: LeaveTools): Promise<Leaving> {
  try {
    const { connector, context, crm } = await connections.get(id)
    const app = Object.hasOwn(apps, crm) ? apps[crm] : undefined
    if (connector.install?.leave === undefined || app === undefined) return { outcome: 'no_need' }
    const grant = await readGrant(caller.db, vault, id)
    await connector.install.leave({ client: context.client, app, grant, http })
    return { outcome: 'left' }
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    // It was over before.
    if (error.code === 'grant_revoked' || error.code === 'not_connected') return { outcome: 'no_need' }
    return { outcome: 'failed', text: `The CRM could not be told (${error.userText}). Remove the app in the CRM by hand.` }
  }
}
