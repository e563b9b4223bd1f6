/** Deletion and erasure: who is gone is reported, who asked to be forgotten is forgotten everywhere. */
import t from 'tap'
import { sha256 } from '../../../mappings/hash.ts'
import { DATASET, type TestApp, testApp, until } from '../../support/app.ts'
import { createDoor } from '../../support/door.ts'
import { count, findTraces, ledger, story } from '../../support/look.ts'
import { post, stageEvent } from '../../support/post-webhook.ts'
import { resolved, sent, silence } from '../resolve/sharing.ts'

const LEAD_ID = '8877665544332211'
const person = { email: 'canary@example.com', phone: '+491701234567', firstname: 'Canarina', lastname: 'Birdsson', city: 'Nestville' }
const traces = [...Object.values(person), '491701234567', LEAD_ID].flatMap((text) => [text, sha256(text.toLowerCase())])
const create = (it: TestApp, at?: number) =>
  it.hubspot.create({ type: 'contact', ...(at && { at }), properties: { ...person, lifecyclestage: 'lead', meta_lead_id: LEAD_ID } }).id

t.test('a record that was deleted before it could be read', async (t) => {
  const it = await testApp(t)
  silence(it)
  const id = create(it)
  it.hubspot.remove({ type: 'contact', id })
  const never = '987654'
  await post(it.url, [stageEvent(id, 'lead'), stageEvent(never, 'customer')])
  await it.settled()
  t.strictSame(await story(it.db, id), ['lead suppressed record_gone'])
  t.strictSame(await story(it.db, never), ['customer suppressed record_gone'])
  it.hubspot.restore({ type: 'contact', id })
  await post(it.url, [
    stageEvent(id, '', { subscriptionType: 'object.restore', propertyName: undefined, propertyValue: undefined }),
    stageEvent(id, 'customer'),
  ])
  await it.settled()
  t.ok(
    sent(it).some(([name]) => name === 'Converted'),
    'restored, it counts again',
  )
})

t.test('after the event was sent: nothing personal is left, and the lead does not come back', async (t) => {
  const it = await testApp(t)
  const id = create(it)
  await it.settled()
  t.ok((await findTraces(it.db, traces)).length > 0, 'there was something to forget')
  it.hubspot.erase({ type: 'contact', id })
  await it.settled()
  t.strictSame(await findTraces(it.db, traces), [])
  t.equal(await count(it.db, 'lead_key'), 0)
  t.equal((await ledger(it.db, id)).filter(({ outcome }) => outcome === 'sent').length, 1, 'that it was sent stays known')

  await post(it.url, [stageEvent(id, 'customer')])
  await it.settled()
  t.ok((await story(it.db, id)).includes('customer suppressed erased'))
  // The same lead under another record, as an import brings it back.
  const again = create(it)
  it.hubspot.change({ type: 'contact', id: again, properties: { lifecyclestage: 'customer' } })
  await it.settled()
  t.ok((await ledger(it.db, again)).every(({ outcome, reason }) => outcome === 'suppressed' && reason === 'erased'))
  t.equal(it.meta.summary().datasets[DATASET]?.received, 1)
  t.strictSame(await findTraces(it.db, traces), [])
})

t.test('before anything was known: nothing is looked up, and later changes send nothing', async (t) => {
  const it = await testApp(t)
  silence(it)
  const id = create(it)
  const erasure = stageEvent(id, '', {
    subscriptionType: 'contact.privacyDeletion',
    objectTypeId: undefined,
    propertyName: undefined,
    propertyValue: undefined,
  })
  await post(it.url, [stageEvent(id, 'lead'), erasure, stageEvent(id, 'customer')])
  await it.settled()
  await post(it.url, [stageEvent(id, 'opportunity')])
  await it.settled()
  t.equal(it.hubspot.requests().filter(({ path }) => path.includes('/crm/')).length, 0, 'the CRM is not asked for the person')
  t.ok((await ledger(it.db, id)).every(({ outcome, reason }) => outcome === 'suppressed' && reason === 'erased'))
  t.equal((await ledger(it.db, id)).length, 3)
  t.strictSame(await findTraces(it.db, traces), [])
  t.equal(it.meta.requests().length, 0)
})

t.test('while an event is waiting to be sent: it is not sent', async (t) => {
  const it = await testApp(t)
  await it.db.updateTable('dataset').set({ state: 'held' }).execute()
  const id = create(it)
  await it.hubspot.idle()
  await resolved(it)
  t.equal(await count(it.db, 'outbox'), 1)
  it.hubspot.erase({ type: 'contact', id })
  await it.hubspot.idle()
  await resolved(it)
  t.equal(await count(it.db, 'outbox'), 0)
  await it.db.updateTable('dataset').set({ state: 'active' }).execute()
  t.ok((await story(it.db, id)).includes('raw_lead suppressed erased'))
  t.strictSame(await findTraces(it.db, traces), [])
  await it.settled()
  t.equal(it.meta.requests().length, 0)
})

