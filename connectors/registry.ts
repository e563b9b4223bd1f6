/** Every CRM that Leadstage knows: one line each. */
import type { Connector } from './connector.ts'
import { CodedError } from './errors.ts'
import { hubspot } from './hubspot/index.ts'

export const connectors: Record<string, Connector> = {
  [hubspot.manifest.id]: hubspot,
}

/** The connector of a CRM by its id. Throws `unknown_crm` for an id that is not in the registry. */
export function connectorFor(crm: string): Connector {
  const connector = Object.hasOwn(connectors, crm) ? connectors[crm] : undefined
  if (connector) return connector
  throw new CodedError({
    code: 'unknown_crm',
    retry: 'never',
    scope: 'event',
    userText: `There is no connector for this CRM. Known are: ${Object.keys(connectors).join(', ')}.`,
  })
}

/** The value of `custom_data.lead_event_source` for a CRM: fixed by its connector, never by a user. Throws as `connectorFor`. */
export function leadEventSource(crm: string): string {
  return connectorFor(crm).manifest.leadEventSource
}
