/** An org in the Salesforce stand-in, and a plain client to it over HTTP. */
import type { Test } from 'tap'
import type { AppCredentials, ConnectionContext } from '../../../connectors/connector.ts'
import { classify } from '../../../connectors/salesforce/errors.ts'
import { type SalesforceSettings, salesforceSettings } from '../../../connectors/salesforce/settings.ts'
import { type NewOrg, type Salesforce, startSalesforce } from '../../simulators/salesforce/start-salesforce.ts'
import { bareClient } from '../bare-client.ts'

export const refreshToken = 'refresh-1'
export const metaLeadId = '1234567890123456'
export const minute = 60_000

/** A Salesforce with one org that has our package. */
export async function openOrg(t: Test, options: NewOrg = {}): Promise<Salesforce> {
  const salesforce = await startSalesforce({ orgs: [{ refreshToken, ...options }] })
  t.teardown(() => salesforce.close())
  return salesforce
}

export const appOf = (salesforce: Salesforce): AppCredentials => ({
  appId: '1',
  clientId: salesforce.app.clientId,
  clientSecrets: [salesforce.app.clientSecret],
  baseUrl: salesforce.url,
})

interface Given {
  settings?: Partial<SalesforceSettings>
  scopes?: string[]
  ruleFields?: string[]
}

/** What a connector function is given for that org. */
export function contextFor(
  salesforce: Salesforce,
  { settings = {}, scopes, ruleFields = [] }: Given = {},
): ConnectionContext<SalesforceSettings> {
  const { accessToken } = salesforce.accessToken({ refreshToken })
  const client = bareClient(salesforce.url, accessToken, classify)
  return {
    client,
    account: salesforce.org().id,
    scopes: scopes ?? ['api', 'refresh_token', 'id'],
    settings: salesforceSettings.parse(settings),
    ruleFields,
  }
}

/** A lead that was created, with what is given; its id. */
export function addLead(salesforce: Salesforce, at: number, fields: Record<string, string | number | boolean | null> = {}): string {
  return salesforce.insert({ object: 'Lead', at, records: [{ LastName: 'Bauer', Company: 'Bauer KG', ...fields }] }).ids[0] as string
}
export function addOpportunity(salesforce: Salesforce, at: number, fields: Record<string, string | number | boolean | null> = {}): string {
  return salesforce.insert({ object: 'Opportunity', at, records: [{ Name: 'Bauer KG-', ...fields }] }).ids[0] as string
}
export const setField = (
  salesforce: Salesforce,
  object: 'Lead' | 'Opportunity',
  id: string,
  at: number,
  fields: Record<string, string | number | boolean | null>,
): void => salesforce.update({ object, at, records: [{ Id: id, ...fields }] })

/** Questions that were asked, without what they select. */
export const questions = (salesforce: Salesforce): string[] =>
  salesforce
    .requests()
    .filter(({ kind }) => kind === 'query' || kind === 'queryMore')
    .map(({ query }) => query.replace(/^SELECT .* FROM /, '').replace(/\(.*\)/, '(…)'))
    .sort()
