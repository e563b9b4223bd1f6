/** What Salesforce's changes mean, however they came: told by the stream, found by polling, read from history. */
import type { RecordRef, RecordSnapshot, Signal, StageRef } from '../connector.ts'
import { isInstant } from '../is-instant.ts'
import type { EventChange, FoundChange, ReachedChange, SalesforceChange } from './change.ts'
import { objects, opportunity, type SalesforceObject } from './objects.ts'

/** Turns stored changes into signals, in the order given. Changes without a meaning yield nothing. */
export function normalise(changes: readonly unknown[]): Signal[] {
  return changes.filter(isChange).flatMap((change) => {
    const object = objects.find(({ entity }) => entity === change.entity)
    if (object === undefined) return []
    if (change.kind === 'event') return readEvent(change, object)
    return isId(change.id) ? [change.kind === 'reached' ? readReached(change, object) : readFound(change, object)] : []
  })
}

/** What was kept may be of another release: it means nothing rather than something else. */
function isChange(change: unknown): change is SalesforceChange {
  if (typeof change !== 'object' || change === null) return false
  const { kind, ids, id, at, stage, changed, fields, rules = {}, identity = {} } = change as Record<string, unknown>
  if (!isInstant(at)) return false
  if (kind === 'event') return Array.isArray(ids) && Array.isArray(changed) && [fields, rules, identity].every(isObject)
  return (kind === 'reached' || kind === 'found') && typeof id === 'string' && typeof stage === 'string'
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

/** Wildcards (`00Q*`) and the id that stands for an overflow name no record: the stream says that the history is to be read. */
export const isId = (id: unknown): id is string => typeof id === 'string' && /^(?!0{15})[A-Za-z\d]{18}$/.test(id)

function readReached({ id, stage, at }: ReachedChange, object: SalesforceObject): Signal {
  return {
    kind: 'stage',
    ref: { type: object.type, id },
    stage: { source: object.source, stageId: stage },
    occurredAt: at,
    occurredAtSource: 'field',
    origin: 'history',
    exact: true,
  }
}

function readFound({ id, stage: stageId, at, exact, deleted, history }: FoundChange, object: SalesforceObject): Signal {
  const ref = { type: object.type, id }
  if (deleted) return { kind: 'identity', ref, occurredAt: at }
  const origin = history === true ? 'history' : 'poll'
  const told = { ref, stage: { source: object.source, stageId }, occurredAt: at, occurredAtSource: 'field', origin } as const
  return exact ? { kind: 'stage', ...told, exact: true } : { kind: 'observed', ...told }
}

/** History and the sent event time have seconds only, so that the instants of all accounts of a change are whole ones. */
const wholeSecond = (at: number): number => Math.floor(at / 1000) * 1000

function readEvent(change: EventChange, object: SalesforceObject): Signal[] {
  const occurredAt = wholeSecond(change.at)
  return change.ids.filter(isId).flatMap((id): Signal[] => {
    const ref = { type: object.type, id }
    switch (change.type) {
      case 'CREATE':
        return readCreation(change, object, ref, occurredAt)
      case 'UPDATE':
        return readUpdate(change, object, ref, occurredAt)
      // A deleted record may live on as another one, which only a lookup tells.
      case 'DELETE':
      case 'GAP_DELETE':
        return [{ kind: 'identity', ref, occurredAt }]
      case 'UNDELETE':
      case 'GAP_CREATE':
      case 'GAP_UPDATE':
      case 'GAP_UNDELETE':
        return [{ kind: 'seen', ref, occurredAt, history: true }]
      default:
        return []
    }
  })
}

/** A new lead is shown whole. Who is behind a new opportunity only the lead says that was converted to it. */
function readCreation(change: EventChange, object: SalesforceObject, ref: RecordRef, occurredAt: number): Signal[] {
  const stage = stageOf(change, object)
  const reached: Signal[] = stage ? [stageSignal(ref, stage, occurredAt)] : []
  if (object === opportunity) return [...shown(change, ref, occurredAt), { kind: 'seen', ref, occurredAt }, ...reached]
  const snapshot: RecordSnapshot = {
    ...snapshotOf(change, ref),
    partial: false,
    createdAt: createdAt(change) ?? occurredAt,
    stages: stage ? [stage] : [],
  }
  return [{ kind: 'shown', ref, occurredAt, snapshot }, ...reached]
}

function readUpdate(change: EventChange, object: SalesforceObject, ref: RecordRef, occurredAt: number): Signal[] {
  // A value renamed in Setup changes the records that have it, all at once, and is nobody's step forward. What was one after
  // all, the record's history knows.
  if (looksRenamed(change, object)) return [{ kind: 'seen', ref, occurredAt, history: true }]
  const signals = shown(change, ref, occurredAt)
  if (change.unclear) signals.push({ kind: 'identity', ref, occurredAt })
  const stage = change.changed.includes(object.stage) ? stageOf(change, object) : undefined
  if (stage) signals.push(stageSignal(ref, stage, occurredAt))
  const converted = change.changed.includes('ConvertedOpportunityId') ? change.fields.ConvertedOpportunityId : undefined
  // The opportunity's own event came before, when nothing linked the two yet.
  if (isId(converted)) signals.push({ kind: 'identity', ref: { type: opportunity.type, id: converted }, occurredAt })
  return signals
}

/** What an event shows of its record, if it shows anything. */
function shown(change: EventChange, ref: RecordRef, occurredAt: number): Signal[] {
  if (change.identity === undefined && change.rules === undefined) return []
  return [{ kind: 'shown', ref, occurredAt, snapshot: snapshotOf(change, ref) }]
}

function snapshotOf(change: EventChange, ref: RecordRef): RecordSnapshot {
  const { entity, identity, rules = {} } = change
  const own = entity === 'Lead' ? { ...identity, externalId: ref.id } : identity
  const created = createdAt(change)
  return {
    ...{ ref, found: true, partial: true, stages: [], fields: rules },
    ...(created !== undefined && { createdAt: created }),
    ...(identity && { identity: own }),
  }
}

/** Known of what was just created, and where the channel adds it. */
const createdAt = ({ fields: { CreatedDate } }: EventChange): number | undefined =>
  typeof CreatedDate === 'number' ? CreatedDate : undefined

function stageOf({ fields }: EventChange, { source, stage }: SalesforceObject): StageRef | undefined {
  const stageId = fields[stage]
  return typeof stageId === 'string' && stageId !== '' ? { source, stageId } : undefined
}

function stageSignal(ref: RecordRef, stage: StageRef, occurredAt: number): Signal {
  return { kind: 'stage', ref, stage, occurredAt, occurredAtSource: 'event', origin: 'stream', exact: true }
}

/** People change up to this many records together in a list; code and imports may change more. */
const MOST_TOGETHER = 200
/** A person's edit always leaves them behind (Change Data Capture, change event fields). */
const stamps = ['LastModifiedDate', 'LastModifiedById']

/**
 * Salesforce does not say that a picklist value was renamed or replaced in Setup. It is taken for that when only the stage
 * changed, not through an API, of several records at once that nobody is said to have edited, or of very many.
 */
function looksRenamed({ changed, together = 1, internal }: EventChange, { stage }: SalesforceObject): boolean {
  if (!internal || together === 1 || !changed.includes(stage)) return false
  if (!changed.every((name) => name === stage || stamps.includes(name))) return false
  return together > MOST_TOGETHER || !changed.includes('LastModifiedDate')
}
