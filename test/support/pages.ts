/** Facebook pages of the running app: connected with a token, as by the command line, and told of each new lead by the stand-in. */
import { createConnections } from '../../server/connections/connections.ts'
import { createHttp } from '../../server/connections/http.ts'
import { createLog } from '../../server/log.ts'
import { type AddedConnection, addConnection } from '../../server/settings/add-connection.ts'
import type { NewPage } from '../simulators/meta/lead-ads/lead-ads.ts'
import { demoPagesApp } from '../simulators/meta/lead-ads/lead-ads.ts'
import type { TestApp } from './app.ts'
import { longConnected } from './long-connected.ts'

export const VERIFY_TOKEN = 'a-word-of-the-tests'

/** What the server is told of our app at the stand-in. */
export const pagesEnv: Record<string, string> = {
  META_APP_ID: demoPagesApp.id,
  META_APP_SECRET: demoPagesApp.secret,
  META_VERIFY_TOKEN: VERIFY_TOKEN,
}

export interface ConnectedPage {
  added: AddedConnection
  connectionId: number
  page: string
  /** An instant form of the page. */
  form: string
  token: string
}

/** One more page of the first advertiser, with one form, connected a month ago as far as it knows; its leads feed the datasets that the workspace has. */
export async function addPage(it: TestApp, given: NewPage, before?: (form: string) => void): Promise<ConnectedPage> {
  const { leadAds } = it.meta
  const { token } = leadAds.addPage(given)
  const form = leadAds.addForm({ page: given.id, name: 'Ask for an offer' }).id
  before?.(form)
  leadAds.leadgenWebhooks({ targetUrl: `${it.url}/webhooks/meta-lead-ads` })
  const { http, close } = createHttp()
  try {
    const { db, vault, config } = it
    const connections = createConnections({ db, vault, apps: config.crm, http, log: createLog({ level: 'silent' }) })
    const wanted = { workspace: it.workspaceId, crm: 'meta-lead-ads', refreshToken: token }
    const added = await addConnection({ db, actor: 'test' }, wanted, { vault, apps: config.crm, http, connections })
    if (before === undefined) await longConnected(it, added.id)
    return { added, connectionId: added.id, page: given.id, form, token }
  } finally {
    await close()
  }
}

const DAY_MS = 86_400_000

/** Has what was not told of the last day read, as the server does every half hour. */
export async function catchUpNow(it: TestApp, connectionId: number): Promise<void> {
  await it.db
    .updateTable('connection')
    .set({ created_at: new Date(Date.now() - DAY_MS) })
    .where('id', '=', connectionId)
    .execute()
  await it.db.deleteFrom('cursor').where('connection_id', '=', connectionId).where('channel', '=', 'history').execute()
}
