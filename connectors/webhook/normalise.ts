import type { Signal } from '../connector.ts'
import { isInstant } from '../is-instant.ts'
import type { WebhookChange } from './read-record.ts'

/** Stages of all connections come from one source: what the field `stage` says. */
export const STAGE_SOURCE = 'stage'

/** Turns stored changes into signals: what the change shows of its record, and the stage reached. */
export function normalise(changes: readonly unknown[]): Signal[] {
  return changes.filter(isWebhookChange).flatMap((change): Signal[] => {
    const { occurredAt, createdAt, identity, amount, fields, changeId } = change
    const ref = { type: change.type, id: change.id }
    if (change.action !== undefined) return [{ kind: change.action === 'erase' ? 'erased' : 'deleted', ref, occurredAt }]
    const stage = { source: STAGE_SOURCE, pipelineId: change.pipeline, stageId: change.stage }
    return [
      {
        kind: 'shown',
        ref,
        occurredAt,
        snapshot: { ref, found: true, partial: true, createdAt, identity, stages: [], amount, fields },
      },
      {
        kind: 'stage',
        ref,
        stage,
        occurredAt,
        occurredAtSource: change.received ? 'received' : 'field',
        origin: 'push',
        exact: true,
        changeId,
      },
    ]
  })
}

function isWebhookChange(change: unknown): change is WebhookChange {
  if (typeof change !== 'object' || change === null) return false
  const { action, type, id, stage, occurredAt, identity, fields } = change as Partial<Record<keyof WebhookChange, unknown>>
  const named = [type, id, action === undefined ? stage : type].every((it) => typeof it === 'string' && it !== '')
  return (
    named && isInstant(occurredAt) && typeof identity === 'object' && identity !== null && typeof fields === 'object' && fields !== null
  )
}
