/**
 * Test events: where Meta does not show a dataset to its token, an event of a real lead tells whether it takes events with it.
 * Meta keeps a test event and counts it like any other (Conversions API, using the API), so it is no other: it goes under its own
 * id and time, once, and what comes of it stands in the ledger. The code only shows it in Events Manager's test view.
 */
import type { Row } from '../database/tables.ts'
import type { Trx } from '../database/transaction.ts'
import { audit, system } from '../settings/caller.ts'

/** The code under which the next event of a dataset goes, while it is good. `now` in milliseconds. Pure. */
export function testCodeOf({ test_event_code, test_event_until }: Row<'dataset'>, now: number): string | undefined {
  return test_event_code !== null && test_event_until !== null && test_event_until.getTime() > now ? test_event_code : undefined
}

/** Meta took the event: the access is good, and those that follow go without the code. The caller holds the lease. */
export async function passTest(trx: Trx, { id, workspace_id: workspaceId, meta_id }: Row<'dataset'>, code: string): Promise<void> {
  const passed = { test_event_code: null, test_event_until: null, token_checked_at: new Date() }
  await trx.updateTable('dataset').set(passed).where('id', '=', id).where('test_event_code', '=', code).execute()
  await audit(trx, system, { workspaceId, action: 'dataset.tested', subject: `dataset:${id}`, detail: { metaId: meta_id } })
}
