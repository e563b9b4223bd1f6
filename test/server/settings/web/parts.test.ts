import t from 'tap'
import { rules } from '../../../../mappings/rules.ts'
import { writeInstant } from '../../../../server/settings/web/src/parts/write-instant.ts'
import { changed } from '../../../../server/settings/web/src/views/leads/changed.ts'
import { funnelOf } from '../../../../server/settings/web/src/views/overview/funnel-of.ts'
import { indent } from '../../../../server/settings/web/src/views/start/indent.ts'

t.test('an event is set in lines, and no digit of its lead id changes', async (t) => {
  const event = '{"user_data":{"lead_id":12345678901234567,"em":["a{b,\\"c"]},"empty":[],"ok":true}'
  const set = indent(event)
  t.match(set, /\n {4}"lead_id": 12345678901234567,\n/)
  t.match(set, /"a\{b,\\"c"/, 'a text stays as it is')
  t.equal(set.replace(/\s+(?=(?:[^"\\]|\\.|"(?:[^"\\]|\\.)*")*$)/g, ''), event, 'nothing but space was added')
})

t.test('an instant is written in the zone of the customer, and says which that is', async (t) => {
  t.equal(writeInstant('2026-11-14T23:32:00.000Z', 'Europe/Berlin'), '15 Nov 2026, 00:32 CET')
  t.equal(writeInstant('2026-11-14T23:32:00.000Z', 'America/New_York'), '14 Nov 2026, 18:32 GMT-5')
  t.match(writeInstant('2026-11-14T23:32:00.000Z', 'Nowhere/Atall'), /Nov 2026/, 'a zone that is not known')
})

t.test('rules that differ are sent, and one that is gone goes back to its default', async (t) => {
  const saved = rules.parse({ defaultCountry: 'DE', repeats: true })
  t.strictSame(changed(saved, saved), {})
  const { defaultCountry: _, ...wanted } = { ...saved, repeats: false }
  t.strictSame(changed(saved, wanted), { repeats: false, defaultCountry: null })
})

t.test('the funnel has the order of the mapping; what is sent no more comes last, what nobody reached is left out', async (t) => {
  const none = { covered: 0, captured: 0, capturedCovered: 0, sent: 0, unconfirmed: 0, rejected: 0, expired: 0, suppressed: 0 }
  const lines = ['Old', 'Won', 'Raw Lead', 'Empty'].map((name, n) => ({ value: name, name, leads: 3 - n, ...none }))
  const stages = [{ source: 's', stageId: 'w', label: '', eventName: 'Won', negative: false, sendAmount: false, state: 'live' as const }]
  const funnel = funnelOf({ lines }, { rawLead: { enabled: true, eventName: 'Raw Lead' }, stages })
  t.strictSame(funnel, [
    { name: 'Raw Lead', leads: 1 },
    { name: 'Won', leads: 2 },
    { name: 'Old', leads: 3 },
  ])
})
