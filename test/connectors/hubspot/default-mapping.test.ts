import t from 'tap'
import type { StageGroup, StageOption } from '../../../connectors/connector.ts'
import { defaultMapping } from '../../../connectors/hubspot/default-mapping.ts'
import { stageMapping } from '../../../mappings/stage-mapping.ts'

const stage = (id: string, order: number, change: Partial<StageOption> = {}): StageOption => ({
  id,
  label: id,
  order,
  kind: 'open',
  archived: false,
  ...change,
})
const groups: StageGroup[] = [
  {
    recordType: 'contact',
    source: 'lifecyclestage',
    label: 'Lifecycle stage',
    stages: ['subscriber', 'lead', 'marketingqualifiedlead', 'salesqualifiedlead', 'opportunity', 'customer', 'evangelist', '107845291']
      .map((id, order) => stage(id, order))
      .reverse(),
  },
  {
    recordType: 'contact',
    source: 'hs_lead_status',
    label: 'Lead status',
    stages: [stage('NEW', 0), stage('UNQUALIFIED', 1, { kind: 'lost' })],
  },
  {
    recordType: 'deal',
    source: 'dealstage',
    pipelineId: 'default',
    label: 'Deals',
    stages: [
      stage('closedwon', 0, { kind: 'won' }),
      stage('closedlost', 1, { kind: 'lost' }),
      stage('old', 2, { archived: true }),
      stage('lead', 3),
    ],
  },
]

t.test('only the lifecycle stages of the funnel are on, in the order of the account', async (t) => {
  const on = defaultMapping(groups).filter(({ eventName }) => eventName !== null)
  t.same(
    on.map(({ source, stageId, eventName }) => [source, stageId, eventName]),
    [
      ['lifecyclestage', 'lead', 'Raw Lead'],
      ['lifecyclestage', 'marketingqualifiedlead', 'Marketing Qualified Lead'],
      ['lifecyclestage', 'salesqualifiedlead', 'Sales Qualified Lead'],
      ['lifecyclestage', 'opportunity', 'Sales Opportunity'],
      ['lifecyclestage', 'customer', 'Converted'],
    ],
  )
})

t.test('every other stage in use is listed, off; lost ones are negative', async (t) => {
  const off = defaultMapping(groups).filter(({ eventName }) => eventName === null)
  t.same(
    off.map(({ source, pipelineId, stageId, negative }) => [source, pipelineId, stageId, negative]),
    [
      ['lifecyclestage', undefined, 'subscriber', false],
      ['lifecyclestage', undefined, 'evangelist', false],
      ['lifecyclestage', undefined, '107845291', false],
      ['hs_lead_status', undefined, 'NEW', false],
      ['hs_lead_status', undefined, 'UNQUALIFIED', true],
      ['dealstage', 'default', 'closedwon', false],
      ['dealstage', 'default', 'closedlost', true],
      ['dealstage', 'default', 'lead', false],
    ],
  )
})

t.test('the proposal is a valid mapping', async (t) => {
  t.ok(stageMapping.safeParse({ stages: defaultMapping(groups) }).success)
})

t.test("without live stages HubSpot's default lifecycle stages are proposed", async (t) => {
  const stages = defaultMapping([])
  t.same(
    stages.filter(({ eventName }) => eventName !== null).map(({ stageId, eventName }) => [stageId, eventName]),
    [
      ['lead', 'Raw Lead'],
      ['marketingqualifiedlead', 'Marketing Qualified Lead'],
      ['salesqualifiedlead', 'Sales Qualified Lead'],
      ['opportunity', 'Sales Opportunity'],
      ['customer', 'Converted'],
    ],
  )
  t.ok(stageMapping.safeParse({ stages }).success)
})
