/** A page with one instant form in the Meta stand-in, and a plain client to it over HTTP. */
import type { Test } from 'tap'
import type { AppCredentials, ConnectionContext } from '../../../connectors/connector.ts'
import { GRAPH_API } from '../../../connectors/graph/version.ts'
import { metaLeadAds } from '../../../connectors/meta-lead-ads/index.ts'
import { permissions } from '../../../connectors/meta-lead-ads/permissions.ts'
import type { Ad } from '../../simulators/meta/lead-ads/page-book.ts'
import { type Meta, startMeta } from '../../simulators/meta/start-meta.ts'
import { bareClient } from '../bare-client.ts'

export const PAGE = '106000000000001'
export const FORM = '206000000000001'
export const ad: Ad = {
  ...{ ad_id: '23850000000000001', ad_name: 'Spring, video', adset_id: '23850000000000002', adset_name: 'Parents' },
  ...{ campaign_id: '23850000000000003', campaign_name: 'Spring' },
}

export interface OpenPage {
  meta: Meta
  token: string
  app: AppCredentials
  context: ConnectionContext
}

export async function openPage(t: Test, given: { scopes?: readonly string[]; ruleFields?: string[] } = {}): Promise<OpenPage> {
  const meta = await startMeta({ app: { id: '123450000000001', secret: 'app-secret', configurations: {}, redirectUris: [REDIRECT] } })
  t.teardown(() => meta.close())
  const { token } = meta.leadAds.addPage({ id: PAGE, name: 'Acme Travel' })
  meta.leadAds.addForm({ page: PAGE, id: FORM, name: 'Ask for an offer' })
  const app = appOf(meta)
  const proof = metaLeadAds.proof?.(token, app)
  const context: ConnectionContext = {
    client: bareClient(app.baseUrl, token, metaLeadAds.classify, proof),
    account: PAGE,
    scopes: given.scopes ?? permissions.map(({ name }) => name),
    settings: {},
    ruleFields: given.ruleFields ?? [],
  }
  return { meta, token, app, context }
}

export const REDIRECT = 'https://leads.example.com/oauth/meta-lead-ads/callback'

const appOf = ({ url, pagesApp: { id, secret } }: Meta): AppCredentials => ({
  ...{ appId: id, clientId: id, clientSecrets: [secret], baseUrl: `${url}/${GRAPH_API.version}`, verifyToken: 'a-word-of-ours' },
})
