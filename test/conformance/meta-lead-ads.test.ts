/** Meta's own leads through the battery: a page tells of leads, which have no stages. */
import t from 'tap'
import type { AppCredentials, RawRequest } from '../../connectors/connector.ts'
import { metaLeadAds } from '../../connectors/meta-lead-ads/index.ts'
import { parse, verify } from '../../connectors/meta-lead-ads/webhook.ts'
import { createConnections } from '../../server/connections/connections.ts'
import { createHttp } from '../../server/connections/http.ts'
import { createLog } from '../../server/log.ts'
import { demoPagesApp } from '../simulators/meta/lead-ads/lead-ads.ts'
import { leadgenBody, signLeadgen } from '../simulators/meta/lead-ads/leadgen-sender.ts'
import { DATASET, PUBLIC_URL, TOKEN, testApp, until } from '../support/app.ts'
import { addPage, catchUpNow, pagesEnv } from '../support/pages.ts'
import { conformance } from './battery.ts'
import type { Fixtures, Told } from './fixtures.ts'

const PAGE = '106000000000001'
const ad = {
  ...{ ad_id: '23850000000000001', ad_name: 'Video', adset_id: '23850000000000002', adset_name: 'Parents' },
  ...{ campaign_id: '23850000000000003', campaign_name: 'Spring' },
}
const { id, secret } = demoPagesApp
const app: AppCredentials = { appId: id, clientId: id, clientSecrets: [secret], baseUrl: 'https://graph.facebook.com/v0' }

const requestOf = (body: string, now: number, by = secret): RawRequest => ({
  ...{ method: 'POST', target: '/webhooks/meta-lead-ads', publicUrl: PUBLIC_URL, receivedAt: now },
  headers: { 'content-type': 'application/json', 'x-hub-signature-256': signLeadgen(by, body) },
  body: Buffer.from(body),
})
const say = (told: readonly Told[]) =>
  leadgenBody(told.map(({ id, at }) => ({ id, page: PAGE, form: '206000000000001', ad: ad.ad_id, createdTime: Math.floor(at / 1000) })))

const fixtures: Fixtures = {
  connector: metaLeadAds as Fixtures['connector'],
  recordType: 'lead',
  ids: ['20000000000000011', '20000000000000012', '20000000000000013'],
  stages: null,
  say,
  hear: (text, now) => parse(requestOf(text, now)).changes.map(({ body }) => body),
  proof: {
    requestOf,
    verify: (request) => verify(request, app),
    forgeries: (request) => ({
      'another secret': requestOf(request.body.toString(), request.receivedAt, 'another'),
      'no secret': requestOf(request.body.toString(), request.receivedAt, ''),
      'another body': { ...request, body: Buffer.concat([request.body, Buffer.from(' ')]) },
    }),
  },
  async start(t, { log }) {
    const it = await testApp(t, { log, env: pagesEnv })
    const { connectionId, form, token } = await addPage(it, { id: PAGE })
    const { leadAds } = it.meta
    const send = async (body: string) => {
      const { headers } = requestOf(body, Date.now())
      return (await fetch(`${it.url}/webhooks/meta-lead-ads`, { method: 'POST', headers: headers as Record<string, string>, body })).status
    }
    return {
      ...{ it, connectionId, dataset: DATASET, eventNames: ['Raw Lead'] },
      lead: ({ metaLeadId, email, phone, firstName, createdAt }) =>
        leadAds.submit({
          ...{ form, ad, id: metaLeadId, at: createdAt, silent: true },
          answers: { email, phone_number: phone, first_name: firstName },
        }).id,
      change: () => undefined,
      tell: async (told) => (await send(say(told))) === 202,
      post: async (text) => (await send(text)) < 500,
      identityRequests: () => leadAds.graphReads().filter(({ path }) => path === '/' || /^\/2\d{16}$/.test(path)).length,
      async tellSeen(id) {
        await catchUpNow(it, connectionId)
        const lead = it.db.selectFrom('lead').select('id').where('meta_lead_id', '=', id)
        await until(async () => (await lead.executeTakeFirst()) !== undefined)
      },
      async readHistory(from, to) {
        const { http, close } = createHttp()
        const { db, vault } = it
        const silent = createLog({ level: 'silent' })
        const { context } = await createConnections({ db, vault, apps: it.config.crm, http, log: silent }).get(connectionId)
        const changes: unknown[] = []
        for (let next: string | undefined, more = true; more; more = next !== undefined) {
          const page = await metaLeadAds.history?.(context as Parameters<NonNullable<typeof metaLeadAds.history>>[0], { from, to }, next)
          changes.push(...JSON.parse(JSON.stringify(page?.changes ?? [])))
          next = page?.next
        }
        await close()
        return metaLeadAds.normalise(changes)
      },
      secrets: [secret, token, TOKEN],
    }
  },
}

t.test("Meta's own leads", (t) => conformance(t, fixtures))
