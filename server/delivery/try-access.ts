/** Trying an access before it is kept, with a test event (see `test-event.ts`). */
import type { Row } from '../database/tables.ts'
import { transaction } from '../database/transaction.ts'
import type { DatasetAccess } from '../meta/app.ts'
import type { SendResult } from '../meta/graph-client.ts'
import { withLease } from '../schedule/lease.ts'
import { decide } from './decide.ts'
import { carryOut, type DeliveryOptions, stateOf } from './deliver.ts'
import { takeRows } from './outbox.ts'
import { planBatch } from './plan-batch.ts'

/** `nothing`: no event of a real lead waits for the dataset. `busy`: events are being sent to it just now, or Meta asked to wait. */
export type Trial = SendResult | { kind: 'nothing' } | { kind: 'busy' }

/**
 * Sends the oldest event that waits for a dataset with an access that is not its own yet. What came of it is recorded, unless the
 * access may be at fault: then the event waits on.
 */
export async function tryAccess(
  { db, graph, limits, timeoutMs, meter, now = Date.now }: Omit<DeliveryOptions, 'vault' | 'log'>,
  dataset: Row<'dataset'>,
  access: DatasetAccess,
  testEventCode: string,
): Promise<Trial> {
  if (dataset.sleep_until !== null && dataset.sleep_until.getTime() > now()) return { kind: 'busy' }
  const held = await withLease(db, `deliver:${dataset.id}`, async (lease): Promise<Trial> => {
    const taken = await takeRows(db, dataset.id, limits.batchLimit)
    const batch = planBatch(taken, { ...limits, batchLimit: 1 }, now()).send
    if (batch[0] === undefined) return { kind: 'nothing' }
    await lease.outlast(timeoutMs)
    const result = await graph.sendEvents(dataset.meta_id, access.token, [batch[0].payload], { ...access, testEventCode })
    if (result.kind === 'refused' && !isUnderstood(result)) return result
    const decision = decide(stateOf(dataset), batch, result)
    await transaction(db, async (trx) => {
      await lease.guard(trx)
      await carryOut(trx, dataset, batch, decision, decision.sleep && now() + decision.sleep.ms)
    })
    meter?.entries(decision.settle)
    return result
  })
  return held.ran ? held.value : { kind: 'busy' }
}

/** Whether Meta accepted the access, and refused the event itself. */
export const isUnderstood = (result: SendResult): boolean =>
  result.kind === 'refused' && result.error.class === 'payload' && result.error.known
