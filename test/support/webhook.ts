/** A webhook connection of the running app, made by the real service, and a CRM that sends to it. */
import { request } from 'undici'
import { sign } from '../../connectors/webhook/verify.ts'
import { type Rules, rules as rulesSchema } from '../../mappings/rules.ts'
import { stageMapping } from '../../mappings/stage-mapping.ts'
import { createConnections } from '../../server/connections/connections.ts'
import { createLog } from '../../server/log.ts'
import { type AddedWebhookConnection, addWebhookConnection } from '../../server/settings/webhook-connection.ts'
import { addRoute, PUBLIC_URL, type TestApp } from './app.ts'

export interface Sent {
  status: number
  body: Record<string, unknown>
  headers: Record<string, string | string[] | undefined>
}

export interface WebhookSender {
  added: AddedWebhookConnection
  connectionId: number
  datasetId: number
  /** Path of the address. */
  path: string
  /** Posts a body, signed now unless other headers are given; null leaves a header out. */
  send(body: unknown, options?: { headers?: Record<string, string | null>; method?: string; path?: string }): Promise<Sent>
}

const silent = createLog({ level: 'silent' })

export const stages = ['new', 'qualified', 'won'].map((stageId, index) => ({
  ...{ source: 'stage', stageId },
  eventName: ['Raw Lead', 'Qualified Lead', 'Converted'][index] as string,
}))

/** A connection with a route to a dataset of its own, which Meta has to know; its mapping knows `stages`. */
export async function addWebhook(
  it: Pick<TestApp, 'db' | 'vault' | 'url'>,
  given: { dataset: string; token: string; settings?: Record<string, unknown>; rules?: Partial<Rules>; name?: string },
): Promise<WebhookSender> {
  const { id: workspaceId } = await it.db
    .insertInto('workspace')
    .values({ name: given.name ?? `Webhook ${given.dataset}` })
    .returning('id')
    .executeTakeFirstOrThrow()
  const http = () => Promise.reject(new Error('a webhook connection asks nobody'))
  const connections = createConnections({ db: it.db, vault: it.vault, apps: {}, http, log: silent })
  const tools = { vault: it.vault, connections, publicUrl: PUBLIC_URL }
  const caller = { db: it.db, actor: 'test' }
  const added = await addWebhookConnection(caller, { workspace: workspaceId, crm: 'webhook', settings: given.settings }, tools)
  const datasetId = await addRoute(it.db, it.vault, { workspaceId, connectionId: added.id }, given)
  const rules = JSON.stringify(rulesSchema.parse(given.rules ?? {}))
  await it.db.updateTable('connection').set({ state: 'active', rules }).where('id', '=', added.id).execute()
  const body = JSON.stringify(stageMapping.parse({ stages }))
  await it.db.insertInto('mapping').values({ connection_id: added.id, version: 2, body, created_by: 'test' }).execute()
  const path = added.address.slice(PUBLIC_URL.length)
  return {
    ...{ added, connectionId: added.id, datasetId, path },
    async send(body, options = {}) {
      const text = typeof body === 'string' ? body : JSON.stringify(body)
      const seconds = Math.floor(Date.now() / 1000)
      const signed = { 'content-type': 'application/json', 'x-signature': `t=${seconds},v1=${sign(added.secret, seconds, text)}` }
      const headers = Object.entries({ ...signed, ...options.headers }).filter((pair): pair is [string, string] => pair[1] !== null)
      const method = options.method ?? 'POST'
      const answer = await request(it.url + (options.path ?? path), {
        method: method as 'POST',
        headers: Object.fromEntries(headers),
        ...(method !== 'GET' && { body: text }),
      })
      const reply = await answer.body.text()
      return { status: answer.statusCode, headers: answer.headers, body: reply === '' ? {} : JSON.parse(reply) }
    },
  }
}
