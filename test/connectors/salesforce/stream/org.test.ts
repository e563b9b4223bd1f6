/** What happens in an org, as it comes out of the stream: from what people do to what it means. */
import t, { type Test } from 'tap'
import type { Signal } from '../../../../connectors/connector.ts'
import { normalise } from '../../../../connectors/salesforce/normalise.ts'
import { openHub } from '../../../../connectors/salesforce/stream/hub.ts'
import { appOf, metaLeadId, openOrg, refreshToken } from '../org.ts'
import { eventually, followOrg } from './follow.ts'

async function start(t: Test, org: Parameters<typeof openOrg>[1] = {}) {
  const salesforce = await openOrg(t, org)
  const hub = openHub({ ...appOf(salesforce), streamUrl: salesforce.streamUrl })
  t.teardown(() => hub.close())
  const { accessToken: token } = salesforce.accessToken({ refreshToken })
  const current = async () => ({ token, apiUrl: salesforce.url })
  const stream = followOrg(t, hub, salesforce.org().id, { access: { current }, ruleFields: ['LeadSource'] })
  await eventually(() => salesforce.pubsub.counts().open === 1)
  let read = 0
  return {
    salesforce,
    stream,
    /** The next so many changes, and what they mean. */
    async next(count: number) {
      await stream.until(() => stream.changes().length >= read + count)
      const changes = stream.changes().slice(read, read + count)
      read += count
      return { changes, signals: normalise(JSON.parse(JSON.stringify(changes))) }
    },
  }
}

const ada = { FirstName: 'Ada', LastName: 'Lovelace', Company: 'Engines', Email: 'ada@example.com', Meta_Lead_ID__c: metaLeadId }
const brief = (signals: readonly Signal[]) =>
  signals.map((signal) => [signal.kind, signal.ref.id, ...(signal.kind === 'stage' ? [signal.stage.stageId] : [])])

t.test('a lead that is created and moved in one transaction is at the final stage', async (t) => {
  const { salesforce, next } = await start(t)
  const [id] = salesforce.insert({ object: 'Lead', records: [{ ...ada, Status: 'Working - Contacted' }] }).ids as [string]
  const { signals } = await next(1)
  t.same(brief(signals), [
    ['shown', id],
    ['stage', id, 'Working - Contacted'],
  ])
  t.match(signals[0], { snapshot: { partial: false, identity: { metaLeadId, emails: ['ada@example.com'], firstName: 'Ada' } } })
})

t.test('an update of a lead carries the packaged lead id', async (t) => {
  const { salesforce, next } = await start(t)
  const [id] = salesforce.insert({ object: 'Lead', records: [ada] }).ids as [string]
  salesforce.update({ object: 'Lead', records: [{ Id: id, Status: 'Working - Contacted' }] })
  const { signals } = await next(2)
  t.match(signals.slice(2), [
    { kind: 'shown', snapshot: { partial: true, identity: { metaLeadId, externalId: id } } },
    { kind: 'stage', stage: { source: 'lead_status', stageId: 'Working - Contacted' } },
  ])
})

t.test('a conversion tells of the opportunity before the lead that links them', async (t) => {
  const { salesforce, next } = await start(t)
  const [id] = salesforce.insert({ object: 'Lead', records: [ada] }).ids as [string]
  await next(1)
  const { opportunityId } = salesforce.convert({ leads: [id], opportunity: { StageName: 'Prospecting' } })
  const { changes, signals } = await next(2)
  t.same(
    changes.map(({ entity, type }) => [entity, type]),
    [
      ['Opportunity', 'CREATE'],
      ['Lead', 'UPDATE'],
    ],
  )
  t.equal(changes[0]?.transaction, changes[1]?.transaction)
  t.ok((changes[0]?.sequence ?? 0) < (changes[1]?.sequence ?? 0))
  t.same(brief(signals), [
    ['shown', opportunityId],
    ['seen', opportunityId],
    ['stage', opportunityId, 'Prospecting'],
    ['shown', id],
    ['stage', id, 'Closed - Converted'],
    ['identity', opportunityId],
  ])
})

