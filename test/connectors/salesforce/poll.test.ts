import t from 'tap'
import type { ConnectionContext } from '../../../connectors/connector.ts'
import type { FoundChange, ReachedChange } from '../../../connectors/salesforce/change.ts'
import { poll } from '../../../connectors/salesforce/poll.ts'
import { addLead, addOpportunity, contextFor, minute, openOrg, questions, setField } from './org.ts'

const start = Date.UTC(2026, 10, 20, 8)

/** A position from which polling begins, at `start`. */
async function begin(context: ConnectionContext): Promise<string> {
  const page = await poll(context, undefined, start)
  t.match(page, { changes: [], more: false })
  return page.position
}
/** All pages from a position on. */
async function all(context: ConnectionContext, from: string) {
  const changes: (FoundChange | ReachedChange)[] = []
  let position = from
  let pages = 0
  for (let more = true; more; pages += 1) {
    const page = await poll(context, position, start)
    changes.push(...(page.changes as FoundChange[]))
    position = page.position
    more = page.more
  }
  return { changes, position, pages }
}

t.test('what is created and changed is found once, dated as well as Salesforce dates it', async (t) => {
  const salesforce = await openOrg(t, { edition: 'Professional Edition', changeEvents: false, packageInstalled: true })
  const context = contextFor(salesforce, { settings: { changes: 'poll' } })
  const before = addLead(salesforce, start - 60 * minute)
  const from = await begin(context)
  const [fresh, moved] = [addLead(salesforce, start + minute), addLead(salesforce, start + minute)]
  const deal = addOpportunity(salesforce, start + minute)
  setField(salesforce, 'Lead', moved, start + 3 * minute, { Status: 'Working - Contacted' })
  const first = await all(context, from)
  t.same(first.changes, [
    { kind: 'reached', entity: 'Lead', id: fresh, stage: 'Open - Not Contacted', at: start + minute },
    {
      ...{ kind: 'found', entity: 'Lead', id: moved, stage: 'Working - Contacted', at: start + 3 * minute, exact: false },
    },
    { kind: 'found', entity: 'Opportunity', id: deal, stage: 'Prospecting', at: start + minute, exact: true },
  ])
  t.same((await all(context, first.position)).changes, [], 'and not again')
  setField(salesforce, 'Opportunity', deal, start + 5 * minute, { StageName: 'Closed Won' })
  setField(salesforce, 'Opportunity', deal, start + 7 * minute, { Amount: 7 })
  setField(salesforce, 'Lead', before, start + 5 * minute, { City: 'Bonn' })
  const second = await all(context, first.position)
  t.match(second.changes, [
    { id: before, exact: false, at: start + 5 * minute },
    { id: deal, stage: 'Closed Won', exact: true, at: start + 5 * minute },
  ])
})

t.test('where statuses are tracked, all of them are found with their times', async (t) => {
  const salesforce = await openOrg(t)
  salesforce.track({ object: 'Lead', field: 'Status' })
  const context = contextFor(salesforce)
  const old = addLead(salesforce, start - 60 * minute)
  const from = await begin(context)
  setField(salesforce, 'Lead', old, start + minute, { Status: 'Working - Contacted' })
  setField(salesforce, 'Lead', old, start + 2 * minute, { Status: 'Closed - Not Converted' })
  const { changes, position } = await all(context, from)
  t.same(changes, [
    { kind: 'reached', entity: 'Lead', id: old, stage: 'Working - Contacted', at: start + minute },
    { kind: 'reached', entity: 'Lead', id: old, stage: 'Closed - Not Converted', at: start + 2 * minute },
  ])
  setField(salesforce, 'Lead', old, start + 30 * minute, { City: 'Bonn' })
  const later = await all(context, position)
  setField(salesforce, 'Lead', old, start + 31 * minute, { City: 'Berlin' })
  t.same(
    (await all(context, later.position)).changes,
    changes.slice(1),
    'a change of anything else says again where the lead is, and since when',
  )
})

