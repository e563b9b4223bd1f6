import t from 'tap'
import type { EventChange } from '../../../connectors/salesforce/change.ts'
import { normalise } from '../../../connectors/salesforce/normalise.ts'

const lead = '00QAk000001TestAAA'
const opportunity = '006Ak000001TestAAA'
const at = 1_795_000_000_789
const occurredAt = 1_795_000_000_000

const event = (given: Partial<EventChange> = {}): EventChange => ({
  kind: 'event',
  entity: 'Lead',
  ids: [lead],
  type: 'UPDATE',
  at,
  transaction: 'k',
  sequence: 1,
  changed: ['Status', 'LastModifiedDate'],
  fields: { Status: 'Working' },
  ...given,
})
/** What a change means after it was kept. */
const signals = (...changes: unknown[]) => normalise(JSON.parse(JSON.stringify(changes)))
const leadRef = { type: 'lead', id: lead }
const opportunityRef = { type: 'opportunity', id: opportunity }
const stage = (ref: object, source: string, stageId: string) => ({
  kind: 'stage',
  ref,
  stage: { source, stageId },
  occurredAt,
  occurredAtSource: 'event',
  origin: 'stream',
  exact: true,
})

t.test('a changed status or stage is a stage, at the whole second of its commit', async (t) => {
  t.same(signals(event()), [stage(leadRef, 'lead_status', 'Working')])
  const changed = event({
    entity: 'Opportunity',
    ids: [opportunity],
    changed: ['StageName', 'Probability'],
    fields: { StageName: 'Closed Won' },
  })
  t.same(signals(changed), [stage(opportunityRef, 'opportunity_stage', 'Closed Won')])
})

t.test('a value that is there but did not change is no stage, nor is one that was emptied', async (t) => {
  t.same(signals(event({ changed: ['Company'], fields: { Status: 'Working' } })), [])
  t.same(signals(event({ fields: { Status: null } })), [])
})

t.test('a created lead is shown whole, with its first stage', async (t) => {
  const identity = { metaLeadId: '1234567890123456', emails: ['a@example.com'] }
  const created = event({
    type: 'CREATE',
    changed: [],
    fields: { Status: 'Working', CreatedDate: 1_794_999_999_000 },
    identity,
    rules: { LeadSource: 'Facebook' },
  })
  t.same(signals(created), [
    {
      kind: 'shown',
      ref: leadRef,
      occurredAt,
      snapshot: {
        ref: leadRef,
        found: true,
        partial: false,
        createdAt: 1_794_999_999_000,
        identity: { ...identity, externalId: lead },
        stages: [{ source: 'lead_status', stageId: 'Working' }],
        fields: { LeadSource: 'Facebook' },
      },
    },
    stage(leadRef, 'lead_status', 'Working'),
  ])
})

t.test('a created opportunity is looked up, because only the lead says who is behind it', async (t) => {
  const created = event({ entity: 'Opportunity', ids: [opportunity], type: 'CREATE', changed: [], fields: { StageName: 'Prospecting' } })
  t.same(signals(created), [{ kind: 'seen', ref: opportunityRef, occurredAt }, stage(opportunityRef, 'opportunity_stage', 'Prospecting')])
  const known = { ...created, identity: { metaLeadId: '1234567890123456' } }
  t.match(signals(known)[0], { kind: 'shown', snapshot: { partial: true, identity: { metaLeadId: '1234567890123456' } } })
})

t.test('an update shows what it tells of the person', async (t) => {
  const told = event({ identity: { metaLeadId: '1234567890123456' } })
  t.same(signals(told), [
    {
      kind: 'shown',
      ref: leadRef,
      occurredAt,
      snapshot: {
        ref: leadRef,
        found: true,
        partial: true,
        identity: { metaLeadId: '1234567890123456', externalId: lead },
        stages: [],
        fields: {},
      },
    },
    stage(leadRef, 'lead_status', 'Working'),
  ])
  t.match(signals(event({ changed: ['LeadSource'], fields: {}, rules: { LeadSource: null } })), [
    { kind: 'shown', snapshot: { partial: true, identity: undefined, fields: { LeadSource: null } } },
  ])
  t.same(signals(event({ changed: ['Phone'], fields: {}, unclear: true })), [{ kind: 'identity', ref: leadRef, occurredAt }])
})

