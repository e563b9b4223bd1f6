import t, { type Test } from 'tap'
import { buildEvent } from '../../mappings/conversion-event.ts'
import { serialiseEvent } from '../../mappings/serialise.ts'
import type { ReceivedEvent } from '../simulators/meta/received.ts'
import { startMeta } from '../simulators/meta/start-meta.ts'
import { type Change, judge } from './judge.ts'
import { closing, isGood, problemLines, progressBlock, table } from './report.ts'

const dataset = '700000000000001'
const token = 'EAAjudge00000000000000000000000000'
const at = Date.now() - 10_000
const change = (more: Partial<Change> = {}): Change => ({
  source: 'HubSpot',
  leadId: '9007199254740993',
  eventName: 'Raw Lead',
  at,
  ...more,
})
const changes = [change(), change({ eventName: 'Converted', at: at + 1_000 })]
const sent = changes.map(({ source, eventName }) => ({ source, eventName, count: 1 }))
const plain = (_: string, text: string) => text

/** What the stand-in makes of the events of these changes, sent one by one. */
async function arrive(test: Test, ...made: Change[]): Promise<ReceivedEvent[]> {
  const meta = await startMeta({ datasets: [{ id: dataset, tokens: [token] }] })
  test.teardown(() => meta.close())
  for (const [index, one] of made.entries()) {
    const event = buildEvent({
      eventName: one.eventName,
      occurredAt: one.at,
      eventId: `event-${index}`,
      userData: { lead_id: one.leadId },
      leadEventSource: one.source,
    })
    const response = await fetch(`${meta.url}/v25.0/${dataset}/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: `{"data":[${serialiseEvent(event, 'integer')}]}`,
    })
    test.equal(response.status, 200)
  }
  return meta.events()
}

t.test('everything that arrives once and as it was changed is good', async (t) => {
  const verdict = judge(changes, await arrive(t, ...changes), sent)
  t.match(verdict, { changes: 2, sent: 2, received: 2, lost: 0, doubled: 0, unexpected: 0, wrong: 0, problems: [] })
  t.match(verdict.sources, { HubSpot: { changes: 2, sent: 2, received: 2 } })
  t.same(
    verdict.stages.map(({ eventName, received }) => [eventName, received]),
    [
      ['Raw Lead', 1],
      ['Converted', 1],
    ],
  )
  t.ok(isGood(verdict))
  t.match(closing(verdict, plain).at(-1), /2 of 2/)
})

t.test('a change that never arrives is lost', async (t) => {
  const verdict = judge(changes, await arrive(t, change()), sent)
  t.match(verdict, { received: 1, lost: 1, doubled: 0, problems: ['Converted of lead 9007199254740993 was lost'] })
  t.notOk(isGood(verdict))
  t.match(closing(verdict, plain).at(-1), /1 of 2 .* 1 lost/)
})

t.test('an event that arrives again is doubled, under whatever event id', async (t) => {
  const verdict = judge(changes, await arrive(t, ...changes, change()), sent)
  t.match(verdict, { received: 2, lost: 0, doubled: 1 })
  t.notOk(isGood(verdict))
})

t.test('an event of a lead id that lost digits is unexpected, and its change is lost', async (t) => {
  const verdict = judge([change()], await arrive(t, change({ leadId: String(Number('9007199254740993')) })), sent.slice(0, 1))
  t.match(verdict, { lost: 1, unexpected: 1 })
  t.notOk(isGood(verdict))
})

const flaws: [title: string, arrived: Partial<Change>, problem: RegExp][] = [
  ['another second than that of the change', { at: at - 1_000 }, /event_time/],
  ['the name of another CRM', { source: 'Salesforce' }, /names "Salesforce", not "HubSpot"/],
]
for (const [title, arrived, problem] of flaws) {
  t.test(`an event with ${title} is wrong`, async (t) => {
    const verdict = judge([change()], await arrive(t, change(arrived)), sent.slice(0, 1))
    t.match(verdict, { received: 1, lost: 0, wrong: 1 })
    t.match(verdict.problems[0], problem)
    t.notOk(isGood(verdict))
  })
}

t.test('a lead of no CRM yet is dated when somebody learned of it, and named after a CRM that may speak for it', async (t) => {
  const lead = change({ source: 'Instant forms', learned: true, speakers: ['HubSpot', 'Salesforce'] })
  const told = [{ source: 'Instant forms', eventName: 'Raw Lead', count: 1 }]
  const arrived = (more: Partial<Change>) => arrive(t, { ...lead, source: 'Salesforce', ...more })
  t.ok(isGood(judge([lead], await arrived({ at: at + 4_000 }), told)))
  t.match(judge([lead], await arrived({ at: at - 1_000 }), told), { wrong: 1 }, 'not before it was there')
  t.match(judge([lead], await arrived({ source: 'Zoho' }), told).problems, [/names "Zoho", not "HubSpot" or "Salesforce"/])
})

t.test('a ledger that tells of fewer events than arrived is not good', async (t) => {
  const verdict = judge(changes, await arrive(t, ...changes), sent.slice(0, 1))
  t.match(verdict, { sent: 1, received: 2 })
  t.notOk(isGood(verdict))
  t.match(closing(verdict, plain).at(-1), /1 sent by the ledger/)
})

t.test('nothing changed is nothing proven', async (t) => {
  t.notOk(isGood(judge([], [], [])))
})

t.test('an arrival after a later stage is told and no fault', async (t) => {
  const verdict = judge(changes, await arrive(t, ...changes.toReversed()), sent)
  t.equal(verdict.outOfOrder, 1)
  t.ok(isGood(verdict))
  t.match(closing(verdict, plain)[0], /1 arrived after a later stage/)
})

t.test('what a person sees fits into 80 columns', async (t) => {
  const eventNames = ['Raw Lead', 'Marketing Qualified Lead', 'Sales Opportunity', 'Converted']
  const both = [...changes, ...changes.map((one) => ({ ...one, source: 'Salesforce' }))]
  const received = await arrive(t, change())
  const verdict = judge(both, received, sent)
  const lines = [
    ...progressBlock({ changes, received }, [{ eventNames }, { eventNames }], plain),
    ...table(verdict, plain),
    ...closing(verdict, plain),
    ...problemLines(verdict.problems),
  ]
  for (const line of lines) t.ok([...line].length <= 80, line)
})

t.test('of many problems the first are told, and how many more there are', async (t) => {
  t.same(problemLines(['a', 'b', 'c'], 2), ['  a', '  b', '  … and 1 more'])
})
