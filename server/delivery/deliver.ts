/**
 * Delivery of one dataset: lease it, send the oldest events, record the outcome before the next request. One request at a
 * time, so events of a lead go in time order among those that had arrived; what arrives while a request is under way forms
 * the next batch.
 */
import { sql } from 'kysely'
import { openNotice } from '../connections/notices.ts'
import type { Vault } from '../connections/vault.ts'
import type { Database } from '../database/pool.ts'
import type { Row } from '../database/tables.ts'
import { type Trx, transaction } from '../database/transaction.ts'
import type { Log } from '../log.ts'
import { datasetAccess, type MetaApp } from '../meta/app.ts'
import type { GraphClient, SendResult } from '../meta/graph-client.ts'
import type { Meter } from '../operations/meter.ts'
import { tally } from '../operations/tally.ts'
import { type Lease, withLease } from '../schedule/lease.ts'
import { SLICE_MS } from '../schedule/scheduler.ts'
import { type DatasetState, type Decision, decide } from './decide.ts'
import { hold } from './hold.ts'
import { countShort, narrow, nextDue, settle, takeRows } from './outbox.ts'
import { type Limits, type OutboxRow, planBatch } from './plan-batch.ts'
import { passTest, testCodeOf } from './test-event.ts'

export interface DeliveryOptions {
  db: Database
  vault: Vault
  /** Our app at Meta, for datasets that it was let into. */
  metaApp?: MetaApp
  graph: GraphClient
  limits: Limits
  /** Longest time one request may take, milliseconds; a request starts only while the lease outlasts it. */
  timeoutMs: number
  log: Log
  /** Told of the entries that are settled. */
  meter?: Meter
  now?: () => number
}

/**
 * Sends what is due for a dataset until nothing is left, it has to wait, others shall have their turn, or `signal` ends the run.
 * @returns when it wants to run again, in milliseconds since the epoch
 */
export async function deliver(options: DeliveryOptions, datasetId: number, signal: AbortSignal): Promise<{ again?: number }> {
  const result = await withLease(options.db, `deliver:${datasetId}`, async (lease) => {
    for (const end = performance.now() + SLICE_MS; ; ) {
      if (signal.aborted) return {}
      if (performance.now() > end) return { again: Date.now() }
      const wait = await deliverBatch(options, datasetId, lease)
      if (wait !== 'more') return wait
    }
  })
  return result.ran ? result.value : { again: result.until.getTime() }
}

async function deliverBatch(options: DeliveryOptions, datasetId: number, lease: Lease): Promise<'more' | { again?: number }> {
  const { db, log } = options
  const clock = options.now ?? Date.now
  const dataset = await db.selectFrom('dataset').selectAll().where('id', '=', datasetId).executeTakeFirst()
  if (dataset === undefined || dataset.state === 'held') return {}
  if (dataset.sleep_until !== null && dataset.sleep_until.getTime() > clock()) return { again: dataset.sleep_until.getTime() }

  const taken = await takeRows(db, datasetId, options.limits.batchLimit)
  if (taken.length === 0) return { again: await nextDue(db, datasetId) }
  const testEventCode = testCodeOf(dataset, clock())
  const plan = planBatch(taken, testEventCode === undefined ? options.limits : { ...options.limits, batchLimit: 1 }, clock())
  if (plan.settle.length > 0) {
    await transaction(db, async (trx) => {
      await lease.guard(trx)
      await settle(trx, datasetId, plan.settle)
    })
    options.meter?.entries(plan.settle)
  }
  const batch = plan.send
  if (batch.length === 0) return 'more'

  const access = await datasetAccess(db, options.vault, options.metaApp, dataset)
  if (access === undefined) {
    const text = 'There is no access to this dataset. Connect it to Meta again; its events are waiting.'
    await transaction(db, async (trx) => {
      await lease.guard(trx)
      await hold(trx, dataset, { reason: 'reconnect', text })
    })
    return {}
  }
  await lease.outlast(options.timeoutMs)
  const result = await options.graph.sendEvents(
    dataset.meta_id,
    access.token,
    batch.map((row) => row.payload),
    { ...access, ...(testEventCode !== undefined && { testEventCode }) },
  )
  const decision = decide(stateOf(dataset), batch, result)
  if (result.kind !== 'accepted') {
    log.warn(
      { dataset: datasetId, events: batch.length, ...facts(result), sleepMs: decision.sleep?.ms, hold: decision.hold?.reason },
      'Meta did not accept a batch',
    )
  }
  const sleepUntil = decision.sleep === undefined ? undefined : clock() + decision.sleep.ms
  // A new token may have been given meanwhile: it is not blamed for the one before.
  const isSame = async (trx: Trx) => (await datasetAccess(trx, options.vault, options.metaApp, dataset))?.token === access.token
  const held = await transaction(db, async (trx) => {
    await lease.guard(trx)
    const holds = decision.hold !== undefined && (await isSame(trx))
    await carryOut(trx, dataset, batch, holds ? decision : { ...decision, hold: undefined }, sleepUntil)
    if (testEventCode !== undefined && result.kind === 'accepted') await passTest(trx, dataset, testEventCode)
    return holds
  })
  options.meter?.entries(decision.settle)
  if (held) return {}
  return sleepUntil === undefined ? 'more' : { again: sleepUntil }
}

