import type { Database } from '../../../server/database/pool.ts'
import { transaction } from '../../../server/database/transaction.ts'
import { dueDays } from '../../../server/figures/due-days.ts'
import { rollDays } from '../../../server/figures/roll-days.ts'
import { withLease } from '../../../server/schedule/lease.ts'
import { until } from '../../support/app.ts'

/** Rolls up the last two months now, beside a server that does it by itself. Returns how many figures changed. */
export async function roll(db: Database): Promise<number> {
  let changed = 0
  await until(async () => {
    const held = await withLease(db, 'figures', async () => {
      for (const { from, to } of dueDays([], Date.now(), 60, 0)) changed += await transaction(db, (trx) => rollDays(trx, from, to))
    })
    return held.ran
  }, 60_000)
  return changed
}
