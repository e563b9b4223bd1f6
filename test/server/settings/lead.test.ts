/** Promise 16, by command: a person is shown, forgotten, and kept from coming back. */
import t from 'tap'
import { sha256 } from '../../../mappings/hash.ts'
import { countLead, eraseLead } from '../../../server/settings/erase-lead.ts'
import { exportLead } from '../../../server/settings/export-lead.ts'
import type { LeadName } from '../../../server/settings/find-lead.ts'
import { DATASET, type TestApp, testApp, until } from '../../support/app.ts'
import { count, findTraces, ledger, story } from '../../support/look.ts'
import { envOf, run } from '../command-line/run.ts'

const LEAD_ID = '8877665544332211'
const person = { email: 'canary@example.com', phone: '+491701234567', firstname: 'Canarina' }
const traces = [...Object.values(person), '491701234567', LEAD_ID].flatMap((text) => [text, sha256(text.toLowerCase())])
const create = (it: TestApp, properties: Record<string, string> = {}) =>
  it.hubspot.create({ type: 'contact', properties: { ...person, lifecyclestage: 'lead', meta_lead_id: LEAD_ID, ...properties } }).id
const caller = (it: TestApp) => ({ db: it.db, actor: 'operator' })

t.test('by lead id, address, number or record, however they are written', async (t) => {
  const it = await testApp(t)
  const id = create(it)
  it.hubspot.create({
    type: 'contact',
    properties: { lifecyclestage: 'lead', meta_lead_id: '123456789012345', email: 'other@example.com' },
  })
  await it.settled()
  const names: LeadName[] = [
    { by: 'lead-id', value: `l:${LEAD_ID}` },
    { by: 'email', value: ' Canary@Example.com ' },
    { by: 'email', value: sha256('canary@example.com').toUpperCase() },
    { by: 'phone', value: '0049 (0)170 / 123 45 67' },
    { by: 'record', ref: { type: 'contact', id } },
  ]
  for (const name of names) t.same(await countLead(caller(it), it.workspaceId, name), { leads: 1, records: 1 }, JSON.stringify(name))
  const counted = (name: LeadName, workspace: string | number = it.workspaceId) => countLead(caller(it), workspace, name)
  t.same(await counted({ by: 'email', value: 'nobody@example.com' }), { leads: 0, records: 0 })
  await t.rejects(counted({ by: 'email', value: 'nobody' }), { code: 'invalid_input' })
  await t.rejects(counted({ by: 'phone', value: '0170 1234567' }), { code: 'invalid_input', userText: /country code/ })
  await t.rejects(counted({ by: 'lead-id', value: '12' }), { code: 'invalid_input' })
  await t.rejects(counted({ by: 'record', ref: { type: 'contact', id: '1' } }), { code: 'record_unknown' })
  const other = await it.addTenant({ portal: 4004004, dataset: '700000000000002', token: 'EAAtesttoken0000000000000000000002' })
  for (const name of names.slice(0, 4)) t.same(await counted(name, other.workspaceId), { leads: 0, records: 0 }, 'in no other workspace')
  await t.rejects(counted(names[4] as LeadName, other.workspaceId), { code: 'record_unknown' })
})

t.test('an erasure leaves nothing, is told without saying of whom, and bars the way back', async (t) => {
  const it = await testApp(t)
  const id = create(it)
  await it.settled()
  t.ok((await findTraces(it.db, traces)).length > 0)
  t.same(await eraseLead(caller(it), it.workspaceId, { by: 'email', value: person.email }, it.vault), { leads: 1, records: 1 })
  t.same(await findTraces(it.db, traces), [])
  t.match(await it.db.selectFrom('audit').select(['action', 'detail']).execute(), [
    { action: 'lead.erase', detail: { by: 'email', leads: 1, records: 1 } },
  ])
  const sent = it.meta.events({ dataset: DATASET }).length
  it.hubspot.change({ type: 'contact', id, properties: { lifecyclestage: 'customer' } })
  create(it, { lifecyclestage: 'customer' })
  create(it, { lifecyclestage: 'customer', email: 'new@example.com', phone: '+491700000000' })
  await it.settled()
  t.equal(it.meta.events({ dataset: DATASET }).length, sent, 'neither the record, nor the address, nor the lead id')
  t.same(await findTraces(it.db, traces), [])
})

