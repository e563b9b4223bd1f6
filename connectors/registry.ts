/** Every CRM that Leadstage knows: one line each. */
import type { Connector } from './connector.ts'
import { CodedError } from './errors.ts'
import { hubspot } from './hubspot/index.ts'
import { metaLeadAds } from './meta-lead-ads/index.ts'
import { salesforce } from './salesforce/index.ts'
import { webhook } from './webhook/index.ts'

export const connectors: Record<string, Connector> = {
  [hubspot.manifest.id]: hubspot,
  [salesforce.manifest.id]: salesforce,
  [metaLeadAds.manifest.id]: metaLeadAds,
  [webhook.manifest.id]: webhook,
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

/** Ids of the sources that tell of Meta's own leads; all others are CRMs. */
export const capturingSources = (): string[] =>
  Object.values(connectors).flatMap(({ manifest }) => (manifest.capturesLeads ? [manifest.id] : []))

/**
 * The value of `custom_data.lead_event_source` for a CRM: fixed by its connector, never by a user, but for a connector that
 * serves many CRMs: there the settings of the connection name theirs. Throws as `connectorFor`.
 */
export function leadEventSource(crm: string, settings: unknown = {}): string {
  const { manifest, leadEventSource: ofConnection } = connectorFor(crm)
  return ofConnection?.(manifest.settings.parse(settings)) ?? manifest.leadEventSource
}
