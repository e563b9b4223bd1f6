/** The contract with connectors: stored changes of any release, damaged or invented, mean something or nothing, each for itself, and nothing is thrown. */
import fc from 'fast-check'
import t from 'tap'
import { CodedError } from '../../connectors/errors.ts'
import { isInstant } from '../../connectors/is-instant.ts'
import { connectors } from '../../connectors/registry.ts'
import { holds } from './holds.ts'
import { anyJson, spoilt } from './json.ts'

const id = fc.oneof(fc.nat().map(String), fc.constantFrom('00Q000000000011AAA', '00Q*', '000000000000000AAA'), fc.string())
const at = fc.oneof(fc.integer({ min: 1e12, max: 2e12 }), fc.maxSafeInteger(), fc.double())
const text = fc.string()
const texts = fc.array(text, { maxLength: 3 })

/** A change as each kind of connector keeps it, with whatever any of them keeps. */
const change = fc.oneof(
  fc.record({
    ...{ subscriptionType: fc.constantFrom('contact.propertyChange', 'object.merge', 'deal.associationChange', 'x'), occurredAt: at },
    ...{ objectId: id, objectTypeId: fc.constantFrom('0-1', '0-3'), propertyName: fc.constantFrom('lifecyclestage', 'dealstage', 'x') },
    ...{ propertyValue: text, primaryObjectId: id, mergedObjectIds: fc.array(id), fromObjectId: id, toObjectId: id, associationType: text },
  }),
  fc.record({
    ...{
      kind: fc.constantFrom('event', 'reached', 'found'),
      entity: fc.constantFrom('Lead', 'Opportunity', 'Account'),
      ids: fc.array(id),
      id,
    },
    ...{
      type: fc.constantFrom('CREATE', 'UPDATE', 'DELETE', 'GAP_CREATE', 'x'),
      at,
      transaction: text,
      sequence: fc.nat(),
      changed: texts,
    },
    ...{ stage: text, exact: fc.boolean(), deleted: fc.boolean() },
    fields: fc.dictionary(fc.constantFrom('Status', 'StageName', 'CreatedDate'), fc.oneof(text, at, fc.constant(null))),
  }),
  fc.record(
    {
      ...{ type: text, id, stage: text, occurredAt: at, received: fc.boolean(), identity: fc.constant({}), fields: fc.constant({}) },
      ...{ action: fc.constantFrom('delete', 'erase'), createdAt: at, pipeline: text, changeId: text },
    },
    { requiredKeys: ['type', 'id', 'stage', 'occurredAt', 'identity', 'fields'] },
  ),
)

for (const [name, connector] of Object.entries(connectors)) {
  t.test(`${name}: changes of any kind`, async (t) => {
    const changes = fc.array(fc.oneof(anyJson, change, spoilt(change)), { maxLength: 6 })
    let signals = 0
    await holds(
      t,
      2_000,
      fc.property(changes, (changes) => {
        const stored = JSON.parse(JSON.stringify(changes))
        const found = connector.normalise(stored)
        signals += found.length
        const alone = stored.flatMap((one: unknown) => connector.normalise([one]))
        return JSON.stringify(found) === JSON.stringify(alone) && found.every(({ occurredAt }) => isInstant(occurredAt))
      }),
    )
    t.comment(`${signals} signals`)
  })

  t.test(`${name}: requests of any kind are judged, never thrown over`, async (t) => {
    const { push } = connector
    if (push === undefined) return t.pass('nobody can send to it')
    const header = fc.oneof(text, fc.constantFrom('application/json', 'Bearer x', 't=1,v1=00', 'Basic eDp5'))
    const names = ['content-type', 'authorization', 'x-signature', 'x-hubspot-signature-v3', 'x-hubspot-request-timestamp']
    const request = fc.record({
      ...{
        method: fc.constantFrom('GET', 'POST', 'PUT', 'x'),
        target: fc.oneof(fc.webPath(), text),
        publicUrl: fc.constant('https://a.example'),
      },
      headers: fc.dictionary(fc.constantFrom(...names), header),
      body: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      receivedAt: fc.integer({ min: 1e12, max: 2e12 }),
    })
    await holds(
      t,
      1_000,
      fc.property(request, (request) => {
        const app = { appId: '1', clientId: '1', clientSecrets: ['', 'secret'], baseUrl: '' }
        const settings = connector.manifest.settings.parse({})
        const verdict = push.routing === 'app' ? push.verify(request, app) : push.verify(request, { webhook_secret: 'secret' }, settings)
        if (push.routing === 'app') push.parse(request, app)
        else push.parse(request, settings)
        return !verdict.ok && verdict.status >= 400
      }),
    )
  })

  t.test(`${name}: answers of any kind are classified`, async (t) => {
    const reply = fc.record({
      status: fc.integer({ min: 0, max: 599 }),
      headers: fc.dictionary(fc.constantFrom('retry-after', 'x-hubspot-ratelimit-max', 'sforce-limit-info', 'date'), text),
      text: fc.oneof(
        text,
        anyJson.map((value) => JSON.stringify(value)),
      ),
    })
    await holds(
      t,
      1_000,
      fc.property(reply, (reply) => {
        const error = connector.classify(reply, { method: 'GET', url: '/' })
        const { retry } = error
        connector.allocation?.(reply)
        return error instanceof CodedError && (typeof retry !== 'object' || (Number.isFinite(retry.afterMs) && retry.afterMs >= 0))
      }),
    )
  })
}
