/** Which stage suits: every condition on its own, and what is recommended. */
import t from 'tap'
import { coverageOf } from '../../../server/figures/coverage.ts'
import { describeHours, type Evidence, judgeStages } from '../../../server/figures/suitability.ts'

/** Meta's own example: of a hundred leads seventy, thirty and fifteen go on. */
const guide = (leads: number): Evidence => ({
  matureLeads: leads,
  monthDays: 30,
  monthLeads: 240,
  coverage: coverageOf({ leads: 240, covered: 200, captured: 240, capturedCovered: 200 }, true),
  sentNames: 4,
  stages: (
    [
      ['Raw Lead', 1, 0],
      ['Contacted', 0.7, 5],
      ['Qualified', 0.3, 26],
      ['Converted', 0.15, 34],
    ] as const
  ).map(([eventName, share, bucket]) => ({ eventName, delays: { [bucket]: leads * share }, covered: leads * share })),
})
const states = (evidence: Evidence, stage: string) => {
  const { stages, common } = judgeStages(evidence)
  const own = stages.find(({ eventName }) => eventName === stage)?.conditions ?? []
  return Object.fromEntries([...own, ...common].map(({ name, state }) => [name, state]))
}

t.test('the deepest stage that meets everything is recommended, with its reason', async (t) => {
  const judged = judgeStages(guide(100))
  t.equal(judged.recommended, 'Converted')
  t.match(judged.text, /"Converted" is the deepest.*15 % of 100 leads.*within 12 days.*Events Manager/)
  t.strictSame(
    judged.stages.map(({ eventName, share, fits }) => [eventName, share, fits]),
    [
      ['Raw Lead', 1, false],
      ['Contacted', 0.7, false],
      ['Qualified', 0.3, true],
      ['Converted', 0.15, true],
    ],
  )
  t.equal(judged.stages[3]?.perMonth, 36)
})

t.test('a share that nobody can tell yet is no share', async (t) => {
  const judged = judgeStages(guide(20))
  t.strictSame([judged.recommended, judged.closest], [null, null])
  t.match(judged.text, /not enough data yet: 20 leads/)
  t.equal(states(guide(20), 'Converted').conversion, 'too_little_data')
  t.match(judgeStages({ ...guide(0), stages: [] }).text, /not enough data yet: 0 leads/)
})

t.test('a deep stage that takes too long, or is reached too seldom, gives way to the one before', async (t) => {
  const slow = guide(1000)
  const stages = slow.stages.with(3, { eventName: 'Converted', delays: { 51: 120, 34: 30 }, covered: 150 })
  t.equal(judgeStages({ ...slow, stages }).recommended, 'Qualified')
  t.strictSame(states({ ...slow, stages }, 'Converted').time, 'not_met')
  const seldom = slow.stages.with(3, { eventName: 'Converted', delays: { 34: 1 }, covered: 1 })
  t.equal(judgeStages({ ...slow, stages: seldom }).recommended, 'Qualified')
  t.match(states({ ...slow, stages: seldom }, 'Converted'), { conversion: 'not_met', time: 'too_little_data' })
})

t.test('what the campaign or the reporting is short of is said, and nothing is recommended', async (t) => {
  const cases: [what: Partial<Evidence>, condition: string, state: string, words: RegExp][] = [
    [{ monthLeads: 120 }, 'volume', 'not_met', /120 leads came in the last 30 days.*about 200/],
    [{ monthLeads: 120, monthDays: 12 }, 'volume', 'too_little_data', /120 leads came in the first 12 days/],
    [{ monthLeads: 1, monthDays: 1 }, 'volume', 'too_little_data', /^.*: .*1 lead came in the first day\./],
    [{ monthLeads: 0, monthDays: 0 }, 'volume', 'too_little_data', /No day has been counted whole yet/],
    [{ sentNames: 1 }, 'stages', 'not_met', /1 stage was reported/],
    [
      { coverage: coverageOf({ leads: 240, covered: 100, captured: 240, capturedCovered: 100 }, true) },
      'coverage',
      'not_met',
      /Of 240 leads that Meta generated, 100 had an event sent \(42 %\).*60 %/,
    ],
    [
      { coverage: coverageOf({ leads: 240, covered: 240, captured: 0, capturedCovered: 0 }, false) },
      'coverage',
      'too_little_data',
      /No Facebook page is connected, so how many leads Meta generated is not known/,
    ],
    [
      { coverage: coverageOf({ leads: 10, covered: 10, captured: 10, capturedCovered: 10 }, true) },
      'coverage',
      'too_little_data',
      /too few leads to go by/,
    ],
  ]
  for (const [what, condition, state, words] of cases) {
    const evidence = { ...guide(100), ...what }
    const judged = judgeStages(evidence)
    t.equal(states(evidence, 'Converted')[condition], state, condition)
    t.strictSame([judged.recommended, judged.closest], [null, 'Converted'])
    t.match(judged.text, words)
  }
  const enough = { ...guide(100), monthLeads: 210, monthDays: 12 }
  t.equal(states(enough, 'Converted').volume, 'met', 'who has enough in less than a month has enough')
})

t.test('where all go on or none does, a stage in between is missing', async (t) => {
  const evidence = guide(1000)
  const judged = judgeStages({ ...evidence, stages: evidence.stages.slice(0, 2) })
  t.equal(judged.recommended, null)
  t.match(judged.text, /map one more stage/)
})

t.test('times are told as people do', async (t) => {
  t.strictSame([0.2, 1.4, 47, 49, 27 * 24, null].map(describeHours), [
    '1 hour',
    '1 hour',
    '47 hours',
    '2 days',
    '27 days',
    'more than 28 days',
  ])
})
