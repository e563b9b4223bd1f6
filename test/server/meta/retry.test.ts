import t from 'tap'
import { retryDelay } from '../../../server/meta/retry.ts'

t.test('the ceiling doubles from 30 seconds up to an hour', async (t) => {
  const almostOne = () => 1 - Number.EPSILON
  t.same(
    [1, 2, 3, 7, 8, 9, 1000].map((attempt) => Math.round(retryDelay(attempt, almostOne) / 1000)),
    [30, 60, 120, 1920, 3600, 3600, 3600],
  )
})

t.test('jitter is full: any delay up to the ceiling can come', async (t) => {
  t.equal(
    retryDelay(3, () => 0),
    0,
  )
  t.equal(
    retryDelay(3, () => 0.5),
    60_000,
  )
  for (let i = 0; i < 100; i++) t.ok(retryDelay(2) < 60_000)
})
