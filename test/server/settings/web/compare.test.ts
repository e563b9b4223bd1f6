import t from 'tap'
import { differences, merge } from '../../../../server/settings/web/src/views/stages/compare.ts'
import { changeLine, type Line, moveLine, removeLine } from '../../../../server/settings/web/src/views/stages/draft.ts'

const line = (stageId: string, eventName: string | null, more: Partial<Line> = {}): Line => ({
  ...{ source: 'status', stageId, label: stageId.toUpperCase(), eventName, negative: false, sendAmount: false },
  ...more,
})
const base = {
  rawLead: { enabled: true, eventName: 'Raw Lead' },
  stages: [line('a', 'A'), line('off', null), line('b', 'B'), line('lost', null, { negative: true }), line('c', 'C')],
}
const reported = ({ stages }: typeof base) => stages.flatMap(({ stageId, eventName }) => (eventName === null ? [] : stageId)).join(' ')

t.test('what somebody changed is told in words', async (t) => {
  t.strictSame(differences(base, base), [])
  t.strictSame(differences(base, changeLine(base, line('b', 'B'), { eventName: 'Better', sendAmount: true })), [
    'B: “B” → “Better”, with the amount',
  ])
  t.strictSame(differences(base, changeLine(base, line('off', null), { eventName: 'Off' })), ['OFF: Not reported → “Off”'])
  t.strictSame(differences(base, removeLine(base, line('c', 'C'))), ['C: “C” → Not reported'], 'its going is no change of the order')
  t.strictSame(differences(base, removeLine(base, line('off', null))), [], 'what was not reported is not reported')
  t.strictSame(differences(base, { ...base, rawLead: { enabled: false, eventName: 'x' } }), ['Every new lead: “Raw Lead” → Not reported'])
  t.strictSame(differences(base, moveLine(base, line('c', 'C'), -1)), ['Order: A, B, C → A, C, B'])
  t.strictSame(differences(base, changeLine(base, line('a', 'A'), { label: 'New' })), [], 'a label is the CRM’s')
})

t.test('changes of two people go together where they do not touch', async (t) => {
  const mine = moveLine(changeLine(base, line('a', 'A'), { eventName: 'Mine' }), line('c', 'C'), -1)
  const theirs = changeLine(changeLine(base, line('b', 'B'), { eventName: 'Theirs' }), line('off', null), { eventName: 'Off' })
  const { mapping, conflicts } = merge({ base, mine, theirs })
  t.strictSame(conflicts, [])
  t.strictSame(
    mapping.stages.map(({ eventName }) => eventName),
    ['Mine', 'Off', 'C', 'Theirs', null],
  )
  t.strictSame(merge({ base, mine: theirs, theirs: mine }).mapping.stages.filter(({ eventName }) => eventName !== null).length, 4)
  t.strictSame(merge({ base, mine: base, theirs }).mapping, theirs)
  t.strictSame(merge({ base, mine, theirs: base }).mapping, mine)
  t.strictSame(merge({ base, mine, theirs: mine }).conflicts, [], 'both wanted the same')
})

t.test('where both changed the same, somebody chooses', async (t) => {
  const mine = moveLine(changeLine(base, line('a', 'A'), { eventName: 'Mine' }), line('c', 'C'), -1)
  const theirs = moveLine(removeLine(base, line('a', 'A')), line('b', 'B'), 1)
  const both = merge({ base, mine, theirs })
  t.strictSame(both.conflicts, [{ key: both.conflicts[0]?.key, what: 'A', mine: '“Mine”', theirs: 'Not reported' }])
  t.equal(reported(both.mapping), 'c b', 'theirs, as long as nobody chose')
  const chosen = merge({ base, mine, theirs }, { [both.conflicts[0]?.key ?? '']: 'mine' })
  t.equal(reported(chosen.mapping), 'a c b')
  t.equal(chosen.conflicts.length, 1)

  const other = moveLine(base, line('b', 'B'), -1)
  const order = merge({ base, mine, theirs: other })
  t.match(order.conflicts, [{ what: 'Order', mine: 'A, C, B', theirs: 'B, A, C' }])
  t.equal(reported(order.mapping), 'b a c')
  t.equal(reported(merge({ base, mine, theirs: other }, { order: 'mine' }).mapping), 'a c b')
})

t.test('what only one of two has gets the place that it had there', async (t) => {
  const stages = (...ids: string[]) => ({ ...base, stages: ids.map((id) => line(id, id)) })
  const woven = merge({ base: stages('a', 'b'), mine: stages('a', 'm', 'b'), theirs: stages('t', 'a', 'b', 'u') })
  t.equal(reported(woven.mapping), 't a m b u')
  t.strictSame(woven.conflicts, [])
})
