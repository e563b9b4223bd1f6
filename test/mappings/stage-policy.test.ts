import t from 'tap'
import { decideRawLead, rawLeadTime } from '../../mappings/raw-lead.ts'
import { decideStage, findStage, funnelPosition, type Milestone } from '../../mappings/stage-policy.ts'
import { exampleSettings } from './example.ts'

const { mapping } = exampleSettings()
const at = (stageId: string, occurredAt: number) => ({ stage: { source: 'lifecyclestage', stageId }, occurredAt })
const reached = (...names: [string, number][]): Milestone[] => names.map(([eventName, occurredAt]) => ({ eventName, occurredAt }))
const decide = (stageId: string, occurredAt: number, milestones: Milestone[], rule = {}) => {
  const decision = decideStage(at(stageId, occurredAt), milestones, mapping, exampleSettings(rule).rules)
  return decision.kind === 'send'
    ? decision.steps.map((step) => `${step.eventName}@${step.occurredAt}${step.filled ? ' filled' : ''}`)
    : decision.reason
}

t.test('a stage is found by source, pipeline and id', async (t) => {
  const found = (stage: { source: string; pipelineId?: string; stageId: string }) => {
    const result = findStage(mapping, stage)
    return result.kind === 'mapped' ? result.line.label : result.reason
  }
  t.equal(found({ source: 'lifecyclestage', stageId: 'customer' }), 'Customer')
  t.equal(found({ source: 'lifecyclestage', pipelineId: 'any', stageId: 'customer' }), 'Customer', 'a line without pipeline fits any')
  t.equal(found({ source: 'dealstage', pipelineId: 'b2b', stageId: 'won' }), 'Won', 'the line of the pipeline goes first')
  t.equal(found({ source: 'dealstage', pipelineId: 'b2c', stageId: 'won' }), 'Won elsewhere')
  t.equal(found({ source: 'dealstage', stageId: 'won' }), 'Won elsewhere')
  t.equal(found({ source: 'dealstage', stageId: 'customer' }), 'stage_unmapped')
  t.equal(found({ source: 'lifecyclestage', stageId: 'evangelist' }), 'stage_off')
  t.equal(found({ source: 'lifecyclestage', stageId: 'lost' }), 'stage_negative')
  t.same(findStage(mapping, { source: 'x', stageId: 'gone' }), { kind: 'refused', reason: 'stage_unmapped', params: { stage: 'gone' } })
})

t.test('the funnel is ordered by the first line of each name, behind the raw lead', async (t) => {
  t.equal(funnelPosition(mapping, 'Raw Lead'), 0)
  t.ok(funnelPosition(mapping, 'Sales Opportunity') < funnelPosition(mapping, 'Converted'))
  t.equal(funnelPosition(mapping, 'Lost'), -1, 'negative lines are no part of it')
  t.equal(funnelPosition(mapping, 'Old name'), -1)
})

t.test('a stage counts the first time only', async (t) => {
  const before = reached(['Marketing Qualified Lead', 100])
  t.same(decide('marketingqualifiedlead', 200, before), 'already_reached')
  t.same(decide('marketingqualifiedlead', 50, before), 'already_reached', 'the first recorded occurrence wins')
  t.same(decide('marketingqualifiedlead', 200, before, { repeats: true }), ['Marketing Qualified Lead@200'])
  t.same(decide('marketingqualifiedlead', 100, before, { repeats: true }), 'already_reached', 'the same occurrence is no repeat')
  t.same(decide('lead', 200, reached(['Raw Lead', 100])), 'already_reached', 'a line named like the raw lead is the raw lead')
})

