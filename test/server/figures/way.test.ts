/** The way of a dataset, step by step. */
import t from 'tap'
import { type WayFacts, wayOf } from '../../../server/figures/way.ts'

const DAY = 86_400_000
const start = Date.parse('2026-11-01T10:00:00Z')
const tick = (after: number) => ({ by: 'ana', at: new Date(start + after * DAY) })
const at = (day: number, more: Partial<WayFacts> = {}): WayFacts => ({
  acceptedAt: new Date(start),
  days: Array.from({ length: Math.floor(day) + 1 }, (_, n) => new Date(start + n * DAY).toISOString().slice(0, 10)),
  now: start + day * DAY,
  held: null,
  ticks: {},
  ...more,
})
const states = (facts: WayFacts) => wayOf(facts).map(({ state }) => state)

t.test('each step waits for those before it, and for a person only where Meta alone shows it', async (t) => {
  const nothing = at(0, { acceptedAt: null, days: [] })
  t.strictSame(states(nothing), ['next', 'later', 'later', 'later', 'later', 'later'])
  t.strictSame(states(at(0)), ['done', 'next', 'waiting', 'waiting', 'waiting', 'later'])
  t.strictSame(states(at(1, { ticks: { seen: tick(0) } })), ['done', 'done', 'next', 'waiting', 'waiting', 'later'])
  t.strictSame(states(at(6)), ['done', 'next', 'next', 'done', 'next', 'later'])
  const ticks = { seen: tick(0), verified: tick(2), funnel: tick(7) }
  t.strictSame(states(at(9, { ticks })), ['done', 'done', 'done', 'done', 'done', 'waiting'])
  t.strictSame(states(at(40, { ticks: { ...ticks, learning: tick(40) } })), Array(6).fill('done'))
})

t.test('since when, by whom, and what to do', async (t) => {
  const steps = wayOf(at(9, { ticks: { seen: tick(0), funnel: tick(7) } }))
  t.match(steps[0], { step: 'accepted', since: '2026-11-01T10:00:00.000Z', next: null, onlyMetaShows: null })
  t.match(steps[1], { step: 'seen', tick: { by: 'ana' }, since: '2026-11-01T10:00:00.000Z', next: null })
  t.match(steps[2], { step: 'verified', since: '2026-11-02T10:00:00.000Z', tick: null, onlyMetaShows: /green tick/, next: /Diagnostics/ })
  t.match(steps[3], { step: 'seven_days', since: '2026-11-07', known: /10 days/ })
  t.match(steps[5], {
    step: 'learning',
    since: '2026-11-08T10:00:00.000Z',
    known: /2 days ago.*two to eight weeks/,
    next: /another dataset begins again/,
  })
  const began = (days: number) => wayOf(at(7 + days, { ticks: { funnel: tick(7) } }))[5]?.known
  t.match(began(0), /It began today;/)
  t.match(began(1), /It began a day ago;/)
  const held = wayOf(at(0, { acceptedAt: null, days: [], held: 'Connect it again.' }))
  t.match(held[0], { state: 'next', next: 'Connect it again.' })
})

t.test('days without events do not count, and an old event alone does not make a verified dataset', async (t) => {
  t.equal(wayOf(at(30, { days: ['2026-11-01', '2026-11-30'] }))[3]?.state, 'waiting')
  const week = Array.from({ length: 7 }, (_, n) => `2026-10-${25 + n}`)
  t.strictSame(states(at(0, { days: week })), ['done', 'next', 'waiting', 'done', 'next', 'later'])
})