t.test('while a lookup is under way: what it brings is not kept', async (t) => {
  // Where processes share by Redis a connection has one run at a time, and the deletion its turn after the lookup.
  const it = await testApp(t, { alone: true })
  silence(it)
  const id = create(it)
  const other = it.hubspot.create({ type: 'contact', properties: { meta_lead_id: '123456789012345' } }).id
  const door = createDoor()
  it.hubspot.misbehave({ how: 'slow', held: door.pass, path: '/contacts/batch/read', times: 1 })
  await post(it.url, [stageEvent(id, 'lead'), stageEvent(other, 'lead')])
  const second = await it.another()
  await door.came
  await post(second.url, [
    stageEvent(id, '', {
      subscriptionType: 'contact.privacyDeletion',
      objectTypeId: undefined,
      propertyName: undefined,
      propertyValue: undefined,
    }),
  ])
  await until(async () => (await count(it.db, 'tombstone')) > 0)
  door.open()
  await it.settled()
  t.strictSame(await findTraces(it.db, traces), [])
  t.strictSame(
    sent(it).map(([, leadId]) => leadId),
    ['123456789012345'],
  )
})

t.test('in another connection of the workspace too, and in no other workspace', async (t) => {
  const it = await testApp(t)
  it.meta.addDataset({ id: '700000000000002', tokens: ['EAAtesttoken0000000000000000000002'] })
  it.meta.addDataset({ id: '700000000000003', tokens: ['EAAtesttoken0000000000000000000003'] })
  const other = await it.addTenant({ portal: 4004004, dataset: '700000000000002', token: 'EAAtesttoken0000000000000000000002' })
  const third = await it.addTenant({ portal: 5005005, dataset: '700000000000003', token: 'EAAtesttoken0000000000000000000003' })
  await it.db.updateTable('connection').set({ workspace_id: it.workspaceId }).where('id', '=', third.connectionId).execute()
  const properties = { ...person, lifecyclestage: 'lead', meta_lead_id: LEAD_ID }
  const ids = [undefined, 4004004, 5005005].map(
    (portalId) => it.hubspot.create({ type: 'contact', properties, ...(portalId && { portalId }) }).id,
  )
  await it.settled()
  it.hubspot.erase({ type: 'contact', id: ids[0] as string })
  await it.settled()
  const left = await it.db.selectFrom('lead').select(['workspace_id', 'meta_lead_id']).where('meta_lead_id', 'is not', null).execute()
  t.strictSame(left, [{ workspace_id: other.workspaceId, meta_lead_id: LEAD_ID }])
  const kept = await it.db.selectFrom('record').select(['connection_id']).where('profile', 'is not', null).execute()
  t.strictSame(kept, [{ connection_id: other.connectionId }])
})

t.test('whoever filled in several forms is forgotten as every lead they were', async (t) => {
  const it = await testApp(t)
  const email = 'canary@example.com'
  const traces = [email, sha256(email), 'other@example.com', sha256('other@example.com'), LEAD_ID, '111111111111111', '222222222222222']
  const at = Date.now() - 3_600_000
  const id = it.hubspot.create({ type: 'contact', at, properties: { email, meta_lead_id: LEAD_ID } }).id
  const loser = it.hubspot.create({ type: 'contact', at, properties: { email: 'other@example.com', meta_lead_id: '222222222222222' } }).id
  await it.settled()
  it.hubspot.change({ type: 'contact', id, properties: { meta_lead_id: '111111111111111' } })
  await it.settled()
  it.hubspot.merge({ type: 'contact', primaryId: id, otherIds: [loser] })
  await it.settled()
  t.ok((await findTraces(it.db, traces)).length > 0, 'there was something to forget')
  it.hubspot.erase({ type: 'contact', id })
  await it.settled()
  t.strictSame(await findTraces(it.db, traces), [])
})

t.test('somebody else with the same number is not forgotten along', async (t) => {
  const it = await testApp(t)
  const phone = '+491701234567'
  const of = (email: string, meta_lead_id: string) => it.hubspot.create({ type: 'contact', properties: { email, phone, meta_lead_id } }).id
  const id = of('canary@example.com', LEAD_ID)
  of('other@example.com', '111111111111111')
  await it.settled()
  it.hubspot.erase({ type: 'contact', id })
  await it.settled()
  t.ok((await findTraces(it.db, ['111111111111111'])).length > 0)
  t.strictSame(await findTraces(it.db, [LEAD_ID, sha256('canary@example.com')]), [])
})
