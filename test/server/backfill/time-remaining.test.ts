import t from 'tap'
import { timeRemaining } from '../../../server/backfill/time-remaining.ts'

t.test('the time that remains follows from the speed since the last start', async (t) => {
  const it = { total: 100, records: 30, resumedAt: 1_000, resumedRecords: 10 }
  t.equal(timeRemaining(it, 3_000), 7_000, '20 records in 2 s, 70 to go')
  t.equal(timeRemaining({ ...it, records: 120 }, 3_000), 0)
  t.equal(timeRemaining({ ...it, records: 10 }, 3_000), undefined, 'nothing read yet')
  t.equal(timeRemaining(it, 1_000), undefined)
})
