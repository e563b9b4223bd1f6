import t from 'tap'
import type { Signal } from '../../../connectors/connector.ts'
import { normalise } from '../../../connectors/hubspot/normalise.ts'
import { parse } from '../../../connectors/hubspot/webhook.ts'
import { app, signedWebhook } from './request.ts'

const occurredAt = 1_790_000_000_000

/** What an event means after its way over the wire and through storage. */
function signals(...events: Record<string, unknown>[]): Signal[] {
  const body = JSON.stringify(events.map((event) => ({ portalId: 3003003, appId: 4004, occurredAt, ...event })))
  return normalise(JSON.parse(JSON.stringify(parse(signedWebhook(body), app).changes.map((change) => change.body))))
}
const stage = (type: string, id: string, source: string, stageId: string) => ({
  kind: 'stage',
  ref: { type, id },
  stage: { source, stageId },
  occurredAt,
  occurredAtSource: 'event',
  origin: 'push',
  exact: true,
})

const stageSources = [
  { type: 'contact', typeId: '0-1', property: 'lifecyclestage', value: 'marketingqualifiedlead' },
  { type: 'contact', typeId: '0-1', property: 'hs_lead_status', value: 'In Verhandlung (größer)' },
  { type: 'deal', typeId: '0-3', property: 'dealstage', value: '1093455821' },
  { type: 'lead', typeId: '0-136', property: 'hs_pipeline_stage', value: 'qualified-stage-id' },
]
for (const { type, typeId, property, value } of stageSources) {
  const event = { objectId: 392000000001, propertyName: property, propertyValue: value }
  t.test(`a change of ${property} is a stage of the ${type}`, async (t) => {
    const expected = [stage(type, '392000000001', property, value)]
    t.same(signals({ ...event, subscriptionType: 'object.propertyChange', objectTypeId: typeId }), expected, 'generic format')
    if (type !== 'lead') t.same(signals({ ...event, subscriptionType: `${type}.propertyChange` }), expected, 'classic format')
  })
}

t.test('a cleared stage is no stage', async (t) => {
  t.same(signals({ subscriptionType: 'contact.propertyChange', objectId: 1, propertyName: 'lifecyclestage', propertyValue: '' }), [])
})

const simple = [
  { action: 'creation', kind: 'seen' },
  { action: 'restore', kind: 'seen' },
  { action: 'deletion', kind: 'deleted' },
]
for (const { action, kind } of simple)
  t.test(`${action} is understood for every kind of record in both formats`, async (t) => {
    const signal = (type: string) => [{ kind, ref: { type, id: '5' }, occurredAt }]
    t.same(signals({ subscriptionType: `contact.${action}`, objectId: 5 }), signal('contact'))
    t.same(signals({ subscriptionType: `deal.${action}`, objectId: 5 }), signal('deal'))
    t.same(signals({ subscriptionType: `object.${action}`, objectTypeId: '0-1', objectId: 5 }), signal('contact'))
    t.same(signals({ subscriptionType: `object.${action}`, objectTypeId: '0-3', objectId: 5 }), signal('deal'))
    t.same(signals({ subscriptionType: `object.${action}`, objectTypeId: '0-136', objectId: 5 }), signal('lead'))
    t.same(signals({ subscriptionType: `object.${action}`, objectTypeId: '0-2', objectId: 5 }), [])
  })

t.test('a privacy deletion erases', async (t) => {
  t.same(signals({ subscriptionType: 'contact.privacyDeletion', objectId: 5 }), [
    { kind: 'erased', ref: { type: 'contact', id: '5' }, occurredAt },
  ])
})

t.test('another property of a contact may tell who it is', async (t) => {
  const identity = [{ kind: 'identity', ref: { type: 'contact', id: '5' }, occurredAt }]
  const event = { objectId: 5, propertyName: 'meta_lead_id', propertyValue: '123456789012345' }
  t.same(signals({ ...event, subscriptionType: 'contact.propertyChange' }), identity)
  t.same(signals({ ...event, subscriptionType: 'object.propertyChange', objectTypeId: '0-1' }), identity)
  t.same(signals({ ...event, subscriptionType: 'object.propertyChange', objectTypeId: '0-1', propertyValue: '' }), identity, 'cleared')
  t.same(signals({ ...event, subscriptionType: 'deal.propertyChange' }), [], 'of a deal it tells nothing')
})

