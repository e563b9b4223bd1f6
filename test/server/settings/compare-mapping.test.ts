import t from 'tap'
import type { StageGroup } from '../../../connectors/connector.ts'
import { stageMapping } from '../../../mappings/stage-mapping.ts'
import { compareMapping } from '../../../server/settings/compare-mapping.ts'

const stage = (id: string, archived = false) => ({ id, label: id.toUpperCase(), order: 0, kind: 'open' as const, archived })
const groups: StageGroup[] = [
  { recordType: 'contact', source: 'lifecyclestage', label: 'Lifecycle', stages: [stage('lead'), stage('customer'), stage('old', true)] },
  { recordType: 'deal', source: 'dealstage', pipelineId: 'a', label: 'Sales', stages: [stage('won')] },
  { recordType: 'deal', source: 'dealstage', pipelineId: 'b', label: 'Renewals', stages: [stage('won'), stage('signed')] },
]
const mapping = stageMapping.parse({
  stages: [
    { source: 'lifecyclestage', stageId: 'lead', eventName: 'Lead' },
    { source: 'lifecyclestage', stageId: 'old', eventName: 'Old' },
    { source: 'lifecyclestage', stageId: 'gone', eventName: 'Gone' },
    { source: 'dealstage', stageId: 'won', eventName: null },
    { source: 'dealstage', pipelineId: 'a', stageId: 'signed', eventName: 'Signed' },
  ],
})

t.test('lines whose stage the CRM no longer has, or no longer uses, are told from live ones', async (t) => {
  t.same(
    compareMapping(mapping, groups).stages.map(({ stageId, state }) => [stageId, state]),
    [
      ['lead', 'live'],
      ['old', 'archived'],
      ['gone', 'vanished'],
      ['won', 'live'],
      ['signed', 'vanished'],
    ],
  )
})

t.test('stages in use that no line fits are listed; a line that is off fits, and one without a pipeline fits any', async (t) => {
  t.same(compareMapping(mapping, groups).unmapped, [
    { source: 'lifecyclestage', stageId: 'customer', label: 'CUSTOMER', group: 'Lifecycle' },
    { source: 'dealstage', pipelineId: 'b', stageId: 'signed', label: 'SIGNED', group: 'Renewals' },
  ])
})

t.test('nothing is claimed while the CRM cannot be asked', async (t) => {
  const { stages, unmapped } = compareMapping(mapping, undefined)
  t.same(new Set(stages.map(({ state }) => state)), new Set(['unknown']))
  t.same(unmapped, [])
})
