import type { CrmChange } from './crm.ts'

/** The `subscriptions` member of an app's webhook configuration. */
export interface Subscriptions {
  /** `object.*` with an object type. */
  crmObjects?: { subscriptionType: string; objectType: string; propertyName?: string; active: boolean }[]
  /** Classic names such as `contact.propertyChange`. */
  legacyCrmObjects?: { subscriptionType: string; propertyName?: string; active: boolean }[]
  /** `contact.privacyDeletion`. */
  hubEvents?: { subscriptionType: string; active: boolean }[]
}
/** One element of a webhook body. */
export type WebhookEvent = Record<string, unknown> & { eventId: number; portalId: number; attemptNumber: number; subscriptionType: string }

const generic = (objectType: string, ...properties: string[]) =>
  properties.map((propertyName) => ({ subscriptionType: 'object.propertyChange', objectType, propertyName, active: true }))

/** What a connector of lead stages subscribes to, in the generic format. */
export const stageSubscriptions: Subscriptions = {
  crmObjects: [
    ...generic('contact', 'lifecyclestage', 'hs_lead_status', 'meta_lead_id'),
    ...generic('deal', 'dealstage'),
    ...generic('lead', 'hs_pipeline_stage'),
    ...['creation', 'merge', 'deletion', 'restore'].map((kind) => ({
      subscriptionType: `object.${kind}`,
      objectType: 'contact',
      active: true,
    })),
  ],
  legacyCrmObjects: [],
  hubEvents: [{ subscriptionType: 'contact.privacyDeletion', active: true }],
}

/** The webhook events of one change: one for every active subscription that matches. */
export function webhookEvents(
  change: CrmChange,
  subscriptions: Subscriptions,
  sender: { portalId: number; appId: number; nextEventId: () => number },
): WebhookEvent[] {
  const propertyName = change.kind === 'propertyChange' ? change.property : undefined
  const events: WebhookEvent[] = []
  const add = (subscriptionType: string, subscriptionId: number, extra: Record<string, unknown>) =>
    events.push({
      eventId: sender.nextEventId(),
      subscriptionId,
      portalId: sender.portalId,
      appId: sender.appId,
      occurredAt: change.at,
      subscriptionType,
      attemptNumber: 0,
      ...subject(change),
      ...extra,
      ...change.source,
    })

  for (const [index, entry] of (subscriptions.crmObjects ?? []).entries()) {
    if (!entry.active || change.kind === 'privacyDeletion' || entry.subscriptionType !== `object.${change.kind}`) continue
    if (entry.objectType !== change.type.singular && entry.objectType !== change.type.typeId) continue
    if (entry.propertyName !== propertyName) continue
    add(entry.subscriptionType, 2000 + index, { objectTypeId: change.type.typeId, ...genericExtra(change) })
  }
  // Leads have no classic subscription types.
  for (const [index, entry] of (subscriptions.legacyCrmObjects ?? []).entries()) {
    if (!entry.active || entry.subscriptionType !== `${change.type.singular}.${change.kind}` || change.type.name === 'leads') continue
    if (entry.propertyName === propertyName) add(entry.subscriptionType, 3000 + index, {})
  }
  for (const [index, entry] of (subscriptions.hubEvents ?? []).entries())
    if (entry.active && entry.subscriptionType === `${change.type.singular}.${change.kind}`) add(entry.subscriptionType, 4000 + index, {})
  return events
}

function subject(change: CrmChange): Record<string, unknown> {
  const objectId = Number(change.id)
  switch (change.kind) {
    case 'propertyChange':
      return { objectId, propertyName: change.property, propertyValue: change.value }
    case 'creation':
      return { objectId, changeFlag: 'CREATED' }
    case 'deletion':
      return { objectId, changeFlag: 'DELETED' }
    case 'merge':
      return {
        objectId,
        primaryObjectId: Number(change.primaryId),
        mergedObjectIds: change.mergedIds.map(Number),
        ...(change.newId === undefined ? {} : { newObjectId: Number(change.newId) }),
        numberOfPropertiesMoved: change.moved,
      }
    case 'associationChange':
      return {
        fromObjectId: objectId,
        toObjectId: Number(change.toId),
        associationType: `${change.type.singular}_TO_${change.toType.singular}`.toUpperCase(),
        associationRemoved: change.removed,
        isPrimaryAssociation: change.primary,
      }
    default:
      return { objectId }
  }
}

function genericExtra(change: CrmChange): Record<string, unknown> {
  if (change.kind === 'propertyChange') return { isSensitive: false }
  if (change.kind !== 'associationChange') return {}
  return {
    fromObjectTypeId: change.type.typeId,
    toObjectTypeId: change.toType.typeId,
    associationTypeId: change.association.typeId,
    associationCategory: change.association.category,
  }
}
