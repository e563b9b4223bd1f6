/**
 * The life of leads, lived at random and judged by a model: contacts move, get lead ids, merge and ask to be forgotten, while
 * two processes resolve, deliver and read the history in any order, die in the middle of any statement, and are paused; pushes
 * come late, twice, or not at all. Once everything has settled, Meta has been told what the model says, each event once, at its
 * own time; and telling the whole story again changes nothing.
 */
import fc from 'fast-check'
import t from 'tap'
import { holds } from './holds.ts'
import { type Step, stages, startLife } from './life.ts'

const who = fc.nat({ max: 11 })
const worker = fc.nat({ max: 1 })
const kind = fc.constantFrom('resolve', 'deliver', 'reconcile')
const how = fc.constantFrom('answer', 'drop', 'lost')
const of = <Name extends Step['do'], Rest extends object>(name: Name, rest: { [Key in keyof Rest]: fc.Arbitrary<Rest[Key]> }) =>
  fc.record({ do: fc.constant(name), ...rest }) as unknown as fc.Arbitrary<Step>
const step = fc.oneof(
  { weight: 10, arbitrary: of('create', { lead: fc.nat({ max: 3 }).map((n) => n > 0) }) },
  { weight: 24, arbitrary: of('move', { who, stage: fc.constantFrom(...stages) }) },
  { weight: 3, arbitrary: of('giveLeadId', { who }) },
  { weight: 2, arbitrary: of('merge', { who, other: who, newRecord: fc.boolean() }) },
  { weight: 1, arbitrary: of('erase', { who }) },
  { weight: 1, arbitrary: of('switch', {}) },
  { weight: 1, arbitrary: of('pause', {}) },
  { weight: 3, arbitrary: of('trouble', { how }) },
  { weight: 20, arbitrary: of('push', { worker, from: fc.nat(), many: fc.nat({ max: 8 }), again: fc.boolean() }) },
  { weight: 30, arbitrary: of('run', { worker, kind }) },
  { weight: 8, arbitrary: of('crash', { worker, statements: fc.nat({ max: 40 }), heard: fc.boolean() }) },
  { weight: 8, arbitrary: of('wait', {}) },
)

t.test('the life of leads', async (t) => {
  const totals = { steps: 0, changes: 0, crashes: 0, events: 0, doubled: 0 }
  const life = fc.asyncProperty(fc.array(step, { minLength: 60, maxLength: 150 }), async (steps) => {
    await t.test('one life', async (t) => {
      const life = await startLife(t)
      for (const one of steps) await life.take(one)
      await life.settle()
      await life.judge(t)
      for (const name of Object.keys(totals) as (keyof typeof totals)[]) totals[name] += life.counts[name]
    })
    return t.passing()
  })
  await holds(t, 12, life, { shrink: false })
  const { steps, changes, crashes, events, doubled } = totals
  t.comment(`steps ${steps}, changes ${changes}, crashes ${crashes}, events ${events}, doubled ${doubled}`)
})
