import t from 'tap'
import { createForecast } from '../../../server/backfill/forecast.ts'
import type { LedgerEntry } from '../../../server/resolve/ledger.ts'

const entry = (eventId: string, outcome: LedgerEntry['outcome'], reason: string | null, stageKey = 'lifecyclestage//lead') =>
  ({ occurredAt: 1, eventId, outcome, reason, stageKey }) as LedgerEntry

t.test('a change that several pages tell of counts once, by its first decision', async (t) => {
  const forecast = createForecast()
  const page = (stages: number, ...entries: LedgerEntry[]) => forecast.add({ records: 2 }, { stages, refused: 1, entries })
  page(3, entry('a', 'pending', null), entry('b', 'waiting', 'waiting_for_lead'), entry('c', 'suppressed', 'too_old', 'raw_lead'))
  page(2, entry('a', 'suppressed', 'already_reached'), entry('b', 'pending', null))
  t.strictSame(forecast.sum(), {
    records: 4,
    stages: 5,
    refused: 2,
    counts: [
      { outcome: 'pending', reason: null, rawLead: false, count: 2 },
      { outcome: 'suppressed', reason: 'too_old', rawLead: true, count: 1 },
    ],
  })
})
