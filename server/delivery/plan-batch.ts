/**
 * What to do with the oldest rows of a dataset's outbox: everything is validated again at send time, and the batch is the
 * longest run of sendable events from the front that every one of them allows. Pure.
 */

export interface OutboxRow {
  occurredAt: number
  /** Among events of the same instant. */
  position: number
  eventId: string
  payload: string
  /** The largest batch this event may travel in. */
  batchCap: number
  shortCounts: number
  late: boolean
  /** Of the route now; undefined when it was removed. */
  routeMode: 'live' | 'shadow' | undefined
  connectionState: string
  recordState: string
  /** Why the connection's rules on consent keep the event back, by what was last read of the record. */
  consentRefusal?: string | undefined
}

export interface Limits {
  /** Events older than this are refused by Meta, milliseconds. */
  maxAgeMs: number
  /** Most events in one request. */
  batchLimit: number
}

export interface BatchPlan {
  /** Settled without being sent, each with its outcome and reason. */
  settle: { row: OutboxRow; outcome: 'suppressed' | 'expired'; reason: string }[]
  send: OutboxRow[]
}

/** @param now milliseconds since the epoch */
export function planBatch(rows: readonly OutboxRow[], limits: Limits, now: number): BatchPlan {
  const plan: BatchPlan = { settle: [], send: [] }
  let cap = limits.batchLimit
  for (const row of rows) {
    const refusal = refusalOf(row, limits, now)
    if (refusal !== undefined) {
      plan.settle.push({ row, ...refusal })
      continue
    }
    cap = Math.min(cap, row.batchCap)
    if (plan.send.length >= cap) break
    plan.send.push(row)
  }
  return plan
}

function refusalOf(row: OutboxRow, limits: Limits, now: number): { outcome: 'suppressed' | 'expired'; reason: string } | undefined {
  if (row.recordState === 'erased') return { outcome: 'suppressed', reason: 'erased' }
  if (row.connectionState === 'removed') return { outcome: 'suppressed', reason: 'connection_removed' }
  if (row.routeMode === undefined) return { outcome: 'suppressed', reason: 'route_removed' }
  if (row.routeMode === 'shadow') return { outcome: 'suppressed', reason: 'route_shadow' }
  if (row.consentRefusal !== undefined) return { outcome: 'suppressed', reason: row.consentRefusal }
  if (row.occurredAt < now - limits.maxAgeMs) return { outcome: 'expired', reason: 'expired_too_old' }
  return undefined
}
