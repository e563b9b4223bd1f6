import t from 'tap'
import { stageMapping } from '../../../mappings/stage-mapping.ts'
import { changedNames } from '../../../server/settings/changed-names.ts'

const line = (stageId: string, eventName: string | null, more: object = {}) => ({
  source: 's',
  stageId,
  eventName,
  label: `L ${stageId}`,
  ...more,
})
const mapping = (stages: object[], rawLead: object = {}) => stageMapping.parse({ stages, rawLead })
const before = mapping([line('a', 'A'), line('b', 'B'), line('c', null), line('d', 'D', { negative: true })])

t.test('a mapping that sends the same under the same names changes none, whatever its order, labels and additions', async (t) => {
  const next = mapping([line('new', 'New'), line('b', 'B', { label: 'other' }), line('a', 'A', { sendAmount: true }), line('c', 'C')])
  t.same(changedNames(before, next), [])
})

t.test('a name is changed by another name, by off, by negative and by leaving the line out', async (t) => {
  t.same(changedNames(before, mapping([line('a', 'Z'), line('b', null)])), [
    { from: 'A', to: 'Z', where: 'L a' },
    { from: 'B', to: null, where: 'L b' },
  ])
  t.same(changedNames(before, mapping([line('a', 'A', { negative: true })])), [
    { from: 'A', to: null, where: 'L a' },
    { from: 'B', to: null, where: 'L b' },
  ])
})

t.test('the event for new leads counts too', async (t) => {
  const same = [line('a', 'A'), line('b', 'B')]
  t.same(changedNames(before, mapping(same, { eventName: 'New Lead' })), [{ from: 'Raw Lead', to: 'New Lead', where: 'new leads' }])
  t.same(changedNames(before, mapping(same, { enabled: false })), [{ from: 'Raw Lead', to: null, where: 'new leads' }])
})
