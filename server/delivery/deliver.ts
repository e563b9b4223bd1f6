/**
 * Delivery of one dataset: lease it, send the oldest events, record the outcome before the next request. One request at a
 * time, so events of a lead go in time order among those that had arrived; what arrives while a request is under way forms
 * the next batch.
 */
import { sql } from 'kysely'
import type { Logger } from 'pino'
import { openNotice } from '../connections/notices.ts'
import { getSecret } from '../connections/secrets.ts'
import type { Vault } from '../connections/vault.ts'
import type { Database } from '../database/pool.ts'
import { transaction } from '../database/transaction.ts'
import type { GraphError } from '../meta/errors.ts'
import type { GraphClient, SendResult } from '../meta/graph-client.ts'
import { retryDelay } from '../meta/retry.ts'
import { throttleWait } from '../meta/usage.ts'
import { tally } from '../operations/tally.ts'
import { type Lease, withLease } from '../schedule/lease.ts'
import { countShort, narrow, nextDue, type Outcome, settle, takeRows } from './outbox.ts'
import { type Limits, type OutboxRow, planBatch } from './plan-batch.ts'

export interface DeliveryOptions {
  db: Database
  vault: Vault
  graph: GraphClient
  limits: Limits
  /** Longest time one request may take, milliseconds; a request starts only while the lease outlasts it. */
  timeoutMs: number
  log: Logger
  now?: () => number
}

interface Dataset {
  id: number
  workspace_id: number
  meta_id: string
  state: string
  sleep_until: Date | null
  failures: number
}

/** Different events refused alone with the same unknown error before the dataset is stopped. */
const STRANGE_LIMIT = 3

/**
 * Sends what is due for a dataset until nothing is left, it has to wait, or `signal` ends the run.
 * @returns when it wants to run again, in milliseconds since the epoch
 */
export async function deliver(options: DeliveryOptions, datasetId: number, signal: AbortSignal): Promise<{ again?: number }> {
  const result = await withLease(options.db, `deliver:${datasetId}`, async (lease) => {
    for (;;) {
      if (signal.aborted) return {}
      const wait = await deliverBatch(options, datasetId, lease)
      if (wait !== 'more') return wait
    }
  })
  return result.ran ? result.value : { again: result.until.getTime() }
}

async function deliverBatch(options: DeliveryOptions, datasetId: number, lease: Lease): Promise<'more' | { again?: number }> {
  const { db } = options
  const now = options.now?.() ?? Date.now()
  const dataset = await db
    .selectFrom('dataset')
    .select(['id', 'workspace_id', 'meta_id', 'state', 'sleep_until', 'failures'])
    .where('id', '=', datasetId)
    .executeTakeFirst()
  if (dataset === undefined || dataset.state === 'held') return {}
  if (dataset.sleep_until !== null && dataset.sleep_until.getTime() > now) return { again: dataset.sleep_until.getTime() }

  // One row more than a batch would hide nothing; settled rows make room, so a few more keep the batch full.
  const taken = await takeRows(db, datasetId, options.limits.batchLimit)
  if (taken.length === 0) return { again: await nextDue(db, datasetId) }
  const plan = planBatch(taken, options.limits, now)
  if (plan.settle.length > 0) {
    await transaction(db, async (trx) => {
      await lease.guard(trx)
      await settle(trx, datasetId, plan.settle)
    })
  }
  if (plan.send.length === 0) return 'more'

  const token = await getSecret(db, options.vault, `dataset:${datasetId}`, 'token')
  if (token === undefined) {
    await hold(
      options,
      dataset,
      lease,
      'reconnect',
      'No access token is stored for this dataset. Connect it to Meta again; its events are waiting.',
    )
    return {}
  }
  await lease.outlast(options.timeoutMs)
  const result = await options.graph.sendEvents(
    dataset.meta_id,
    token,
    plan.send.map((row) => row.payload),
  )
  return record(options, dataset, plan.send, result, lease)
}

/** Turns Meta's answer into outcomes, committed before anything else is sent. */
async function record(
  options: DeliveryOptions,
  dataset: Dataset,
  batch: readonly OutboxRow[],
  result: SendResult,
  lease: Lease,
): Promise<'more' | { again?: number }> {
  const { db, log } = options
  const guarded = (write: (trx: Database) => Promise<void>) =>
    transaction(db, async (trx) => {
      await lease.guard(trx)
      await write(trx)
    })
  if (result.kind === 'accepted') {
    const detail = {
      meta: { fbtraceId: result.fbtraceId, messages: result.messages.length > 0 ? result.messages : undefined, batch: batch.length },
    }
    await guarded(async (trx) => {
      await settle(
        trx,
        dataset.id,
        batch.map((row) => ({ row, outcome: 'sent' as const, detail })),
      )
      await recovered(trx, dataset)
    })
    return 'more'
  }
  if (result.kind === 'short') {
    log.warn({ dataset: dataset.id, sent: batch.length, received: result.received }, 'Meta confirmed fewer events than were sent')
    const again = batch.filter((row) => row.shortCounts === 0)
    const done = batch.filter((row) => row.shortCounts > 0)
    await guarded(async (trx) => {
      await countShort(trx, dataset.id, again)
      if (again.length > 0) await tally(trx, 'possible_doubles.short_count', again.length)
      const detail = { meta: { fbtraceId: result.fbtraceId, received: result.received, batch: batch.length } }
      await settle(
        trx,
        dataset.id,
        done.map((row): Outcome => ({ row, outcome: 'unconfirmed', reason: 'count_short', detail })),
      )
      if (done.length > 0) {
        await openNotice(trx, {
          workspaceId: dataset.workspace_id,
          subject: `dataset:${dataset.id}`,
          code: 'count_short',
          text: `Meta confirmed fewer events than were sent to dataset ${dataset.meta_id}, twice for the same events. They are marked unconfirmed; look at Diagnostics in Events Manager.`,
        })
      }
    })
    return 'more'
  }
  if (result.kind === 'silent') {
    await guarded(async (trx) => {
      if (result.bodySent) await tally(trx, 'possible_doubles.timeout', batch.length)
    })
    return { again: await backOff(options, dataset, retryDelay(dataset.failures), lease) }
  }
  return refused(options, dataset, batch, result.error, lease, guarded)
}