t.test('a merge names the survivor and all that went into it', async (t) => {
  const merge = (event: Record<string, unknown>, typeId = '0-1') =>
    signals({ subscriptionType: 'object.merge', objectTypeId: typeId, ...event })
  const merged = (id: string, mergedIds: string[], type = 'contact') => [{ kind: 'merged', ref: { type, id }, mergedIds, occurredAt }]

  t.same(
    merge({ objectId: 9, primaryObjectId: 1, mergedObjectIds: [2, 3], newObjectId: 9 }),
    merged('9', ['1', '2', '3']),
    'into a new record',
  )
  t.same(merge({ objectId: 1, primaryObjectId: 1, mergedObjectIds: [2] }), merged('1', ['2']), 'into the primary one')
  t.same(merge({ objectId: 1, mergedObjectIds: [2] }), merged('1', ['2']), 'into the object itself')
  t.same(merge({ primaryObjectId: 1, mergedObjectIds: [2] }, '0-3'), merged('1', ['2'], 'deal'), 'deals, without an object id')
  t.same(merge({ objectId: 1, primaryObjectId: 1, mergedObjectIds: [] }), [], 'nothing went into it')
  t.same(
    signals({ subscriptionType: 'contact.merge', objectId: 1, primaryObjectId: 1, mergedObjectIds: [2] }),
    merged('1', ['2']),
    'classic',
  )
})

t.test('a link between deal or lead and contact asks for a new look at the deal or lead', async (t) => {
  const identity = (type: string, id: string) => [{ kind: 'identity', ref: { type, id }, occurredAt }]
  const classic = (prefix: string, associationType: string) =>
    signals({ subscriptionType: `${prefix}.associationChange`, associationType, fromObjectId: 1, toObjectId: 2, associationRemoved: false })
  t.same(classic('deal', 'DEAL_TO_CONTACT'), identity('deal', '1'))
  t.same(classic('contact', 'CONTACT_TO_DEAL'), identity('deal', '2'))
  t.same(classic('deal', 'DEAL_TO_COMPANY'), [])
  t.same(classic('contact', 'CONTACT_TO_CONTACT'), [])

  const generic = (fromObjectTypeId: string, toObjectTypeId: string) =>
    signals({
      subscriptionType: 'object.associationChange',
      fromObjectTypeId,
      toObjectTypeId,
      fromObjectId: 1,
      toObjectId: 2,
      associationRemoved: true,
    })
  t.same(generic('0-3', '0-1'), identity('deal', '1'))
  t.same(generic('0-1', '0-3'), identity('deal', '2'))
  t.same(generic('0-136', '0-1'), identity('lead', '1'))
  t.same(generic('0-1', '0-136'), identity('lead', '2'))
  t.same(generic('0-136', '0-3'), [])
  t.same(generic('0-1', '0-2'), [])
})

t.test('events without the ids they need mean nothing', async (t) => {
  t.same(signals({ subscriptionType: 'contact.creation' }), [])
  t.same(signals({ subscriptionType: 'object.merge', objectTypeId: '0-1' }), [])
  t.same(signals({ subscriptionType: 'deal.associationChange', associationType: 'DEAL_TO_CONTACT' }), [])
})

t.test('signals come in the order of the changes; foreign bodies yield nothing', async (t) => {
  const change = { subscriptionType: 'contact.creation', occurredAt, objectId: '1' }
  t.same(normalise([null, 'text', 7, {}, { subscriptionType: 7 }]), [])
  t.same(
    normalise([change, {}, { ...change, objectId: '2' }]).map((signal) => signal.ref.id),
    ['1', '2'],
  )
})
