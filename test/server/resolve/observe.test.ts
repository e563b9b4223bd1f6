/** CRMs that only show where a record stands: when that is news, and when history tells the same later. */
import t from 'tap'
import type { Observation } from '../../../server/resolve/gather.ts'
import { matchAccounts } from '../../../server/resolve/match-accounts.ts'
import { newlyObserved, withReached } from '../../../server/resolve/observe.ts'

const seen = (stageId: string, occurredAt: number, source = 'status'): Observation => ({
  ref: { type: 'lead', id: '1' },
  stage: { source, stageId },
  occurredAt,
  occurredAtSource: 'field',
  origin: 'poll',
  receivedAt: 1_000,
})
const told = (stageId: string, occurredAt: number, source = 'status') => ({ stage: { source, stageId }, occurredAt })
const names = (fresh: readonly Observation[]) => fresh.map(({ stage, occurredAt }) => `${stage.stageId} ${occurredAt}`)

t.test('a stage is news where it is not the one that was known', async (t) => {
  const last = withReached(null, [told('new', 10)])
  t.strictSame(names(newlyObserved([seen('new', 20)], last, [])), [])
  t.strictSame(names(newlyObserved([seen('qualified', 20)], last, [])), ['qualified 20'])
  t.strictSame(names(newlyObserved([seen('new', 20)], null, [])), ['new 20'], 'on first sight every stage is')
})

t.test('sources are apart: each has a stage of its own', async (t) => {
  const last = withReached(null, [told('new', 10, 'status')])
  t.strictSame(names(newlyObserved([seen('new', 20, 'rating')], last, [])), ['new 20'])
  t.strictSame(withReached(last, [told('hot', 20, 'rating')]), {
    status: { stage: 'status//new', at: 10 },
    rating: { stage: 'rating//hot', at: 20 },
  })
})

t.test('several observations of one run go in the order of time, whatever order they come in', async (t) => {
  const observed = [seen('c', 30), seen('a', 10), seen('b', 20), seen('b', 25)]
  t.strictSame(names(newlyObserved(observed, null, [])), ['a 10', 'b 20', 'c 30'])
})

t.test('what the same run tells of otherwise is no news, and neither is what was overtaken', async (t) => {
  const run = [told('new', 5), told('won', 15)]
  t.strictSame(names(newlyObserved([seen('new', 10), seen('won', 20)], null, run)), [])
  t.strictSame(names(newlyObserved([seen('new', 4)], withReached(null, run), [])), [])
})

t.test('the last stages only move forward, and stay the same object where nothing does', async (t) => {
  const last = withReached(null, [told('b', 20), told('a', 10)])
  t.strictSame(last, { status: { stage: 'status//b', at: 20 } })
  t.equal(withReached(last, [told('a', 10)]), last)
})

t.test('history that tells when the record got to where it was seen is the same change', async (t) => {
  const known = { occurredAt: 35_000, origin: 'poll' as const, exact: false as const }
  const history = [10_000, 30_000].map((occurredAt) => ({ occurredAt, origin: 'history' as const }))
  const { fresh, joined } = matchAccounts([known], history, 1_000)
  t.strictSame(fresh, [history[0]], 'it was there before, too')
  t.strictSame(joined, [{ ...known, twin: 30_000 }])
  const again = matchAccounts([{ ...known, twin: 30_000 }], history.slice(1), 1_000)
  t.strictSame([again.fresh, again.joined], [[], []])
  const later = [{ occurredAt: 40_000, origin: 'history' as const }]
  t.strictSame(matchAccounts([known], later, 1_000).fresh, later, 'what came after it was seen is another change')
})

t.test('a change that was told exactly keeps its time against history', async (t) => {
  const exact = { occurredAt: 35_000, origin: 'stream' as const }
  const history = [{ occurredAt: 30_000, origin: 'history' as const }]
  t.strictSame(matchAccounts([exact], history, 1_000).fresh, history)
})
