/** What a sample says of a share. */
import t from 'tap'
import { judgeShare, percent, shareInterval } from '../../../server/figures/share.ts'

const bounds = { min: 0.01, max: 0.4, least: 50 }

t.test('a share is judged only where the sample is clear', async (t) => {
  const cases: [count: number, sample: number, verdict: string][] = [
    [15, 100, 'met'],
    [30, 100, 'met'],
    [36, 100, 'too_little_data'],
    [70, 100, 'not_met'],
    [100, 100, 'not_met'],
    [10, 49, 'too_little_data'],
    [10, 50, 'met'],
    [0, 100, 'too_little_data'],
    [0, 1000, 'not_met'],
    [3900, 10_000, 'met'],
    [0, 0, 'too_little_data'],
  ]
  for (const [count, sample, verdict] of cases) t.equal(judgeShare(count, sample, bounds), verdict, `${count} of ${sample}`)
})

t.test('the interval holds the share, and narrows with the sample', async (t) => {
  for (const [count, sample] of [
    [0, 5],
    [5, 5],
    [1, 3],
    [150, 1000],
  ] as const) {
    const { low, high } = shareInterval(count, sample)
    t.ok(low >= 0 && low <= count / sample && high >= count / sample && high <= 1)
  }
  const few = shareInterval(15, 100)
  const many = shareInterval(150, 1000)
  t.ok(many.high - many.low < few.high - few.low)
  // Wilson's interval for 15 of 100, as statistics books have it.
  t.equal(few.low.toFixed(3), '0.093')
  t.equal(few.high.toFixed(3), '0.233')
  t.strictSame([percent(0), percent(0.004), percent(0.5), percent(1)], ['0 %', '0.4 %', '50 %', '100 %'])
})
