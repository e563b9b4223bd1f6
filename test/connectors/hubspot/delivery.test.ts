import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import t from 'tap'
import type { AppCredentials, RawRequest, Signal } from '../../../connectors/connector.ts'
import { normalise } from '../../../connectors/hubspot/normalise.ts'
import { parse, verify } from '../../../connectors/hubspot/webhook.ts'
import { startHubSpot } from '../../simulators/hubspot/start-hubspot.ts'
import type { Subscriptions } from '../../simulators/hubspot/webhook-events.ts'

const records = ['creation', 'deletion', 'merge', 'restore', 'associationChange']
const stages = [
  ['contact', 'lifecyclestage'],
  ['contact', 'meta_lead_id'],
  ['deal', 'dealstage'],
  ['lead', 'hs_pipeline_stage'],
] as const
const formats: Record<string, Subscriptions> = {
  generic: {
    crmObjects: [
      ...['contact', 'deal', 'lead'].flatMap((objectType) =>
        records.map((kind) => ({ subscriptionType: `object.${kind}`, objectType, active: true })),
      ),
      ...stages.map(([objectType, propertyName]) => ({
        subscriptionType: 'object.propertyChange',
        objectType,
        propertyName,
        active: true,
      })),
    ],
    hubEvents: [{ subscriptionType: 'contact.privacyDeletion', active: true }],
  },
  classic: {
    legacyCrmObjects: [
      ...['contact', 'deal'].flatMap((type) => records.map((kind) => ({ subscriptionType: `${type}.${kind}`, active: true }))),
      ...stages.map(([type, propertyName]) => ({ subscriptionType: `${type}.propertyChange`, propertyName, active: true })),
    ],
    hubEvents: [{ subscriptionType: 'contact.privacyDeletion', active: true }],
  },
}

for (const [format, subscriptions] of Object.entries(formats))
  t.test(`what happens in the CRM arrives as signals in the ${format} format`, async (t) => {
    const signals: Signal[] = []
    const verdicts = new Set<string>()
    let app: AppCredentials | undefined
    const receiver = createServer(async (request, response) => {
      const raw: RawRequest = {
        method: request.method ?? '',
        target: request.url ?? '',
        publicUrl: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`,
        headers: Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)])),
        body: await buffer(request),
        receivedAt: Date.now(),
      }
      const verdict = verify(raw, app as AppCredentials)
      verdicts.add(verdict.ok ? 'ok' : verdict.code)
      const { changes, unreadable, ignored } = parse(raw, app as AppCredentials)
      signals.push(...normalise(changes.map(({ body }) => body)))
      if (unreadable + ignored > 0) verdicts.add(`${unreadable} unreadable, ${ignored} ignored`)
      response.end()
    })
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
    t.teardown(() => receiver.close())
    const targetUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/webhooks/hubspot`
    const hubspot = await startHubSpot({ portals: [{ portalId: 1 }], webhooks: { subscriptions, targetUrl } })
    t.teardown(() => hubspot.close())
    app = { appId: String(hubspot.app.appId), clientId: '', clientSecrets: [hubspot.app.clientSecret], baseUrl: hubspot.url }

    hubspot.defineProperty({ type: 'contact', property: { name: 'meta_lead_id' } })
    const [a, b, c] = [1, 2, 3].map(() => hubspot.create({ type: 'contact' }).id) as [string, string, string]
    hubspot.change({ type: 'contact', id: a, properties: { lifecyclestage: 'lead', meta_lead_id: '1234567890123456' } })
    const dealId = hubspot.create({ type: 'deal' }).id
    hubspot.change({ type: 'deal', id: dealId, properties: { dealstage: 'closedwon' } })
    hubspot.associate({ from: { type: 'deal', id: dealId }, to: { type: 'contact', id: a } })
    hubspot.remove({ type: 'deal', id: dealId })
    hubspot.restore({ type: 'deal', id: dealId })
    const merged = hubspot.merge({ type: 'contact', primaryId: a, otherIds: [b], newRecord: true }).id
    hubspot.erase({ type: 'contact', id: c })
    const leadId = hubspot.create({ type: 'lead' }).id
    hubspot.change({ type: 'lead', id: leadId, properties: { hs_pipeline_stage: 'qualified-stage-id' } })
    await hubspot.idle()

    t.same([...verdicts], ['ok'])
    const told = signals.map(
      (signal) => `${signal.kind} ${signal.ref.type} ${signal.ref.id}${signal.kind === 'stage' ? ` ${signal.stage.stageId}` : ''}`,
    )
    const expected = [
      ...[a, b, c].map((id) => `seen contact ${id}`),
      `stage contact ${a} lead`,
      `identity contact ${a}`,
      `seen deal ${dealId}`,
      `stage deal ${dealId} appointmentscheduled`,
      `stage deal ${dealId} closedwon`,
      `identity deal ${dealId}`,
      `deleted deal ${dealId}`,
      `merged contact ${merged}`,
      ...[a, b, c].map((id) => `deleted contact ${id}`),
      `erased contact ${c}`,
      ...(format === 'classic'
        ? []
        : [`seen lead ${leadId}`, `stage lead ${leadId} new-stage-id`, `stage lead ${leadId} qualified-stage-id`]),
    ]
    t.same([...new Set(told)].sort(), [...new Set(expected)].sort())
    t.same(
      signals.flatMap((signal) => (signal.kind === 'merged' ? signal.mergedIds : [])),
      [a, b],
    )
  })