t.test('what a long transaction shows late is found, what was seen is not told again', async (t) => {
  const salesforce = await openOrg(t)
  const context = contextFor(salesforce)
  const from = await begin(context)
  const seen = addLead(salesforce, start + 4 * minute)
  const first = await all(context, from)
  t.match(first.changes, [{ id: seen }])
  const late = addLead(salesforce, start + minute)
  const second = await all(context, first.position)
  t.match(second.changes, [{ id: late, at: start + minute }])
  t.equal(second.changes.length, 1)
  salesforce.reset()
  t.same((await all(context, second.position)).changes, [])
  t.equal(questions(salesforce).length, 2, 'a look at an org where nothing happens costs two requests')
})

t.test('deleted and merged records are told as such', async (t) => {
  const salesforce = await openOrg(t)
  const context = contextFor(salesforce)
  const [deleted, loser, master] = [addLead(salesforce, start), addLead(salesforce, start), addLead(salesforce, start)]
  const deal = addOpportunity(salesforce, start)
  const { position } = await all(context, await begin(context))
  salesforce.delete({ object: 'Lead', ids: [deleted], at: start + minute })
  salesforce.delete({ object: 'Opportunity', ids: [deal], at: start + minute })
  salesforce.merge({ master, losers: [loser], at: start + 2 * minute })
  const { changes } = await all(context, position)
  const gone = changes.filter((change) => change.kind === 'found' && change.deleted).map(({ id, at }) => [id, at])
  t.same(
    new Set(gone.map(String)),
    new Set(
      [
        [deleted, start + minute],
        [loser, start + 2 * minute],
        [deal, start + minute],
      ].map(String),
    ),
  )
})

t.test('a flood comes page by page, each record once, those of one second too', async (t) => {
  const salesforce = await openOrg(t)
  const context = contextFor(salesforce)
  const from = await begin(context)
  const ids = Array.from({ length: 1_700 }, (_, index) => addLead(salesforce, start + Math.floor(index / 800) * 1_000))
  const { changes, pages, position } = await all(context, from)
  t.equal(pages, 4)
  t.same(
    changes.map(({ id }) => id),
    ids,
  )
  t.same((await all(context, position)).changes, [])
  t.ok(position.length < 120_000, `a position of ${position.length} characters`)
})

t.test('a user without View All finds what is shared with that user', async (t) => {
  const salesforce = await openOrg(t, { sharing: 'private', user: { viewAll: [] } })
  const context = contextFor(salesforce, { settings: { changes: 'poll' } })
  const from = await begin(context)
  const { userId } = salesforce.addUser({})
  addLead(salesforce, start + minute, { OwnerId: userId })
  const own = addLead(salesforce, start + minute, { OwnerId: [...salesforce.org().users.keys()][1] as string })
  t.match((await all(context, from)).changes, [{ id: own }])
})

t.test('a position of another release is none: polling begins anew, the history knows the rest', async (t) => {
  const salesforce = await openOrg(t)
  for (const strange of ['', 'x', '{}', '{"Lead":1}']) {
    const { changes, position } = await poll(contextFor(salesforce), strange, start)
    t.same([changes, JSON.parse(position).Lead.until], [[], start])
  }
})

t.test('what has to be asked for and is hidden is told, not passed over', async (t) => {
  const salesforce = await openOrg(t, { user: { hiddenFields: ['Opportunity.LastStageChangeDate'] } })
  const context = contextFor(salesforce)
  const from = await begin(context)
  await t.rejects(poll(context, from, start), { code: 'unknown_field', userText: /LastStageChangeDate of Opportunity/ })
  salesforce.setUser({ hiddenFields: [], hiddenObjects: ['Lead'] })
  await t.rejects(poll(context, from, start), { code: 'unknown_object' })
  salesforce.setUser({ hiddenObjects: ['Opportunity'] })
  const lead = addLead(salesforce, start)
  t.match((await poll(context, from, start)).changes, [{ id: lead }], 'leads alone are followed')
})
