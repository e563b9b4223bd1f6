import t from 'tap'
import {
  changeLine,
  isWhole,
  keyOf,
  type Line,
  mappingOf,
  moveLine,
  nameProblem,
  removeLine,
  reportLine,
} from '../../../../server/settings/web/src/views/stages/draft.ts'

const line = (stageId: string, eventName: string | null, more: Partial<Line> = {}): Line => ({
  ...{ source: 'status', stageId, label: stageId.toUpperCase(), eventName, negative: false, sendAmount: false },
  ...more,
})
const mapping = {
  rawLead: { enabled: true, eventName: 'Raw Lead' },
  stages: [line('a', 'A'), line('off', null), line('b', 'B'), line('lost', null, { negative: true }), line('c', 'C')],
}
const order = ({ stages }: typeof mapping) => stages.map(({ stageId }) => stageId).join(' ')

t.test('a stage moves past the reported one beside it, whatever lies between', async (t) => {
  t.equal(order(moveLine(mapping, line('b', 'B'), -1)), 'b a off lost c')
  t.equal(order(moveLine(mapping, line('b', 'B'), 1)), 'a off lost c b')
  t.equal(moveLine(mapping, line('a', 'A'), -1), mapping, 'the first one stays')
  t.equal(moveLine(mapping, line('c', 'C'), 1), mapping, 'the last one stays')
  t.equal(moveLine(mapping, line('off', null), 1), mapping, 'what is not reported has no place in the funnel')
})

t.test('a stage is reported under its own name, behind the others or where it was', async (t) => {
  const added = reportLine(mapping, { source: 'status', stageId: 'new', label: 'x'.repeat(60) })
  t.equal(order(added), 'a off b lost c new')
  t.match(added.stages.at(-1), { eventName: 'x'.repeat(50), negative: false, sendAmount: false })
  t.equal(order(reportLine(mapping, line('off', null))), 'a off b lost c')
  t.equal(reportLine(mapping, line('off', null)).stages[1]?.eventName, 'OFF')
  const first = reportLine({ ...mapping, stages: [] }, { source: 'status', pipelineId: '1', stageId: 'n', label: '' })
  t.match(first.stages, [{ pipelineId: '1', eventName: 'n' }])
})

t.test('the same id in another pipeline is another stage', async (t) => {
  t.not(keyOf(line('a', 'A')), keyOf(line('a', 'A', { pipelineId: '1' })))
  const two = { ...mapping, stages: [line('a', 'A', { pipelineId: '1' }), line('a', 'A', { pipelineId: '2' })] }
  t.strictSame(
    changeLine(two, line('a', 'A', { pipelineId: '2' }), { eventName: 'B' }).stages.map(({ eventName }) => eventName),
    ['A', 'B'],
  )
  t.equal(removeLine(two, line('a', 'A', { pipelineId: '1' })).stages.length, 1)
})

t.test('a name has 1 to 50 characters, and nothing is saved before', async (t) => {
  t.equal(nameProblem(' '), 'nameNeeded')
  t.equal(nameProblem('x'.repeat(51)), 'nameLong')
  t.equal(nameProblem('x'.repeat(50)), undefined)
  t.ok(isWhole(mapping))
  t.notOk(isWhole(changeLine(mapping, line('b', 'B'), { eventName: '' })))
  t.notOk(isWhole({ ...mapping, rawLead: { enabled: true, eventName: '' } }))
})

t.test('what the CRM says of a stage is not saved with it', async (t) => {
  const stages = mapping.stages.map((one) => ({ ...one, state: 'live' as const }))
  t.strictSame(mappingOf({ rawLead: mapping.rawLead, stages }), mapping)
})
