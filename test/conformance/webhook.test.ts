/** The generic webhook through the battery. */
import t from 'tap'
import type { RawRequest } from '../../connectors/connector.ts'
import { webhook } from '../../connectors/webhook/index.ts'
import { parse } from '../../connectors/webhook/parse.ts'
import { webhookSettings } from '../../connectors/webhook/settings.ts'
import { sign, verify } from '../../connectors/webhook/verify.ts'
import { testApp } from '../support/app.ts'
import { addWebhook } from '../support/webhook.ts'
import { conformance } from './battery.ts'
import type { Fixtures, Person, Told } from './fixtures.ts'

const SECRET = 'a-secret-of-the-battery'
const DATASET = '700000000000501'
const TOKEN = 'EAAbatterytoken00000000000000501'
const settings = webhookSettings.parse({})

function requestOf(body: string, now: number): RawRequest {
  const seconds = Math.floor(now / 1000)
  return {
    ...{ method: 'POST', target: '/webhooks/webhook/key', publicUrl: 'https://leads.example.com', receivedAt: now },
    headers: { 'content-type': 'application/json', 'x-signature': `t=${seconds},v1=${sign(SECRET, seconds, body)}` },
    body: Buffer.from(body),
  }
}

/** As an in-house CRM would write it: all that it knows of the record, with every change. */
const recordOf = ({ id, stage, at }: Told, person?: Person) => ({
  ...{ record_id: id, stage, occurred_at: new Date(at).toISOString() },
  ...{ meta_lead_id: person?.metaLeadId ?? '12345678901234567', email: person?.email ?? 'a@example.com' },
  ...{
    phone: person?.phone ?? '+4915112345678',
    first_name: person?.firstName ?? 'Ana',
    fbclid: 'IwAR0abc',
    fbclid_seen_at: 1_790_000_000,
  },
  ...{ lead_created_at: new Date(person?.createdAt ?? at - 1_000).toISOString(), amount: 12.5, currency: 'EUR' },
  ...{ pipeline: 'sales', record_type: 'lead', fields: { consent: 'yes' } },
})

const fixtures: Fixtures = {
  connector: webhook as Fixtures['connector'],
  recordType: 'lead',
  ids: ['11', '12', '13'],
  stages: ['qualified', 'won'],
  say: (told) => JSON.stringify(told.map((one) => recordOf(one))),
  hear: (text, now) => parse(requestOf(text, now), settings).changes,
  proof: {
    requestOf,
    verify: (request) => verify(request, { webhook_secret: SECRET }, settings),
    forgeries: (request) => {
      const seconds = Math.floor(request.receivedAt / 1000)
      const signed = (at: number, by: string) => ({
        ...request,
        headers: { ...request.headers, 'x-signature': `t=${at},v1=${sign(by, at, request.body)}` },
      })
      return {
        'another secret': signed(seconds, 'another'),
        'no secret': signed(seconds, ''),
        stale: signed(seconds - 400, SECRET),
        'from the future': signed(seconds + 400, SECRET),
        'another body': { ...request, body: Buffer.concat([request.body, Buffer.from(' ')]) },
      }
    },
  },
  async start(t, { log }) {
    const it = await testApp(t, { log, meta: { datasets: [{ id: DATASET, tokens: [TOKEN] }] } })
    const crm = await addWebhook(it, { dataset: DATASET, token: TOKEN })
    const people = new Map<string, Person>()
    const post = async (body: string) => (await crm.send(body)).status
    return {
      ...{ it, connectionId: crm.connectionId, dataset: DATASET, eventNames: ['Raw Lead', 'Qualified Lead', 'Converted'] },
      lead(person) {
        const id = String(people.size + 1)
        people.set(id, person)
        return id
      },
      change: () => undefined,
      tell: async (told) => (await post(JSON.stringify(told.map((one) => recordOf(one, people.get(one.id)))))) === 202,
      post: async (text) => (await post(text)) < 500,
      identityRequests: () => it.hubspot.requests().length,
      secrets: [crm.added.secret, crm.path.split('/').at(-1) as string, TOKEN],
    }
  },
}

t.test('the generic webhook', (t) => conformance(t, fixtures))