async function refused(
  options: DeliveryOptions,
  dataset: Dataset,
  batch: readonly OutboxRow[],
  error: GraphError,
  lease: Lease,
  guarded: (write: (trx: Database) => Promise<void>) => Promise<void>,
): Promise<'more' | { again?: number }> {
  const { log } = options
  const facts = {
    dataset: dataset.id,
    class: error.class,
    code: error.code,
    subcode: error.subcode,
    status: error.status,
    fbtraceId: error.fbtraceId,
  }
  log.warn({ ...facts, events: batch.length }, 'Meta refused a request')
  if (error.class === 'retry')
    return { again: await backOff(options, dataset, Math.max(error.waitMs ?? 0, retryDelay(dataset.failures)), lease) }
  if (error.class === 'throttle') {
    const wait = Math.max(error.waitMs ?? 0, throttleWait({}, dataset.failures))
    return { again: await backOff(options, dataset, wait, lease, error.scope === 'app' || error.scope === 'token') }
  }
  if (error.class === 'reconnect' || error.class === 'permission' || error.class === 'configuration') {
    await hold(options, dataset, lease, error.class, error.userText)
    return {}
  }
  if (batch.length > 1) {
    await guarded((trx) => narrow(trx, dataset.id, batch, Math.ceil(batch.length / 2)))
    return 'more'
  }
  return refusedAlone(options, dataset, batch[0] as OutboxRow, error, lease, guarded)
}

async function refusedAlone(
  options: DeliveryOptions,
  dataset: Dataset,
  row: OutboxRow,
  error: GraphError,
  lease: Lease,
  guarded: (write: (trx: Database) => Promise<void>) => Promise<void>,
): Promise<'more' | { again?: number }> {
  if (error.class === 'unknown') {
    const key = `${error.status}/${error.code ?? ''}/${error.subcode ?? ''}`
    const counted = await sql<{ unknown_error_count: number }>`
      update dataset set unknown_error_count = case when unknown_error = ${key} then unknown_error_count + 1 else 1 end, unknown_error = ${key}
      where id = ${dataset.id} returning unknown_error_count`.execute(options.db)
    if ((counted.rows[0]?.unknown_error_count ?? 0) >= STRANGE_LIMIT) {
      await hold(
        options,
        dataset,
        lease,
        'unknown_error',
        `Meta refuses one event after the other with an error we do not know (${key}): ${error.message} Sending is stopped so that no more events are lost.`,
      )
      return {}
    }
  }
  const detail = {
    meta: {
      code: error.code,
      subcode: error.subcode,
      status: error.status,
      title: error.title,
      message: error.message,
      fields: error.fields,
      fbtraceId: error.fbtraceId,
    },
  }
  await guarded((trx) => settle(trx, dataset.id, [{ row, outcome: 'rejected', reason: 'rejected_by_meta', detail }]))
  return 'more'
}

/** Nothing of this dataset is sent before the time returned (milliseconds since the epoch); `wide`: nor of its workspace's others. */
async function backOff(options: DeliveryOptions, dataset: Dataset, waitMs: number, lease: Lease, wide = false): Promise<number> {
  const until = (options.now?.() ?? Date.now()) + waitMs
  await transaction(options.db, async (trx) => {
    await lease.guard(trx)
    await sql`update dataset set failures = failures + 1 where id = ${dataset.id}`.execute(trx)
    await sql`
      update dataset set sleep_until = greatest(sleep_until, ${new Date(until)})
      where id = ${dataset.id} or (${wide} and workspace_id = ${dataset.workspace_id})`.execute(trx)
  })
  return until
}

/** Stops sending until the customer has acted; the events wait. */
async function hold(options: DeliveryOptions, dataset: Dataset, lease: Lease, reason: string, text: string): Promise<void> {
  await transaction(options.db, async (trx) => {
    await lease.guard(trx)
    await sql`
      update dataset set state = 'held', hold_reason = ${reason}, hold_text = ${text}, held_since = now() where id = ${dataset.id}`.execute(
      trx,
    )
    await openNotice(trx, { workspaceId: dataset.workspace_id, subject: `dataset:${dataset.id}`, code: reason, text })
  })
  options.log.error({ dataset: dataset.id, reason }, 'a dataset is held until somebody acts')
}

/** Meta accepted something: earlier trouble is over. */
async function recovered(trx: Database, dataset: Dataset): Promise<void> {
  await sql`
    update dataset set failures = 0, sleep_until = null, unknown_error = null, unknown_error_count = 0
    where id = ${dataset.id} and (failures > 0 or sleep_until is not null or unknown_error is not null)`.execute(trx)
}
