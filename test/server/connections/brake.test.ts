import t from 'tap'
import { createBrake } from '../../../server/connections/brake.ts'
import { Budget } from '../../simulators/meta/lead-ads/budget.ts'

/** Asks for as much as the brake lets through, one request of `ms` after the other, for so long. No real time passes. */
function ask(options: { calls: number; perMs: number }, forMs: number, ms = 20) {
  let now = 0
  let rest = 0
  const budget = new Budget({ ...options, blockMs: 60_000 }, now)
  const brake = createBrake(0.95, {
    pause: (pauseMs) => {
      rest = pauseMs
    },
  })
  while (now < forMs) {
    now += ms
    budget.take(1, now)
    rest = 0
    brake.note(budget.standing(now).percent / 100)
    now += rest
  }
  return { ...budget, share: budget.taken / (options.calls + (options.calls * now) / options.perMs) }
}

t.test('whatever the budget and its pace, it is used up to the last twentieth, and never over', async (t) => {
  for (const [calls, perMs, forMs] of [
    [100, 5_000, 60_000],
    [100, 20_000, 60_000],
    [60, 300_000, 1_200_000],
    [200, 3_600_000, 14_400_000],
    [9_000, 300_000, 1_200_000],
  ] as const) {
    const { share, refused } = ask({ calls, perMs }, forMs)
    t.ok(share >= 0.95 && refused === 0, `${calls} calls in ${perMs / 1000} s: ${(share * 100).toFixed(1)} % used, ${refused} refused`)
  }
})

t.test('answers that tell nothing, or of room, hold nothing up', async (t) => {
  const pauses: number[] = []
  const brake = createBrake(0.95, { pause: (ms) => void pauses.push(ms) })
  for (const used of [undefined, 0.1, 0.95, undefined]) brake.note(used)
  t.same(pauses, [])
  for (const used of [0.96, 0.98, 1, 0.5]) brake.note(used)
  t.same(pauses.map(Math.round), [480, 38_880, 300_000])
})