t.test('who is not known yet, waits for a lead, or has an event that waits, is forgotten all the same', async (t) => {
  const it = await testApp(t)
  await eraseLead(caller(it), it.workspaceId, { by: 'email', value: 'later@example.com' }, it.vault)
  const later = it.hubspot.create({
    type: 'contact',
    at: Date.now() - 60_000,
    properties: { lifecyclestage: 'lead', meta_lead_id: '123456789012345', email: 'later@example.com' },
  }).id
  await it.settled()
  t.ok((await ledger(it.db, later)).every(({ reason }) => reason === 'erased'))

  it.hubspot.create({ type: 'contact', properties: { ...person, lifecyclestage: 'lead' } })
  await it.settled()
  t.same(await countLead(caller(it), it.workspaceId, { by: 'phone', value: person.phone }), { leads: 0, records: 1 })
  await eraseLead(caller(it), it.workspaceId, { by: 'phone', value: person.phone }, it.vault)
  t.same(await findTraces(it.db, traces), [])

  await it.db.updateTable('dataset').set({ state: 'held' }).execute()
  const held = it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'lead', meta_lead_id: '123456789012346' } }).id
  await it.hubspot.idle()
  await until(async () => (await count(it.db, 'outbox')) === 1)
  await eraseLead(caller(it), it.workspaceId, { by: 'lead-id', value: '123456789012346' }, it.vault)
  t.equal(await count(it.db, 'outbox'), 0)
  t.ok((await story(it.db, held)).includes('raw_lead suppressed erased'))
})

t.test('everything that is held about a person can be shown, also what waits sealed', async (t) => {
  const it = await testApp(t)
  const id = create(it)
  await it.settled()
  await it.db.updateTable('connection').set({ state: 'paused' }).execute()
  it.hubspot.change({ type: 'contact', id, properties: { lifecyclestage: 'customer' } })
  it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'lead', email: 'other@example.com' } })
  await it.hubspot.idle()
  const held = await exportLead(caller(it), it.workspaceId, { by: 'lead-id', value: LEAD_ID }, it.vault)
  t.match(held, {
    leads: [{ meta_lead_id: LEAD_ID }],
    records: [{ record_id: id, crm: 'hubspot' }],
    milestones: [{ dataset: DATASET, event_name: 'Raw Lead' }],
    waiting: [{ change: { objectId: Number(id), propertyValue: 'customer' } }],
    erasedAt: null,
  })
  t.same(held.keys.map(({ kind, hash }) => [kind, hash]).sort(), [
    ['em', sha256(person.email)],
    ['ph', sha256('491701234567')],
  ])
  t.ok(held.ledger.length > 0)
  t.equal(held.waiting.length, 1, 'nobody else’s')
  await eraseLead(caller(it), it.workspaceId, { by: 'lead-id', value: LEAD_ID }, it.vault)
  const after = await exportLead(caller(it), it.workspaceId, { by: 'lead-id', value: LEAD_ID }, it.vault)
  t.match(after, { leads: [], keys: [], records: [], erasedAt: Date })
})

t.test('the command asks on standard input, and erases only when told twice', async (t) => {
  const it = await testApp(t)
  create(it)
  await it.settled()
  const env = envOf(it)
  const lead = (words: string, input: string) => run(['lead', ...words.split(' ')], { env, input })
  t.match(await lead('erase --workspace 1 --by email', `${person.email}\n`), { code: 0, stdout: /^1 lead and 1 CRM record would be/ })
  const shown = await lead('export --workspace 1 --by email', person.email)
  t.equal(JSON.parse(shown.stdout).records.length, 1)
  t.match(await lead('erase --workspace 1 --by email --yes', person.email), { code: 0, stdout: /forgotten/ })
  t.same(await findTraces(it.db, traces), [])
  t.match(await lead('erase --workspace 1 --by email --yes', ''), { code: 1, stderr: /standard input/ })
  t.match(await lead('erase --workspace 1 --by record --yes', 'contact'), { code: 2, stderr: /contact\/101/ })
  t.match(await lead(`erase ${person.email} --workspace 1 --by email`, ''), { code: 2 }, 'an argument is refused')
})
