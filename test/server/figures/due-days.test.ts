/** Which days are rolled up again, and when. */
import t from 'tap'
import { dueDays, halves, type RolledDay } from '../../../server/figures/due-days.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const now = Date.parse('2026-11-22T12:00:00Z')
const daysOf = (from: string, to: string) => {
  const days: string[] = []
  for (let at = Date.parse(from); at <= Date.parse(to); at += 24 * HOUR) days.push(new Date(at).toISOString().slice(0, 10))
  return days
}
const rolled = (ago: number, { tookMs = 0, final = false } = {}): RolledDay[] =>
  daysOf('2026-08-20', '2026-11-23').map((day) => ({ day, rolledAt: now - ago, tookMs, final }))
const due = (days: readonly RolledDay[]) =>
  dueDays(days, now, 90, 0)
    .flatMap(({ from, to }) => daysOf(from, to))
    .sort()

t.test('at first all that the ledger holds, the latest first, a week at a time at most', async (t) => {
  const spans = dueDays([], now, 90, 0)
  t.strictSame(spans[0], { from: '2026-11-17', to: '2026-11-23' }, 'in some places it is tomorrow already')
  t.equal(spans.at(-1)?.from, '2026-08-26', 'what the ledger holds only in part is left as it is')
  t.equal(due([]).length, new Set(due([])).size)
  t.ok(spans.every(({ from, to }) => daysOf(from, to).length <= 7))
})

t.test('the days of now every minute, those of which events may go out every hour, the others once a day', async (t) => {
  t.strictSame(due(rolled(50_000)), [])
  t.strictSame(due(rolled(MINUTE)), daysOf('2026-11-21', '2026-11-23'))
  t.strictSame(due(rolled(HOUR)), daysOf('2026-11-14', '2026-11-23'))
  t.strictSame(due(rolled(24 * HOUR)), daysOf('2026-08-26', '2026-11-23'))
})

t.test('what takes long is done less often, and what the ledger has let go of never again', async (t) => {
  t.strictSame(due(rolled(2 * MINUTE, { tookMs: 6_000 })), [])
  t.strictSame(due(rolled(11 * MINUTE, { tookMs: 6_000 })), daysOf('2026-11-21', '2026-11-23'))
  t.strictSame(due(rolled(1000 * HOUR, { final: true })), [])
})

t.test('nothing is looked for before the first that there is', async (t) => {
  t.strictSame(dueDays([], now, 90, undefined), [])
  t.strictSame(dueDays([], now, 90, Date.parse('2026-11-21T20:00:00Z')), [{ from: '2026-11-21', to: '2026-11-23' }])
  t.equal(dueDays([], now, 90, Date.parse('2026-11-21T05:00:00Z'))[0]?.from, '2026-11-20', 'in some places it is the day before')
})

t.test('a span that is too long is two', async (t) => {
  t.strictSame(halves({ from: '2026-11-17', to: '2026-11-23' }), [
    { from: '2026-11-21', to: '2026-11-23' },
    { from: '2026-11-17', to: '2026-11-20' },
  ])
  t.strictSame(halves({ from: '2026-11-17', to: '2026-11-18' }), [
    { from: '2026-11-18', to: '2026-11-18' },
    { from: '2026-11-17', to: '2026-11-17' },
  ])
})