t.test('a conversion is a stage of the lead, and a reason to look at the opportunity that came before it', async (t) => {
  const converted = event({
    changed: ['Status', 'IsConverted', 'ConvertedOpportunityId'],
    fields: { Status: 'Qualified', ConvertedOpportunityId: opportunity },
  })
  t.same(signals(converted), [stage(leadRef, 'lead_status', 'Qualified'), { kind: 'identity', ref: opportunityRef, occurredAt }])
  const alone = event({ changed: ['Status', 'ConvertedOpportunityId'], fields: { Status: 'Qualified', ConvertedOpportunityId: null } })
  t.same(signals(alone), [stage(leadRef, 'lead_status', 'Qualified')], 'without an opportunity')
})

const kinds = [
  { type: 'DELETE', signal: { kind: 'identity' } },
  { type: 'GAP_DELETE', signal: { kind: 'identity' } },
  { type: 'UNDELETE', signal: { kind: 'seen', history: true } },
  { type: 'GAP_CREATE', signal: { kind: 'seen', history: true } },
  { type: 'GAP_UPDATE', signal: { kind: 'seen', history: true } },
  { type: 'GAP_UNDELETE', signal: { kind: 'seen', history: true } },
] as const
for (const { type, signal } of kinds)
  t.test(`${type} is a reason to look at each record`, async (t) => {
    const ids = [lead, '00QAk000002TestAAA', '00Q*', '000000000000000AAA']
    t.same(
      signals(event({ type, ids, changed: [], fields: {} })),
      [lead, '00QAk000002TestAAA'].map((id) => ({ ...signal, ref: { type: 'lead', id }, occurredAt })),
    )
  })

t.test('an overflow says nothing of any record', async (t) => {
  t.same(signals(event({ type: 'GAP_OVERFLOW', ids: ['000000000000000AAA'], changed: [], fields: {} })), [])
})

t.test('each record of a merged event has changed', async (t) => {
  const ids = [lead, '00QAk000002TestAAA']
  const told = event({ ids, together: 2, identity: { metaLeadId: '1234567890123456' } })
  const got = signals(told)
  t.same(
    got.filter(({ kind }) => kind === 'stage').map(({ ref }) => ref.id),
    ids,
  )
  t.same(
    got.flatMap((signal) => (signal.kind === 'shown' ? [signal.snapshot.identity?.externalId] : [])),
    ids,
    'each by its own id',
  )
})

t.test("a picklist value renamed in Setup is nobody's step, but a reason to read the history", async (t) => {
  const looked = [{ kind: 'seen', ref: leadRef, occurredAt, history: true }]
  const renamed = event({ changed: ['Status'], together: 2, internal: true })
  t.same(signals(renamed), looked)
  t.same(signals(event({ together: 201, internal: true })), looked, 'more than people change at once')
  const steps: [string, Partial<EventChange>][] = [
    ['people change several records of a list', { together: 200, internal: true }],
    ['one record alone', { changed: ['Status'], internal: true }],
    ['through an API', { changed: ['Status'], together: 500 }],
    ['with another field', { changed: ['Status', 'Rating'], together: 500, internal: true }],
  ]
  for (const [name, given] of steps) t.same(signals(event(given)), [stage(leadRef, 'lead_status', 'Working')], name)
})

t.test('what polling found is an observation, or a stage where Salesforce dates it', async (t) => {
  const found = { kind: 'found', entity: 'Opportunity', id: opportunity, stage: 'Closed Won', at, exact: true }
  const told = {
    ref: opportunityRef,
    stage: { source: 'opportunity_stage', stageId: 'Closed Won' },
    occurredAt: at,
    occurredAtSource: 'field',
    origin: 'poll',
  }
  t.same(signals(found), [{ kind: 'stage', ...told, exact: true }])
  t.same(signals({ ...found, exact: false }), [{ kind: 'observed', ...told }])
  t.same(signals({ ...found, exact: false, history: true }), [{ kind: 'observed', ...told, origin: 'history' }])
  t.same(signals({ ...found, deleted: true }), [{ kind: 'identity', ref: opportunityRef, occurredAt: at }])
})

t.test('what history tells is a stage of history', async (t) => {
  t.same(signals({ kind: 'reached', entity: 'Lead', id: lead, stage: 'Working', at }), [
    {
      kind: 'stage',
      ref: leadRef,
      stage: { source: 'lead_status', stageId: 'Working' },
      occurredAt: at,
      occurredAtSource: 'field',
      origin: 'history',
      exact: true,
    },
  ])
})

t.test('what is no change means nothing', async (t) => {
  for (const none of [
    null,
    1,
    'text',
    {},
    { kind: 'event' },
    { kind: 'reached', id: lead, at },
    event({ entity: 'Contact' as never }),
    { ...event(), at: 'soon' },
  ])
    t.same(normalise([none]), [])
  t.same(signals({ kind: 'reached', entity: 'Lead', id: "001' OR", stage: 'Working', at }), [])
})