/** What may be logged of an answer: codes, never texts, which could repeat what was sent. */
function facts(result: SendResult): Record<string, unknown> {
  if (result.kind === 'refused') {
    const { class: kind, code, subcode, status, fbtraceId } = result.error
    return { answer: kind, metaCode: code, subcode, status, fbtraceId }
  }
  if (result.kind === 'silent') return { answer: result.kind, bodySent: result.bodySent, network: result.reason }
  return { answer: result.kind, received: result.received, fbtraceId: result.fbtraceId }
}

/** What of a dataset decides about an answer. */
export const stateOf = (dataset: Row<'dataset'>): DatasetState => ({
  metaId: dataset.meta_id,
  failures: dataset.failures,
  unknownError: dataset.unknown_error,
  unknownErrorCount: dataset.unknown_error_count,
})

/** Writes a decision; the caller holds the lease. */
export async function carryOut(
  trx: Trx,
  dataset: Row<'dataset'>,
  batch: readonly OutboxRow[],
  decision: Decision,
  sleepUntil: number | undefined,
): Promise<void> {
  const subject = `dataset:${dataset.id}`
  await settle(trx, dataset.id, decision.settle)
  if (decision.narrowTo !== undefined) await narrow(trx, dataset.id, batch, decision.narrowTo)
  if (decision.countShort.length > 0) await countShort(trx, dataset.id, decision.countShort)
  if (decision.doubles !== undefined) await tally(trx, `possible_doubles.${decision.doubles.cause}`, decision.doubles.events)
  if (decision.notice !== undefined) await openNotice(trx, { workspaceId: dataset.workspace_id, subject, ...decision.notice })
  if (decision.hold !== undefined) await hold(trx, dataset, decision.hold)
  const { failures, unknownError, unknownErrorCount } = decision
  if (
    failures !== dataset.failures ||
    unknownError !== dataset.unknown_error ||
    unknownErrorCount !== dataset.unknown_error_count ||
    dataset.sleep_until !== null
  ) {
    await sql`
      update dataset set failures = ${failures}, unknown_error = ${unknownError}, unknown_error_count = ${unknownErrorCount},
        sleep_until = case when sleep_until > now() then sleep_until end
      where id = ${dataset.id}`.execute(trx)
  }
  if (sleepUntil !== undefined) {
    await sql`
      update dataset set sleep_until = greatest(sleep_until, ${new Date(sleepUntil)})
      where id = ${dataset.id} or (${decision.sleep?.wide ?? false} and workspace_id = ${dataset.workspace_id})`.execute(trx)
  }
}