t.test('a conversion may open no opportunity', async (t) => {
  const { salesforce, next } = await start(t)
  const [id] = salesforce.insert({ object: 'Lead', records: [ada] }).ids as [string]
  await next(1)
  salesforce.convert({ leads: [id], opportunity: false })
  t.same(brief((await next(1)).signals), [
    ['shown', id],
    ['stage', id, 'Closed - Converted'],
  ])
})

for (const enriched of [['Meta_Lead_ID__c'], []])
  t.test(`the same change of several records (${enriched.length === 0 ? 'merged' : 'one event each'}) is a step of each`, async (t) => {
    const { salesforce, next } = await start(t, { enriched })
    const { ids } = salesforce.insert({ object: 'Lead', records: [ada, { ...ada, FirstName: 'Grace' }] })
    await next(2)
    const to = { Status: 'Working - Contacted' }
    salesforce.transact({ operations: ids.map((id) => ({ kind: 'update', object: 'Lead', id, fields: to })) })
    const { changes, signals } = await next(enriched.length === 0 ? 1 : 2)
    t.ok(changes.every(({ together }) => together === 2))
    t.same(
      signals.filter(({ kind }) => kind === 'stage').map(({ ref }) => ref.id),
      ids,
    )
  })

for (const enriched of [['Meta_Lead_ID__c'], []])
  t.test(`a stage renamed in Setup is nobody's step (${enriched.length === 0 ? 'merged' : 'one event each'})`, async (t) => {
    const { salesforce, next } = await start(t, { enriched })
    const status = 'Working - Contacted'
    const { ids } = salesforce.insert({ object: 'Lead', records: [1, 2, 3].map(() => ({ ...ada, Status: status })) })
    await next(3)
    salesforce.renameStage({ object: 'Lead', from: status, to: 'In progress' })
    const { signals } = await next(enriched.length === 0 ? 1 : 3)
    t.same(
      signals.map(({ kind, ref, ...rest }) => [kind, ref.id, 'history' in rest && rest.history]),
      ids.map((id) => ['seen', id, true]),
    )
  })

t.test('a merge, a deletion and a return from the recycle bin are looked at', async (t) => {
  const { salesforce, next } = await start(t)
  const { ids } = salesforce.insert({ object: 'Lead', records: [ada, ada, ada] })
  const [master, loser, other] = ids as [string, string, string]
  await next(3)
  salesforce.merge({ master, losers: [loser] })
  salesforce.delete({ object: 'Lead', ids: [other] })
  salesforce.undelete({ object: 'Lead', ids: [other] })
  const { signals } = await next(4)
  t.same(brief(signals), [
    ['shown', master],
    ['identity', loser],
    ['identity', other],
    ['seen', other],
  ])
})

t.test('what Salesforce could not tell is read from history: of the record, or of all', async (t) => {
  const { salesforce, stream, next } = await start(t)
  const [id] = salesforce.insert({ object: 'Lead', records: [ada] }).ids as [string]
  await next(1)
  const to = { Id: id, Status: 'Working - Contacted' }
  salesforce.update({ object: 'Lead', records: [to], told: 'gap' })
  t.match((await next(1)).signals, [{ kind: 'seen', ref: { id }, history: true }])
  t.equal(stream.missed(), 0)
  salesforce.update({ object: 'Lead', records: [to], told: 'wildcard' })
  t.same((await next(1)).signals, [])
  t.equal(stream.missed(), 1)
  salesforce.update({ object: 'Lead', records: [to], told: 'overflow' })
  t.same((await next(1)).signals, [])
  t.equal(stream.missed(), 2)
})

t.test('what the connected user cannot see looks empty', async (t) => {
  const { salesforce, next } = await start(t, { user: { hiddenFields: ['Lead.Email', 'Lead.LeadSource'] } })
  salesforce.insert({ object: 'Lead', records: [{ ...ada, LeadSource: 'Facebook' }] })
  const { signals } = await next(1)
  const [shown] = signals
  t.match(shown, { snapshot: { identity: { metaLeadId, firstName: 'Ada' }, fields: { LeadSource: null } } })
  t.notOk(shown?.kind === 'shown' && shown.snapshot.identity?.emails)
})
