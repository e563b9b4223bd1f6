import t from 'tap'
import { defaultTimeLimits, eventTime, judgeTime } from '../../mappings/event-time.ts'
import { day, now } from './example.ts'

const oldest = now - (7 * day - 600_000)

t.test('each instant has one outcome', async (t) => {
  const table: [string, number, number | undefined, object][] = [
    ['now', now, undefined, { kind: 'ok' }],
    ['seven days less ten minutes old', oldest, undefined, { kind: 'ok' }],
    ['one second older', oldest - 1000, undefined, { kind: 'refused', reason: 'too_old' }],
    ['one second younger', oldest + 1000, undefined, { kind: 'ok' }],
    ['when the lead was generated', now - 5000, now - 5000, { kind: 'ok' }],
    ['one second after', now - 4000, now - 5000, { kind: 'ok' }],
    ['one second before', now - 6000, now - 5000, { kind: 'refused', reason: 'before_lead' }],
    ['one second ahead', now + 1000, undefined, { kind: 'waits', reason: 'ahead_of_clock', until: now + 1000 }],
    ['five minutes ahead', now + 300_000, undefined, { kind: 'waits', reason: 'ahead_of_clock', until: now + 300_000 }],
    ['more than five minutes ahead', now + 300_001, undefined, { kind: 'refused', reason: 'in_future' }],
    ['an hour ahead', now + 3_600_000, undefined, { kind: 'refused', reason: 'in_future' }],
  ]
  for (const [name, occurredAt, leadGeneratedAt, verdict] of table) t.same(judgeTime(occurredAt, leadGeneratedAt, now), verdict, name)
})

t.test('limits can be set', async (t) => {
  t.same(judgeTime(now - 2000, undefined, now, { ...defaultTimeLimits, maxAgeMs: 1000 }), { kind: 'refused', reason: 'too_old' })
  t.same(judgeTime(now + 1, undefined, now, { ...defaultTimeLimits, maxFutureMs: 0 }), { kind: 'refused', reason: 'in_future' })
})

t.test('event_time is whole seconds, never later than the instant', async (t) => {
  t.equal(eventTime(1_790_000_000_999), 1_790_000_000)
  t.equal(eventTime(1_790_000_000_000), 1_790_000_000)
})
