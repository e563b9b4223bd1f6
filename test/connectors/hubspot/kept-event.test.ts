/** Bodies that are kept as they came mean what they would have meant parsed, and show nothing more of anybody. */
import fc from 'fast-check'
import t from 'tap'
import { keepable } from '../../../connectors/hubspot/kept-event.ts'
import { normalise } from '../../../connectors/hubspot/normalise.ts'
import { parse } from '../../../connectors/hubspot/webhook.ts'
import { parseJson } from '../../../connectors/parse-json.ts'
import { app, signedWebhook } from './request.ts'

const AT = 1_790_000_000_000
const stageChange = (change: Record<string, unknown> = {}) => ({
  ...{ eventId: 1, subscriptionId: 2, portalId: 3003003, appId: Number(app.appId), occurredAt: AT },
  ...{ subscriptionType: 'object.propertyChange', attemptNumber: 0, objectId: 5005, objectTypeId: '0-1' },
  ...{ propertyName: 'lifecyclestage', propertyValue: 'customer', changeSource: 'CRM_UI', sourceId: 'userId:606', isSensitive: false },
  ...change,
})
/** Enough of them that it pays to keep the body as it came. */
const many = (last: Record<string, unknown> = {}) => [
  ...Array.from({ length: 19 }, (_, index) => stageChange({ objectId: 5005 + index })),
  stageChange(last),
]
const look = (body: unknown) => keepable(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), app)

t.test('a body of stage changes of one portal is kept as it came', async (t) => {
  t.same(look(many()), { account: '3003003', changes: 20 })
  t.same(look(many({ appId: undefined, isSensitive: undefined })), { account: '3003003', changes: 20 }, 'what may be absent')
  t.same(look(many({ subscriptionType: 'object.creation', propertyName: undefined, propertyValue: undefined })), {
    account: '3003003',
    changes: 20,
  })
})

t.test('any other is parsed', async (t) => {
  const text = JSON.stringify(many())
  const bodies: [why: string, body: unknown][] = [
    ['two portals', many({ portalId: 77 })],
    ['another app', many({ appId: 9 })],
    ['a property that may be personal', many({ propertyName: 'email', propertyValue: 'ann@example.com' })],
    ['a sensitive value', many({ isSensitive: true })],
    ['no portal', many().map(({ portalId: _, ...event }) => event)],
    ['a portal that is none', many().map((event) => ({ ...event, portalId: 'abc' }))],
    ['few events', [stageChange()]],
    ['no list', { events: many() }],
    ['nothing', ''],
    ['another way of writing', JSON.stringify(many(), null, 1)],
    ['one key written in another way', text.replace('"portalId":3003003', '"portalId" : 3003003')],
    ['a key as a value', many({ propertyValue: 'portalId' })],
  ]
  for (const [why, body] of bodies) t.equal(look(body), undefined, why)
})

t.test('whatever is kept as it came means what it would have meant parsed', async (t) => {
  const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.maxSafeInteger())
  const event = fc
    .record(
      {
        portalId: fc.constantFrom<unknown>(3003003, 3003003, 3003003, 3003003, '3003003'),
        appId: fc.constant(Number(app.appId)),
        subscriptionType: fc.constantFrom('object.propertyChange', 'object.creation', 'contact.merge', 'object.privacyDeletion', 'odd'),
        propertyName: fc.constantFrom('lifecyclestage', 'hs_lead_status', 'dealstage'),
        propertyValue: fc.oneof(fc.string(), fc.constant('"portalId":1,"propertyName":"email"')),
        objectId: fc.oneof(fc.maxSafeInteger(), fc.constant('9007199254740993'), value),
        objectTypeId: fc.constantFrom('0-1', '0-3', '0-136', '9-9'),
        occurredAt: fc.oneof(fc.constant(AT), value),
        mergedObjectIds: fc.array(fc.oneof(fc.nat(), value), { maxLength: 3 }),
        primaryObjectId: value,
        origin: fc.constant('history'),
        pipelineId: fc.constant('p1'),
        isSensitive: fc.constant(false),
      },
      { requiredKeys: ['portalId', 'appId', 'subscriptionType'] },
    )
    .map((one) => ({ subscriptionId: 2, attemptNumber: 0, changeSource: 'CRM_UI', ...one }))
  let kept = 0
  fc.assert(
    fc.property(fc.array(event, { minLength: 30, maxLength: 60 }), (events) => {
      const body = JSON.stringify(events)
      const found = look(body)
      if (found === undefined) return
      kept += 1
      const { changes } = parse(signedWebhook(body), app)
      const parsed = normalise(JSON.parse(JSON.stringify(changes.map((change) => change.body))))
      t.strictSame(normalise(parseJson(body) as unknown[]), parsed)
      t.ok(changes.every(({ account }) => account === found.account))
      t.equal(found.changes, events.length)
    }),
    { numRuns: 200 },
  )
  t.ok(kept > 100, `${kept} of 200 were kept`)
})
