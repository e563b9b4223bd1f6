/** CRMs that cannot be asked show a little with every change: it adds up. */
import t from 'tap'
import type { RecordSnapshot, Signal } from '../../../connectors/connector.ts'
import { rules } from '../../../mappings/rules.ts'
import { gatherWork } from '../../../server/resolve/gather.ts'
import { profileOf } from '../../../server/resolve/profile.ts'

const ref = { type: 'record', id: '1' }
const now = Date.now()
const shown = (occurredAt: number, more: Partial<RecordSnapshot>): { signal: Signal; receivedAt: number } => ({
  signal: { kind: 'shown', ref, occurredAt, snapshot: { ref, found: true, partial: true, stages: [], fields: {}, ...more } },
  receivedAt: now,
})
const snapshot = (...signals: ReturnType<typeof shown>[]) => gatherWork(signals).shown.get('record/1')

t.test('changes of one run add up, the newer one counts, whatever order they come in', async (t) => {
  const older = shown(1_000, {
    createdAt: 5,
    identity: { metaLeadId: '123456789012345', emails: ['old@example.com'] },
    fields: { a: '1', b: '1' },
  })
  const newer = shown(2_000, { identity: { emails: ['new@example.com'] }, fields: { b: '2' }, amount: { value: 7 } })
  const expected = {
    createdAt: 5,
    identity: { metaLeadId: '123456789012345', emails: ['new@example.com'] },
    fields: { a: '1', b: '2' },
    amount: { value: 7 },
  }
  t.match(snapshot(older, newer), expected)
  t.match(snapshot(newer, older), expected)
  t.same(snapshot(older, shown(2_000, { partial: false, fields: { c: '3' } }))?.identity, undefined, 'a whole one replaces what was before')
})

t.test('a partial snapshot adds to the profile, a whole one replaces it', async (t) => {
  const all = rules.parse({})
  const first = profileOf(
    { ref, found: true, stages: [], fields: { a: '1' }, identity: { metaLeadId: '123456789012345', emails: ['a@example.com'] } },
    null,
    all,
    now,
  )
  const more = { ref, found: true, partial: true, stages: [], fields: { b: '2' }, identity: { phones: ['+4915112345678'] } }
  const both = profileOf(more, first, all, now)
  t.match(both, { fields: { a: '1', b: '2' }, identity: { userData: { lead_id: '123456789012345', em: [/./], ph: [/./] } } })
  t.same(Object.keys(profileOf({ ...more, partial: false }, both, all, now).identity?.userData ?? {}), ['ph'])
  t.same(profileOf({ ...more, identity: undefined }, both, all, now).identity, both.identity, 'nothing shown, nothing lost')
})

t.test('contact data taken under another rule does not outlive lead-id-only', async (t) => {
  const snapshot = {
    ref,
    found: true,
    partial: true,
    stages: [],
    fields: {},
    identity: { metaLeadId: '123456789012345', emails: ['a@example.com'] },
  }
  const known = profileOf(snapshot, null, rules.parse({}), now)
  const strict = rules.parse({ whichLeads: 'lead_id_only' })
  t.same(profileOf({ ...snapshot, identity: {} }, known, strict, now).identity?.userData, { lead_id: '123456789012345' })
})