t.test('moving backward is judged by instants, not by arrival', async (t) => {
  const before = reached(['Sales Opportunity', 200])
  t.same(decide('marketingqualifiedlead', 300, before), 'moved_backward')
  t.same(decide('marketingqualifiedlead', 200, before), 'moved_backward', 'at the same instant')
  t.same(decide('marketingqualifiedlead', 199, before), ['Marketing Qualified Lead@199'], 'an earlier stage that arrives late')
  t.same(decide('marketingqualifiedlead', 300, before, { backward: true }), ['Marketing Qualified Lead@300'])
  t.same(decide('customer', 300, before), ['Converted@300'])
  t.same(decide('customer', 300, reached(['Renamed since', 200])), ['Converted@300'], 'unknown names have no place in the funnel')
  const repeat = reached(['Marketing Qualified Lead', 100], ['Sales Opportunity', 200])
  t.same(decide('marketingqualifiedlead', 300, repeat, { repeats: true }), 'moved_backward', 'a repeat may be one, too')
  const decision = decideStage(at('marketingqualifiedlead', 300), before, mapping, exampleSettings().rules)
  t.match(decision, { params: { eventName: 'Marketing Qualified Lead', later: 'Sales Opportunity' } })
})

t.test('skipped stages are filled with the time of the later one where the customer wants it', async (t) => {
  const before = reached(['Raw Lead', 100], ['Marketing Qualified Lead', 150])
  t.same(decide('customer', 300, before), ['Converted@300'])
  t.same(decide('customer', 300, before, { fillSkipped: true }), [
    'Sales Qualified Lead@300 filled',
    'Sales Opportunity@300 filled',
    'Converted@300',
  ])
  t.same(
    decide('salesqualifiedlead', 300, [], { fillSkipped: true }),
    ['Marketing Qualified Lead@300 filled', 'Sales Qualified Lead@300'],
    'the raw lead has a time of its own',
  )
  const { rules } = exampleSettings({ fillSkipped: true })
  const deal = decideStage({ stage: { source: 'dealstage', pipelineId: 'b2b', stageId: 'won' }, occurredAt: 300 }, [], mapping, rules)
  t.equal(deal.kind === 'send' && deal.steps.length, 1, 'stages of another source are not skipped ones')
})

t.test('skipped stages stay within the pipeline', async (t) => {
  const line = (pipelineId: string | undefined, stageId: string, eventName: string | null) => ({
    source: 'dealstage',
    pipelineId,
    stageId,
    eventName,
  })
  const settings = exampleSettings(
    { fillSkipped: true },
    {
      stages: [
        line('a', '1', 'One'),
        line('b', '1b', 'One b'),
        line(undefined, '2', 'Two'),
        line('a', '2', null),
        line('a', '3', 'Three'),
        line('b', '3', 'Three'),
      ],
    },
  )
  const names = (pipelineId: string) => {
    const decision = decideStage(
      { stage: { source: 'dealstage', pipelineId, stageId: '3' }, occurredAt: 1 },
      [],
      settings.mapping,
      settings.rules,
    )
    return decision.kind === 'send' && decision.steps.map((step) => step.eventName)
  }
  t.same(names('a'), ['One', 'Three'], 'a line switched off for the pipeline is off')
  t.same(names('b'), ['One b', 'Two', 'Three'])
})

t.test('the raw lead goes once, if it goes at all', async (t) => {
  t.same(decideRawLead([], mapping.rawLead), { kind: 'send', eventName: 'Raw Lead' })
  t.match(decideRawLead(reached(['Raw Lead', 1]), mapping.rawLead), { reason: 'already_reached' })
  t.match(decideRawLead([], exampleSettings({}, { rawLead: { enabled: false } }).mapping.rawLead), { reason: 'raw_lead_off' })
})

t.test('the raw lead has the time of the record’s creation, unless the record is older than the lead', async (t) => {
  t.equal(rawLeadTime({ recordCreatedAt: 200, leadGeneratedAt: 100, firstSeenAt: 300 }), 200)
  t.equal(rawLeadTime({ recordCreatedAt: 100, leadGeneratedAt: 100, firstSeenAt: 300 }), 100)
  t.equal(rawLeadTime({ recordCreatedAt: 99, leadGeneratedAt: 100, firstSeenAt: 300 }), 300)
  t.equal(rawLeadTime({ recordCreatedAt: 200, firstSeenAt: 300 }), 200)
  t.equal(rawLeadTime({ leadGeneratedAt: 100, firstSeenAt: 300 }), 300)
})
