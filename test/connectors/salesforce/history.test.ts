import t from 'tap'
import type { ConnectionContext } from '../../../connectors/connector.ts'
import type { FoundChange, ReachedChange } from '../../../connectors/salesforce/change.ts'
import { history } from '../../../connectors/salesforce/history.ts'
import { addLead, addOpportunity, contextFor, minute, openOrg, setField } from './org.ts'

const start = Date.UTC(2026, 10, 20, 8)
const period = { from: start, to: start + 60 * minute }

/** All pages, and how many there were. Positions survive being stored. */
async function readAll(context: ConnectionContext, { from, to } = period) {
  const changes: (ReachedChange | FoundChange)[] = []
  let pages = 0
  let records = 0
  for (let next: string | undefined, more = true; more; more = next !== undefined) {
    const page = await history(context, { from, to }, next)
    changes.push(...(JSON.parse(JSON.stringify(page.changes)) as ReachedChange[]))
    records += page.records
    pages += 1
    next = page.next
  }
  return { changes, pages, records }
}
const told = ({ changes }: Awaited<ReturnType<typeof readAll>>, id: string) =>
  changes.filter((change) => change.id === id).map(({ kind, stage, at }) => [kind, stage, (at - start) / minute])

t.test('what leads and opportunities reached in a period, and nothing from before or after it', async (t) => {
  const salesforce = await openOrg(t)
  salesforce.track({ object: 'Lead', field: 'Status' })
  const [old, fresh, later] = [addLead(salesforce, start - 5 * minute), addLead(salesforce, start), addLead(salesforce, period.to)]
  setField(salesforce, 'Lead', old, start - minute, { Status: 'Working - Contacted' })
  setField(salesforce, 'Lead', old, start + 10 * minute, { Status: 'Closed - Not Converted' })
  setField(salesforce, 'Lead', fresh, start + 20 * minute, { Status: 'Working - Contacted', City: 'Bonn' })
  setField(salesforce, 'Lead', fresh, period.to + minute, { Status: 'Closed - Not Converted' })
  const { opportunityId } = salesforce.convert({ leads: [later], at: period.to + 5 * minute })
  const deal = addOpportunity(salesforce, start + 30 * minute)
  setField(salesforce, 'Opportunity', deal, start + 40 * minute, { StageName: 'Closed Won' })
  const result = await readAll(contextFor(salesforce))
  t.same(told(result, old), [['reached', 'Closed - Not Converted', 10]])
  t.same(told(result, fresh), [
    ['reached', 'Open - Not Contacted', 0],
    ['reached', 'Working - Contacted', 20],
  ])
  t.same(told(result, later), [])
  t.same(told(result, opportunityId as string), [])
  t.same(new Set(told(result, deal).map(String)), new Set(['reached,Prospecting,30', 'reached,Closed Won,40']))
  t.match(await readAll(contextFor(salesforce), { from: start + 11 * minute, to: start + 12 * minute }), { changes: [], pages: 4 })
})

t.test('rows of an opportunity that left the stage alone are no changes, whatever the period begins with', async (t) => {
  const salesforce = await openOrg(t)
  const deal = addOpportunity(salesforce, start - 60 * minute)
  setField(salesforce, 'Opportunity', deal, start - minute, { StageName: 'Qualification' })
  setField(salesforce, 'Opportunity', deal, start + minute, { Amount: 5 })
  setField(salesforce, 'Opportunity', deal, start + 2 * minute, { StageName: 'Closed Won' })
  setField(salesforce, 'Opportunity', deal, start + 3 * minute, { Amount: 6 })
  setField(salesforce, 'Opportunity', deal, start + 4 * minute, { StageName: 'Qualification' })
  t.same(told(await readAll(contextFor(salesforce)), deal), [
    ['reached', 'Closed Won', 2],
    ['reached', 'Qualification', 4],
  ])
})

t.test('where creation leaves no row, the first stage is today’s, or what the field’s own history began with, or unknown', async (t) => {
  const salesforce = await openOrg(t, { historyAtCreation: false })
  const untouched = addOpportunity(salesforce, start + minute, { StageName: 'Qualification' })
  const unknown = addOpportunity(salesforce, start + minute)
  setField(salesforce, 'Opportunity', unknown, start + 5 * minute, { StageName: 'Closed Won' })
  salesforce.track({ object: 'Opportunity', field: 'StageName' })
  const tracked = addOpportunity(salesforce, start + minute)
  setField(salesforce, 'Opportunity', tracked, start + 6 * minute, { StageName: 'Closed Lost' })
  const result = await readAll(contextFor(salesforce))
  t.same(told(result, untouched), [['reached', 'Qualification', 1]])
  t.same(told(result, unknown), [['reached', 'Closed Won', 5]])
  t.same(told(result, tracked), [
    ['reached', 'Prospecting', 1],
    ['reached', 'Closed Lost', 6],
  ])
})

t.test('without tracking, leads that changed are shown as they are, dated by their last change', async (t) => {
  const salesforce = await openOrg(t)
  const [old, fresh] = [addLead(salesforce, start - 5 * minute), addLead(salesforce, start)]
  setField(salesforce, 'Lead', old, start + 10 * minute, { Status: 'Working - Contacted' })
  const result = await readAll(contextFor(salesforce))
  t.same(
    result.changes.filter(({ id }) => id === old),
    [
      {
        kind: 'found',
        entity: 'Lead',
        id: old,
        stage: 'Working - Contacted',
        at: start + 10 * minute,
        exact: false,
        history: true,
      },
    ],
  )
  t.same(told(result, fresh)[0], ['reached', 'Open - Not Contacted', 0])
})

t.test('many rows come page by page, each once, those of one second too', async (t) => {
  const salesforce = await openOrg(t)
  salesforce.track({ object: 'Lead', field: 'Status' })
  const ids = Array.from({ length: 1_200 }, () => addLead(salesforce, start + minute))
  for (const id of ids) setField(salesforce, 'Lead', id, start + 2 * minute, { Status: 'Working - Contacted' })
  const { changes, pages, records } = await readAll(contextFor(salesforce))
  t.equal(records, 2_400)
  t.equal(changes.length, 2_400)
  t.equal(new Set(changes.map(({ id, stage }) => id + stage)).size, 2_400)
  t.ok(pages <= 8, `${pages} pages`)
})

t.test('a position of another release is none', async (t) => {
  const salesforce = await openOrg(t)
  const id = addLead(salesforce, start)
  for (const strange of ['', 'x', '{}', '{"part":"contacts"}', '[1]'])
    t.match((await history(contextFor(salesforce), period, strange)).changes, [{ id, at: start }], strange)
})

t.test('a user who may not see opportunities has a history of leads', async (t) => {
  const salesforce = await openOrg(t, { user: { hiddenObjects: ['Opportunity'] } })
  const id = addLead(salesforce, start)
  addOpportunity(salesforce, start)
  t.match(await readAll(contextFor(salesforce)), { changes: [{ id }, { id, kind: 'found' }], pages: 4 })
})
