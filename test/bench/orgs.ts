/** Salesforce orgs in a process of their own, and the real server that follows their streams through a proxy. */
import { sql } from 'kysely'
import { stageMapping } from '../../mappings/stage-mapping.ts'
import { type Child, startChild } from '../simulators/child.ts'
import type { OrgChange } from '../simulators/salesforce/change-log.ts'
import { demoApp, type NewOrg } from '../simulators/salesforce/start-salesforce.ts'
import { startProxy } from '../support/proxy.ts'
import { type Account, type Stand, startStand } from './stand.ts'

export interface Orgs {
  child: Child
  /** Org ids, in the order of their making. */
  ids: string[]
  /** As connections: nothing is followed before their state is changed. */
  accounts: Account[]
  /** Where the server finds them. */
  env: Record<string, string>
  /** Between the server and the event bus. */
  proxy: Awaited<ReturnType<typeof startProxy>>
  close(): Promise<void>
}
export interface Bus {
  open: number
  subscribes: number
  delivered: number
  getSchema: number
}

const mapping = stageMapping.parse({
  stages: [
    { source: 'lead_status', stageId: 'Open - Not Contacted', eventName: 'Raw Lead' },
    { source: 'lead_status', stageId: 'Working - Contacted', eventName: 'Marketing Qualified Lead' },
  ],
})

/** So many orgs with the app installed, and no limits that a bench would reach. */
export async function startOrgs(count: number): Promise<Orgs> {
  const child = await startChild('salesforce', { sessionMs: 86_400_000 })
  const { streamUrl } = await child.control<{ streamUrl: string }>('addresses')
  const made = await child.control<{ orgId: string; refreshToken: string }[]>(
    'addOrg',
    Array.from({ length: count }, (): NewOrg => ({ dailyDeliveries: 1_000_000_000, dailyRequests: 1_000_000_000 })),
  )
  const tokens = await child.control<{ accessToken: string }[]>(
    'accessToken',
    made.map(({ refreshToken }) => ({ refreshToken })),
  )
  const closing: (() => Promise<void>)[] = []
  const proxy = await startProxy(
    { teardown: (close) => void closing.push(close) },
    { host: '127.0.0.1', port: Number(new URL(streamUrl).port) },
  )
  return {
    child,
    ids: made.map(({ orgId }) => orgId),
    accounts: made.map(({ orgId, refreshToken }, index) => ({
      crm: 'salesforce',
      key: orgId,
      grant: {
        accessToken: tokens[index]?.accessToken ?? '',
        refreshToken,
        expiresAt: Date.now() + 86_400_000,
        scopes: ['api', 'refresh_token', 'id'],
        apiUrl: child.url,
        authUrl: child.url,
      },
      mapping,
      state: 'paused',
    })),
    env: {
      SALESFORCE_APP_ID: 'bench',
      SALESFORCE_CLIENT_ID: demoApp.clientId,
      SALESFORCE_CLIENT_SECRET: demoApp.clientSecret,
      SALESFORCE_API_URL: child.url,
      SALESFORCE_STREAM_URL: `http://127.0.0.1:${proxy.port}`,
    },
    proxy,
    async close() {
      for (const close of closing) await close()
      await child.close()
    },
  }
}

/** A server that knows these orgs and follows none of them yet. */
export const standFor = (orgs: Orgs, accounts = orgs.accounts, metaUrl?: string): Promise<Stand> =>
  startStand({ accounts, env: orgs.env, ...(metaUrl !== undefined && { metaUrl }) })

export const busOf = ({ child }: Orgs): Promise<Bus> => child.control('pubsub.counts')

/** Has the server follow all orgs it knows. */
export const follow = async ({ db }: Stand): Promise<void> =>
  void (await sql`update connection set state = case when exists (select from route r where r.connection_id = connection.id) then 'active' else 'setup' end
    where crm = 'salesforce'`.execute(db))

/** The status of a lead that nobody knows changes: what is logged for that. */
export function statusChange(orgId: string, number: number, text?: string): Partial<OrgChange> & { orgId: string } {
  return {
    orgId,
    entity: 'Lead',
    recordIds: [`00QAk0000${String(number % 1_000_000).padStart(6, '0')}AAA`],
    changeType: 'UPDATE',
    changedFields: ['Status', ...(text === undefined ? [] : ['Description']), 'LastModifiedDate'],
    values: { Status: 'Working - Contacted', LastModifiedDate: Date.now(), ...(text !== undefined && { Description: text }) },
  }
}

/** Changes in the inbox, by connection. */
export async function kept({ db }: Stand): Promise<number[]> {
  const { rows } = await sql<{ changes: number }>`select sum(changes)::int as changes from packet group by connection_id`.execute(db)
  return rows.map(({ changes }) => changes)
}
export const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0)
