/** An account in the HubSpot stand-in, and a plain client to it over HTTP. */
import type { ConnectionContext, CrmClient, HttpPort } from '../../../connectors/connector.ts'
import { classify } from '../../../connectors/hubspot/errors.ts'
import { type HubspotSettings, hubspotSettings } from '../../../connectors/hubspot/settings.ts'
import { parseJson } from '../../../connectors/parse-json.ts'
import { allScopes, type HubSpot, startHubSpot } from '../../simulators/hubspot/start-hubspot.ts'

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
  const client: CrmClient = {
    async request(request) {
      const answer = await fetch(hubspot.url + request.url, {
        method: request.method,
        headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
        ...(request.json !== undefined && { body: JSON.stringify(request.json) }),
      })
      const reply = { status: answer.status, headers: Object.fromEntries(answer.headers), text: await answer.text() }
      if (!answer.ok && !request.expect?.includes(reply.status)) throw classify(reply, request)
      return { status: reply.status, body: parseJson(reply.text || 'null') ?? undefined }
    },
  }
  return {
    client,
    account,
    scopes: given.scopes ?? allScopes,
    settings: hubspotSettings.parse(given.settings ?? {}),
    ruleFields: given.ruleFields ?? [],
  }
}

/** A bare HTTP exchange. */
export const http: HttpPort = async (request) => {
  const answer = await fetch(request.url, { method: request.method, ...(request.form && { body: new URLSearchParams(request.form) }) })
  return { status: answer.status, headers: Object.fromEntries(answer.headers), text: await answer.text() }
}
