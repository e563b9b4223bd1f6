/** How long stages take, as counts: adding up, and the median in them. */
import t from 'tap'
import { addDelays, medianHours, within28Days } from '../../../server/figures/delays.ts'

t.test('the median lies where half of them are', async (t) => {
  const cases: [delays: Record<string, number>, median: number | null, why: string][] = [
    [{}, null, 'nothing has none'],
    [{ 0: 1 }, 0.5, 'one within the first hour'],
    [{ 3: 10 }, 3.5, 'the middle of the hour that holds all'],
    [{ 0: 1, 23: 3 }, 23 + 1 / 3, 'a third into the last hour of the day'],
    [{ 24: 2 }, 36, 'the first bucket of days is the second day'],
    [{ 50: 2 }, 27.5 * 24, 'the last is the 28th'],
    [{ 1: 1, 51: 3 }, null, 'most took more than 28 days'],
    [{ 1: 3, 51: 1 }, 1 + 2 / 3, 'what took longer counts too'],
    [{ 10: 1, 9: 1 }, 10, 'in order of time, not of the alphabet'],
  ]
  for (const [delays, median, why] of cases) t.equal(medianHours(delays), median, why)
})

t.test('days add up', async (t) => {
  t.strictSame(addDelays({ 1: 2, 3: 1 }, { 3: 4, 51: 1 }), { 1: 2, 3: 5, 51: 1 })
  t.strictSame(addDelays({ 1: 2 }, null), { 1: 2 })
  t.equal(within28Days({ 0: 2, 50: 3, 51: 4 }), 5)
})
