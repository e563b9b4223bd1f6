/** An account in the HubSpot stand-in, and a plain client to it over HTTP. */
import type { ConnectionContext } from '../../../connectors/connector.ts'
import { classify } from '../../../connectors/hubspot/errors.ts'
import { type HubspotSettings, hubspotSettings } from '../../../connectors/hubspot/settings.ts'
import { allScopes, type HubSpot, startHubSpot } from '../../simulators/hubspot/start-hubspot.ts'
import { bareClient } from '../bare-client.ts'

export const account = '3003003'
export const refreshToken = 'refresh-1'

/** A HubSpot with one account that has the property for the lead id. Sends no webhooks. */
export async function openPortal(options: { scopes?: string[]; leadIdField?: boolean } = {}): Promise<HubSpot> {
  const hubspot = await startHubSpot({
    portals: [{ portalId: Number(account), refreshToken, companyCurrency: 'EUR', ...(options.scopes && { scopes: options.scopes }) }],
    webhooks: { subscriptions: {} },
    limits: false,
  })
  if (options.leadIdField !== false) hubspot.defineProperty({ type: 'contact', property: { name: 'meta_lead_id' } })
  return hubspot
}

/** What a connector function is given for that account. */
export function contextFor(
  hubspot: HubSpot,
  given: { settings?: Partial<HubspotSettings>; scopes?: string[]; ruleFields?: string[] } = {},
): ConnectionContext<HubspotSettings> {
  const { accessToken } = hubspot.accessToken({ refreshToken })
  const client = bareClient(hubspot.url, accessToken, classify)
  return {
    client,
    account,
    scopes: given.scopes ?? allScopes,
    settings: hubspotSettings.parse(given.settings ?? {}),
    ruleFields: given.ruleFields ?? [],
  }
}
