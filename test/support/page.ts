/** A Facebook page with an instant form beside a test's CRM, connected as an admin would connect it. */
import type { Test } from 'tap'
import { createConnections } from '../../server/connections/connections.ts'
import { createHttp } from '../../server/connections/http.ts'
import { createLog } from '../../server/log.ts'
import { addConnection } from '../../server/settings/add-connection.ts'
import { demoPagesApp } from '../simulators/meta/lead-ads/lead-ads.ts'
import type { TestApp } from './app.ts'
import { longConnected } from './long-connected.ts'

export const PAGE = '106000000000001'
export const FORM = '206000000000001'
const HOUR_MS = 3_600_000

/** For `testApp`: the app at Meta that reads leads. */
export const pagesEnv = (): Record<string, string> => ({ META_APP_ID: demoPagesApp.id, META_APP_SECRET: demoPagesApp.secret })

export interface ConnectedPage {
  connectionId: number
  /** Somebody submits the form; Meta tells of it, unless it keeps `silent`. Returns the lead id. */
  submit(lead: { email?: string; phone?: string; at?: number; test?: boolean; silent?: boolean; form?: string }): string
  /** All that Meta has told of has arrived. */
  told(): Promise<void>
}

/** Connects a page to the workspace of `it`, a month ago as far as it knows; its leads go to the datasets that are there. */
export async function connectPage(
  t: Test,
  it: Pick<TestApp, 'meta' | 'db' | 'vault' | 'config' | 'workspaceId'> & { url?: string },
  { page = PAGE, form = FORM, workspaceId = it.workspaceId } = {},
): Promise<ConnectedPage> {
  const { token } = it.meta.leadAds.addPage({ id: page, name: 'Acme Travel' })
  it.meta.leadAds.addForm({ page, id: form, name: 'Ask for an offer' })
  const { http, close } = createHttp()
  t.teardown(close)
  const log = createLog({ level: 'silent' })
  const connections = createConnections({ db: it.db, vault: it.vault, apps: it.config.crm, http, log })
  const tools = { vault: it.vault, apps: it.config.crm, http, connections }
  const { id } = await addConnection(
    { db: it.db, actor: 'test' },
    { workspace: workspaceId, crm: 'meta-lead-ads', refreshToken: token },
    tools,
  )
  await longConnected(it, id)
  it.meta.leadAds.leadgenWebhooks({ targetUrl: `${it.url}/webhooks/meta-lead-ads` })
  return {
    connectionId: id,
    submit: ({ email, phone, form: other = form, ...lead }) =>
      it.meta.leadAds.submit({ form: other, answers: { ...(email && { email }), ...(phone && { phone_number: phone }) }, ...lead }).id,
    told: async () => {
      await it.meta.leadAds.leadgenIdle()
    },
  }
}

/** As if everything had happened hours ago: the CRM was connected, and what is captured was captured. */
export async function longAgo({ db }: Pick<TestApp, 'db'>): Promise<void> {
  await db
    .updateTable('connection')
    .set({ created_at: new Date(Date.now() - 100 * HOUR_MS) })
    .execute()
  await db
    .updateTable('lead')
    .set({ captured_at: new Date(Date.now() - HOUR_MS) })
    .where('captured_at', 'is not', null)
    .execute()
}
