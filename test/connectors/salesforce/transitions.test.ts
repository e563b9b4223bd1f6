import t from 'tap'
import { type LeadFacts, leadStages, opportunityStages } from '../../../connectors/salesforce/transitions.ts'

const created = 1_000_000
const lead = (given: Partial<LeadFacts> = {}): LeadFacts => ({
  ...{ createdAt: created, modifiedAt: created, status: 'now', isConverted: false },
  ...given,
})
const row = (from: string | undefined, to: string | undefined, at: number) => ({ from, to, at: created + at })
const at = (reached: { stage: string; at: number }[]) => reached.map((one) => [one.stage, one.at - created])

t.test('a lead began where its earliest row says, else where it is', async (t) => {
  t.same(at(leadStages(lead({ modifiedAt: created + 9_000 }), [row('a', 'b', 5_000), row('b', 'c', 9_000)], true)), [
    ['a', 0],
    ['b', 5_000],
    ['c', 9_000],
  ])
  t.same(at(leadStages(lead({ modifiedAt: created + 9_000 }), [], true)), [['now', 0]])
  t.same(at(leadStages(lead({ modifiedAt: created + 9_000 }), [], false)), [], 'nobody kept what was before')
  t.same(at(leadStages(lead({ modifiedAt: created + 900 }), [], false)), [['now', 0]], 'untouched')
  t.same(leadStages(lead({ status: undefined }), [], true), [])
})

t.test('clearing a status is none, and a status that follows on itself is reached once', async (t) => {
  const rows = [row('a', undefined, 1_000), row(undefined, 'a', 2_000), row('a', 'a', 3_000), row('a', 'b', 4_000)]
  t.same(at(leadStages(lead(), rows, true)), [
    ['a', 0],
    ['b', 4_000],
  ])
})

t.test('a conversion without a row is dated by the opportunity it made, or not at all', async (t) => {
  const converted = { isConverted: true, modifiedAt: created + 9_000 }
  t.same(at(leadStages(lead({ ...converted, convertedAt: created + 8_000 }), [row('a', 'b', 1_000)], true)), [
    ['a', 0],
    ['b', 1_000],
    ['now', 8_000],
  ])
  t.same(at(leadStages(lead({ ...converted, convertedAt: created + 8_000 }), [row('a', 'now', 7_000)], true)).at(-1), ['now', 7_000])
  t.same(leadStages(lead(converted), [], true), [], 'what was before the conversion is unknown')
})

t.test('an opportunity reached what differs from the row before', async (t) => {
  const stage = (name: string, after: number) => ({ stage: name, at: created + after })
  const facts = { createdAt: created, stage: 'now' }
  t.same(at(opportunityStages(facts, [stage('a', 0), stage('a', 10_000), stage('b', 20_000), stage('b', 30_000), stage('a', 40_000)])), [
    ['a', 0],
    ['b', 20_000],
    ['a', 40_000],
  ])
  t.same(at(opportunityStages(facts, [])), [['now', 0]])
  t.same(at(opportunityStages(facts, [stage('b', 20_000)], [row('a', 'b', 20_000)])), [
    ['a', 0],
    ['b', 20_000],
  ])
  t.same(at(opportunityStages(facts, [stage('a', 20_000)], [row('a', 'b', 30_000)])), [['a', 0]], 'the first row was of something else')
  t.same(at(opportunityStages(facts, [stage('b', 20_000)])), [['b', 20_000]])
  t.same(at(opportunityStages(facts, [stage('b', 2_000)], [row('a', 'b', 2_000)])), [['b', 2_000]], 'written by the creation')
})
