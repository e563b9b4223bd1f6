/** What HubSpot's webhook events mean. Both formats: classic (`contact.creation`) and generic (`object.creation` with a type id). */
import type { RecordRef, Signal } from '../connector.ts'
import { keptEvent, type WebhookEvent } from './kept-event.ts'
import { contact, type HubspotObject, objects } from './objects.ts'

/** Turns stored webhook events into signals, in the order given. Events without a meaning yield nothing. */
export function normalise(changes: readonly unknown[]): Signal[] {
  return changes
    .map(keptEvent)
    .filter((event) => event !== undefined)
    .map(readSignal)
    .filter((signal) => signal !== undefined)
}

/** The signal in one event, if there is one. */
export function readSignal(event: WebhookEvent): Signal | undefined {
  const [prefix, action] = event.subscriptionType.split('.')
  const { occurredAt } = event
  if (action === 'associationChange') {
    const ref = associatedRecord(event)
    return ref && { kind: 'identity', ref, occurredAt }
  }

  const object = objects.find(({ type, typeId }) => (prefix === 'object' ? typeId === event.objectTypeId : type === prefix))
  if (object === undefined) return undefined
  if (action === 'merge') return readMerge(event, object)
  if (event.objectId === undefined) return undefined
  const ref = { type: object.type, id: event.objectId }
  switch (action) {
    case 'propertyChange':
      return readPropertyChange(event, object, ref)
    case 'creation':
    case 'restore':
      return { kind: 'seen', ref, occurredAt }
    case 'deletion':
      return { kind: 'deleted', ref, occurredAt }
    case 'privacyDeletion':
      return { kind: 'erased', ref, occurredAt }
    default:
      return undefined
  }
}

function readPropertyChange(event: WebhookEvent, object: HubspotObject, ref: RecordRef): Signal | undefined {
  const { propertyName: source, propertyValue: stageId, occurredAt } = event
  if (source === undefined) return undefined
  if (object.stages.includes(source)) {
    // A move backwards first clears the stage; values of sensitive properties arrive as REDACTED.
    if (stageId === undefined || stageId === '' || stageId === 'REDACTED') return undefined
    const { origin = 'push', pipelineId } = event
    return {
      kind: 'stage',
      ref,
      stage: { source, ...(pipelineId !== undefined && { pipelineId }), stageId },
      occurredAt,
      occurredAtSource: origin === 'history' ? 'field' : 'event',
      origin,
      exact: true,
    }
  }
  // Which property holds the Meta lead id is a setting of the connection. Only it and stages are subscribed to on contacts.
  return object === contact ? { kind: 'identity', ref, occurredAt } : undefined
}

/** The survivor is the new record where one was made, else the primary one (HubSpot, webhooks guide). */
function readMerge(event: WebhookEvent, object: HubspotObject): Signal | undefined {
  const survivor = event.newObjectId ?? event.primaryObjectId ?? event.objectId
  const all = [event.objectId, event.primaryObjectId, ...(event.mergedObjectIds ?? [])]
  const mergedIds = [...new Set(all)].filter((it) => it !== undefined && it !== survivor) as string[]
  if (survivor === undefined || mergedIds.length === 0) return undefined
  return { kind: 'merged', ref: { type: object.type, id: survivor }, mergedIds, occurredAt: event.occurredAt }
}

/** The deal or lead whose link to a contact changed. HubSpot reports both directions; either will do. */
function associatedRecord(event: WebhookEvent): RecordRef | undefined {
  // Classic events name the two ends, for example DEAL_TO_CONTACT; generic ones give their type ids.
  const [fromName, toName] = event.associationType?.split('_TO_') ?? []
  const from = objects.find(({ type, typeId }) => typeId === event.fromObjectTypeId || type.toUpperCase() === fromName)
  const to = objects.find(({ type, typeId }) => typeId === event.toObjectTypeId || type.toUpperCase() === toName)
  if (from === undefined || to === undefined || from === to) return undefined
  if (to === contact && event.fromObjectId) return { type: from.type, id: event.fromObjectId }
  if (from === contact && event.toObjectId) return { type: to.type, id: event.toObjectId }
  return undefined
}
