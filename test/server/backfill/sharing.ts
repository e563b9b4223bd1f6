import type { BackfillState } from '../../../server/database/tables.ts'
import type { Caller } from '../../../server/settings/caller.ts'
import { type TestApp, until } from '../../support/app.ts'

export const DAY = 86_400_000
const MINUTE = 60_000

export const callerOf = (it: Pick<TestApp, 'db'>): Caller => ({ db: it.db, actor: 'test' })

/** Contacts with Meta lead ids that went from lead over MQL to customer, a minute apart. Returns their ids. */
export function people(it: Pick<TestApp, 'hubspot'>, count: number, at: number, firstLeadId = 101_000_000_000_000): string[] {
  return Array.from({ length: count }, (_, index) => {
    const { id } = it.hubspot.create({
      type: 'contact',
      at: at + index,
      properties: { lifecyclestage: 'lead', meta_lead_id: String(firstLeadId + index) },
    })
    it.hubspot.change({ type: 'contact', id, at: at + MINUTE + index, properties: { lifecyclestage: 'marketingqualifiedlead' } })
    it.hubspot.change({ type: 'contact', id, at: at + 2 * MINUTE + index, properties: { lifecyclestage: 'customer' } })
    return id
  })
}

/** Waits until a backfill is in this state. */
export const state = (it: Pick<TestApp, 'db'>, id: number, wanted: BackfillState): Promise<void> =>
  until(async () => {
    const row = await it.db.selectFrom('backfill').select(['state', 'error_text']).where('id', '=', id).executeTakeFirstOrThrow()
    if (row.state === 'failed' && wanted !== 'failed') throw new Error(row.error_text ?? 'failed')
    return row.state === wanted
  })

/** Waits until everything has been handled and sent. */
export const settle = (it: Pick<TestApp, 'settled'>): Promise<void> => it.settled()
