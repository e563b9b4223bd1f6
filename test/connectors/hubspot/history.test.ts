import t from 'tap'
import { firstSeenAt, readTransitions } from '../../../connectors/hubspot/history.ts'
import { contact, deal } from '../../../connectors/hubspot/objects.ts'

const entry = (value: string, at: number) => ({ value, at })

t.test('stages of all sources come oldest first, with their times', async (t) => {
  const history = {
    lifecyclestage: [entry('customer', 40), entry('opportunity', 20), entry('lead', 10)],
    hs_lead_status: [entry('OPEN', 30), entry('NEW', 10)],
  }
  t.same(readTransitions(contact, history), [
    { stage: { source: 'lifecyclestage', pipelineId: undefined, stageId: 'lead' }, occurredAt: 10 },
    { stage: { source: 'hs_lead_status', pipelineId: undefined, stageId: 'NEW' }, occurredAt: 10 },
    { stage: { source: 'lifecyclestage', pipelineId: undefined, stageId: 'opportunity' }, occurredAt: 20 },
    { stage: { source: 'hs_lead_status', pipelineId: undefined, stageId: 'OPEN' }, occurredAt: 30 },
    { stage: { source: 'lifecyclestage', pipelineId: undefined, stageId: 'customer' }, occurredAt: 40 },
  ])
})

const stages = (...newestFirst: [string, number][]) =>
  readTransitions(contact, { lifecyclestage: newestFirst.map(([value, at]) => entry(value, at)) }).map(({ stage, occurredAt }) => [
    stage.stageId,
    occurredAt,
  ])

t.test('clearing a stage is none, and setting it again afterwards is one', async (t) => {
  t.same(stages(['lead', 30], ['', 20], ['lead', 10]), [
    ['lead', 10],
    ['lead', 30],
  ])
})

t.test('writing the value that was there already is no change', async (t) => {
  t.same(stages(['lead', 30], ['lead', 20], ['subscriber', 10]), [
    ['subscriber', 10],
    ['lead', 20],
  ])
})

t.test('entries may come in any order; of equal times the later listed is the earlier', async (t) => {
  t.same(stages(['lead', 10], ['customer', 30], ['opportunity', 20]), [
    ['lead', 10],
    ['opportunity', 20],
    ['customer', 30],
  ])
  t.same(stages(['opportunity', 10], ['lead', 10]), [
    ['lead', 10],
    ['opportunity', 10],
  ])
})

t.test('a deal stage belongs to the pipeline of its time', async (t) => {
  const history = {
    dealstage: [entry('renewal-open', 30), entry('qualifiedtobuy', 20), entry('appointmentscheduled', 9)],
    pipeline: [entry('renewals', 30), entry('default', 10)],
  }
  t.same(
    readTransitions(deal, history).map(({ stage }) => [stage.pipelineId, stage.stageId]),
    [
      ['default', 'appointmentscheduled'],
      ['default', 'qualifiedtobuy'],
      ['renewals', 'renewal-open'],
    ],
  )
})

t.test('no history, no stages', async (t) => {
  t.same(readTransitions(deal, {}), [])
})

t.test('a value was first seen when it first appeared', async (t) => {
  const entries = [entry('b', 40), entry('a', 30), entry('b', 20), entry('a', 10)]
  t.equal(firstSeenAt(entries, 'b'), 20)
  t.equal(firstSeenAt(entries, 'c'), undefined)
  t.equal(firstSeenAt(undefined, 'a'), undefined)
})
