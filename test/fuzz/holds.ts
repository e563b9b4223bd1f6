/** Runs a property many times, with a seed that repeats it. */
import fc, { type IAsyncProperty, type IProperty } from 'fast-check'
import type { Test } from 'tap'

/** `FULL=1` runs everything so many times as often. */
const FULL = 20

/**
 * Fails the test with the smallest counterexample found. `SEED=` repeats a run; `RUNS=` sets how many there are.
 * @param usual runs in a small budget
 * @param options.shrink whether a counterexample is made smaller; off where no two runs are quite the same
 */
export async function holds<Value>(
  t: Test,
  usual: number,
  property: IProperty<Value> | IAsyncProperty<Value>,
  { shrink = true } = {},
): Promise<void> {
  const seed = Number(process.env.SEED ?? 1 + Math.floor(Math.random() * 1_000_000))
  const numRuns = Number(process.env.RUNS ?? usual * (process.env.FULL ? FULL : 1))
  const found = await fc.check<Value>(property as IAsyncProperty<Value>, { seed, numRuns, endOnFailure: !shrink })
  t.comment(`fuzzed: ${found.numRuns} runs (SEED=${seed} repeats them)`)
  if (found.failed) t.fail(`a counterexample was found; SEED=${seed} repeats it`, { found: await fc.asyncDefaultReportMessage(found) })
  else t.ok(found.numRuns >= numRuns, `held ${found.numRuns} times`)
}
