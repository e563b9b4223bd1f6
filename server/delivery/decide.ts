/** What Meta's answer to a batch means for its events and its dataset. Pure. */
import type { GraphError } from '../../connectors/graph/errors.ts'
import { throttleWait } from '../../connectors/graph/usage.ts'
import type { Refused, SendResult } from '../meta/graph-client.ts'
import { retryDelay } from '../meta/retry.ts'
import type { Outcome } from './outbox.ts'
import type { OutboxRow } from './plan-batch.ts'

/** What of a dataset decides about an answer. */
export interface DatasetState {
  metaId: string
  /** Failures in a row, without an event accepted in between. */
  failures: number
  /** The unknown error with which events were refused alone last, and how many in a row. */
  unknownError: string | null
  unknownErrorCount: number
}

export interface Decision {
  settle: Outcome[]
  /** Events travel only in batches of at most this size from now on. */
  narrowTo?: number
  /** Events that Meta may not have counted, to be sent once more. */
  countShort: OutboxRow[]
  /** Events that may reach Meta twice now, and why. */
  doubles?: { cause: 'short_count' | 'timeout'; events: number }
  /** Nothing is sent to the dataset for so long; `wide`: nor to others of its workspace, which share token or app. */
  sleep?: { ms: number; wide: boolean }
  /** Nothing is sent until somebody has acted. */
  hold?: { reason: string; text: string }
  /** Something a person should know. */
  notice?: { code: string; text: string }
  unknownError: string | null
  unknownErrorCount: number
  failures: number
}

/** Different events in a row that are refused alone with the same unknown error before the dataset is stopped. */
const UNKNOWN_LIMIT = 3

/** @param random 0 to 1, for the jitter of retries */
export function decide(
  dataset: DatasetState,
  batch: readonly OutboxRow[],
  result: SendResult,
  random: () => number = Math.random,
): Decision {
  const unchanged: Decision = {
    settle: [],
    countShort: [],
    unknownError: dataset.unknownError,
    unknownErrorCount: dataset.unknownErrorCount,
    failures: dataset.failures,
  }
  const failed = { ...unchanged, failures: dataset.failures + 1 }
  switch (result.kind) {
    case 'accepted': {
      const messages = result.messages.length > 0 ? result.messages : undefined
      const detail = { meta: { fbtraceId: result.fbtraceId, messages, batch: batch.length } }
      const settle = batch.map((row): Outcome => ({ row, outcome: 'sent', detail }))
      return { ...unchanged, settle, unknownError: null, unknownErrorCount: 0, failures: 0 }
    }
    case 'short': {
      const again = batch.filter((row) => row.shortCounts === 0)
      const done = batch.filter((row) => row.shortCounts > 0)
      const detail = { meta: { fbtraceId: result.fbtraceId, received: result.received, batch: batch.length } }
      return {
        ...unchanged,
        settle: done.map((row): Outcome => ({ row, outcome: 'unconfirmed', reason: 'count_short', detail })),
        countShort: again,
        ...(again.length > 0 && { doubles: { cause: 'short_count', events: again.length } }),
        ...(done.length > 0 && {
          notice: {
            code: 'count_short',
            text: `Meta confirmed fewer events than were sent to dataset ${dataset.metaId}, twice for the same events. They are marked unconfirmed; look at Diagnostics in Events Manager.`,
          },
        }),
      }
    }
    case 'silent':
      return {
        ...failed,
        sleep: { ms: retryDelay(dataset.failures, random), wide: false },
        ...(result.bodySent && { doubles: { cause: 'timeout', events: batch.length } }),
      }
    case 'refused':
      return {
        ...refused(dataset, batch, result, unchanged, failed, random),
        ...(result.error.alert && { notice: alarm(dataset, result.error) }),
      }
  }
}

function refused(
  dataset: DatasetState,
  batch: readonly OutboxRow[],
  { error, usage }: Refused,
  unchanged: Decision,
  failed: Decision,
  random: () => number,
): Decision {
  const passing = error.class === 'retry' && dataset.failures < (error.retryLimit ?? Number.POSITIVE_INFINITY)
  if (passing) return { ...failed, sleep: { ms: Math.max(error.waitMs ?? 0, retryDelay(dataset.failures, random)), wide: false } }
  if (error.class === 'throttle') {
    const ms = Math.max(error.waitMs ?? 0, throttleWait(usage, dataset.failures))
    return { ...failed, sleep: { ms, wide: error.scope === 'app' || error.scope === 'token' } }
  }
  if (error.class === 'reconnect' || error.class === 'permission' || error.class === 'configuration') {
    return { ...unchanged, hold: { reason: error.class, text: error.userText } }
  }
  if (batch.length > 1) return { ...unchanged, narrowTo: Math.ceil(batch.length / 2) }
  return refusedAlone(dataset, batch[0] as OutboxRow, error, unchanged)
}

function refusedAlone(dataset: DatasetState, row: OutboxRow, error: GraphError, unchanged: Decision): Decision {
  let { unknownError, unknownErrorCount } = unchanged
  if (!error.known) {
    const key = `${error.status}/${error.code ?? ''}/${error.subcode ?? ''}`
    unknownErrorCount = unknownError === key ? unknownErrorCount + 1 : 1
    unknownError = key
    if (unknownErrorCount >= UNKNOWN_LIMIT) {
      const text = `Meta refuses one event after the other of dataset ${dataset.metaId} with an error we do not know (${key}): ${error.message} Sending is stopped so that no more events are lost. Look at the refused records, and have support look at the error.`
      return { ...unchanged, unknownError, unknownErrorCount, hold: { reason: 'unknown_error', text } }
    }
  }
  const { code, subcode, status, title, message, fields, fbtraceId } = error
  const detail = { params: { error: title ?? message }, meta: { code, subcode, status, title, message, fields, fbtraceId } }
  return { ...unchanged, unknownError, unknownErrorCount, settle: [{ row, outcome: 'rejected', reason: 'rejected_by_meta', detail }] }
}

const alarm = (dataset: DatasetState, error: GraphError) => ({
  code: `meta_${error.code ?? error.status}`,
  text: `Dataset ${dataset.metaId}: ${error.userText}`,
})
