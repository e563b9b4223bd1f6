/** What HubSpot's history says of a period, read page by page from the stand-in. */
import t from 'tap'
import { normalise } from '../../../connectors/hubspot/normalise.ts'
import { readPeriod } from '../../../connectors/hubspot/read-period.ts'
import type { HubSpot } from '../../simulators/hubspot/start-hubspot.ts'
import { allScopes } from '../../simulators/hubspot/start-hubspot.ts'
import { contextFor, openPortal } from './portal.ts'

const MINUTE = 60_000
const to = Date.now() - MINUTE
const from = to - 60 * MINUTE

/** Reads the whole period; `each` is called between pages with the position. */
async function readAll(hubspot: HubSpot, given: Parameters<typeof contextFor>[1] = {}, each = (_: string) => undefined as unknown) {
  const changes: unknown[] = []
  let records = 0
  let position: string | undefined
  do {
    const page = await readPeriod(contextFor(hubspot, given), { from, to }, position)
    changes.push(...page.changes)
    records += page.records
    position = page.next
    if (position !== undefined) each(position)
  } while (position !== undefined)
  return { signals: normalise(JSON.parse(JSON.stringify(changes))), records }
}

t.test('stages reached in the period come with their exact times and pipelines, others do not', async (t) => {
  const hubspot = await openPortal()
  t.teardown(() => hubspot.close())
  const { id } = hubspot.create({ type: 'contact', at: from - MINUTE, properties: { lifecyclestage: 'lead', hs_lead_status: 'NEW' } })
  hubspot.change({ type: 'contact', id, at: from, properties: { lifecyclestage: 'opportunity' } })
  hubspot.change({ type: 'contact', id, at: from + 7, properties: { lifecyclestage: '' } })
  hubspot.change({ type: 'contact', id, at: from + 8, properties: { lifecyclestage: 'lead' } })
  hubspot.change({ type: 'contact', id, at: to, properties: { lifecyclestage: 'customer' } })
  const deal = hubspot.create({ type: 'deal', at: from + 1, properties: { dealstage: 'closedwon' } }).id
  const lead = hubspot.create({ type: 'lead', at: from + 2, properties: { hs_pipeline_stage: 'connected-stage-id' } }).id
  const { signals, records } = await readAll(hubspot)
  t.equal(records, 3)
  const stage = { kind: 'stage', origin: 'history', occurredAtSource: 'field', exact: true }
  t.match(signals, [
    { ...stage, ref: { type: 'contact', id }, stage: { source: 'lifecyclestage', stageId: 'opportunity' }, occurredAt: from },
    { ...stage, ref: { type: 'contact', id }, stage: { source: 'lifecyclestage', stageId: 'lead' }, occurredAt: from + 8 },
    {
      ...stage,
      ref: { type: 'deal', id: deal },
      stage: { source: 'dealstage', pipelineId: 'default', stageId: 'closedwon' },
      occurredAt: from + 1,
    },
    {
      ...stage,
      ref: { type: 'lead', id: lead },
      stage: { source: 'hs_pipeline_stage', pipelineId: hubspot.record({ type: 'lead', id: lead })?.properties.hs_pipeline },
      occurredAt: from + 2,
    },
  ])
  t.equal(signals.length, 4)
})

t.test('creation, a lead id written later and merges are found; other edits cost no change', async (t) => {
  const hubspot = await openPortal()
  t.teardown(() => hubspot.close())
  const fresh = hubspot.create({ type: 'contact', at: from + 1, properties: {} }).id
  const [late, edited, kept, gone] = [1, 2, 3, 4].map((n) => hubspot.create({ type: 'contact', at: from - n * MINUTE }).id) as string[]
  hubspot.change({ type: 'contact', id: late as string, at: from + 2, properties: { meta_lead_id: '123456789012345' } })
  hubspot.change({ type: 'contact', id: edited as string, at: from + 3, properties: { city: 'Bonn' } })
  hubspot.merge({ type: 'contact', primaryId: kept as string, otherIds: [gone as string], at: from + 4 })
  const { signals, records } = await readAll(hubspot)
  t.equal(records, 4)
  t.same(signals, [
    { kind: 'seen', ref: { type: 'contact', id: fresh }, occurredAt: from + 1 },
    { kind: 'identity', ref: { type: 'contact', id: late }, occurredAt: from + 2 },
    { kind: 'merged', ref: { type: 'contact', id: kept }, mergedIds: [gone], occurredAt: from + 4 },
  ])
})

t.test('more records than a search may yield are all found once, ties and changes on the way included', async (t) => {
  const hubspot = await openPortal()
  t.teardown(() => hubspot.close())
  const ids = Array.from(
    { length: 10_700 },
    // Imports write many records at one instant: here 450 at a time, and 2,000 at one.
    (_, n) =>
      hubspot.create({ type: 'contact', at: from + (n < 2_000 ? 5 : Math.floor(n / 450) * 1_000), properties: { lifecyclestage: 'lead' } })
        .id,
  )
  let pages = 0
  const { signals } = await readAll(hubspot, {}, () => {
    pages += 1
    // Both one that was read and one that was not are changed on the way.
    if (pages === 5)
      for (const id of [ids[0], ids.at(-1)])
        hubspot.change({ type: 'contact', id: id as string, at: from + 30 * MINUTE, properties: { lifecyclestage: 'customer' } })
  })
  const reached = (stageId: string) =>
    signals.flatMap((signal) => (signal.kind === 'stage' && signal.stage.stageId === stageId ? signal.ref.id : []))
  t.equal(new Set(reached('lead')).size, ids.length)
  t.ok(reached('lead').length <= ids.length + 1, 'only a record that changed on the way is read again')
  t.same(reached('customer').sort(), [ids[0], ids.at(-1)].sort())
})

t.test('without the permission for leads there are none; without another one the reader is told', async (t) => {
  const without = (name: string) => allScopes.filter((scope) => scope !== name)
  const unasked = await openPortal({ scopes: without('crm.objects.leads.read') })
  t.teardown(() => unasked.close())
  unasked.create({ type: 'contact', at: from, properties: { lifecyclestage: 'lead' } })
  t.equal((await readAll(unasked, { scopes: without('crm.objects.leads.read') })).signals.length, 1)
  t.equal((await readAll(unasked)).signals.length, 1, 'also where it was taken away since')
  const deprived = await openPortal({ scopes: without('crm.objects.deals.read') })
  t.teardown(() => deprived.close())
  await t.rejects(readAll(deprived), { code: 'missing_scope' })
})
