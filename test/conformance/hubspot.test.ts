/** HubSpot through the battery. */
import t from 'tap'
import type { AppCredentials, ConnectionContext, RawRequest } from '../../connectors/connector.ts'
import { hubspot } from '../../connectors/hubspot/index.ts'
import type { HubspotSettings } from '../../connectors/hubspot/settings.ts'
import { parse, verify } from '../../connectors/hubspot/webhook.ts'
import { createConnections } from '../../server/connections/connections.ts'
import { createHttp } from '../../server/connections/http.ts'
import { createLog } from '../../server/log.ts'
import { demoApp } from '../simulators/hubspot/start-hubspot.ts'
import { DATASET, PUBLIC_URL, testApp } from '../support/app.ts'
import { post, signedHeaders, stageEvent } from '../support/post-webhook.ts'
import { conformance } from './battery.ts'
import type { Fixtures, Told } from './fixtures.ts'

const app: AppCredentials = {
  ...{ appId: String(demoApp.appId), clientId: demoApp.clientId, clientSecrets: [demoApp.clientSecret] },
  baseUrl: 'https://api.hubapi.com',
}

function requestOf(body: string, now: number): RawRequest {
  return {
    ...{ method: 'POST', target: '/webhooks/hubspot', publicUrl: PUBLIC_URL, receivedAt: now },
    headers: signedHeaders(body, { timestamp: now }),
    body: Buffer.from(body),
  }
}
const eventOf = ({ id, stage, at }: Told) => stageEvent(id, stage, { occurredAt: at })

const fixtures: Fixtures = {
  connector: hubspot as Fixtures['connector'],
  recordType: 'contact',
  ids: ['11', '12', '13'],
  stages: ['marketingqualifiedlead', 'customer'],
  say: (told) => JSON.stringify(told.map(eventOf)),
  hear: (text, now) => parse(requestOf(text, now), app).changes.map(({ body }) => body),
  proof: {
    requestOf,
    verify: (request) => verify(request, app),
    forgeries: (request) => {
      const body = request.body.toString()
      const signed = (how: Parameters<typeof signedHeaders>[1]) => ({ ...request, headers: signedHeaders(body, how) })
      const now = request.receivedAt
      return {
        'another secret': signed({ secret: 'another', timestamp: now }),
        stale: signed({ timestamp: now - 310_000 }),
        'from the future': signed({ timestamp: now + 310_000 }),
        'another address': signed({ publicUrl: 'https://other.example.com/webhooks/hubspot', timestamp: now }),
        'another body': { ...request, body: Buffer.from(`${body} `) },
      }
    },
  },
  async start(t, { log }) {
    const it = await testApp(t, { log, hubspot: { webhooks: { subscriptions: {} } } })
    const send = async (body: unknown) => (await post(it.url, body)).status
    const told = (id: string, event: Record<string, unknown>) =>
      send([stageEvent(id, '', { propertyName: undefined, propertyValue: undefined, ...event })])
    return {
      ...{ it, connectionId: it.connectionId, dataset: DATASET, eventNames: ['Raw Lead', 'Marketing Qualified Lead', 'Converted'] },
      lead: ({ metaLeadId, email, phone, firstName, createdAt }) =>
        it.hubspot.create({ type: 'contact', at: createdAt, properties: { meta_lead_id: metaLeadId, email, phone, firstname: firstName } })
          .id,
      change: ({ id, stage, at }) => it.hubspot.change({ type: 'contact', id, at, properties: { lifecyclestage: stage } }),
      tell: async (changes) => (await send(changes.map(eventOf))) === 202,
      post: async (text) => (await send(text)) < 500,
      identityRequests: () => it.hubspot.requests().filter(({ path }) => path.includes('/objects/')).length,
      async merge(primaryId, otherId) {
        it.hubspot.merge({ type: 'contact', primaryId, otherIds: [otherId] })
        await told(primaryId, { subscriptionType: 'object.merge', primaryObjectId: Number(primaryId), mergedObjectIds: [Number(otherId)] })
      },
      async readHistory(from, to) {
        const { http, close } = createHttp()
        const { db, vault } = it
        const silent = createLog({ level: 'silent' })
        const { context } = await createConnections({ db, vault, apps: it.config.crm, http, log: silent }).get(it.connectionId)
        const changes: unknown[] = []
        for (let next: string | undefined, more = true; more; more = next !== undefined) {
          const page = await hubspot.history?.(context as ConnectionContext<HubspotSettings>, { from, to }, next)
          changes.push(...JSON.parse(JSON.stringify(page?.changes ?? [])))
          next = page?.next
        }
        await close()
        return hubspot.normalise(changes)
      },
      async tellSeen(id) {
        await told(id, { subscriptionType: 'object.creation' })
      },
      secrets: [demoApp.clientSecret, 'test-refresh-token-'],
    }
  },
}

t.test('HubSpot', (t) => conformance(t, fixtures))
