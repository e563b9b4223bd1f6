/** What happens in orgs now and then, the whole way: from what people and code of the org do to what Meta and the ledger have of it. */
import { sql } from 'kysely'
import t from 'tap'
import type { AppCredentials } from '../../connectors/connector.ts'
import { refresh } from '../../connectors/salesforce/install.ts'
import { readGrant, storeGrant } from '../../server/connections/grants.ts'
import { readHistoryCursor } from '../../server/intake/history-cursor.ts'
import { http } from '../connectors/bare-client.ts'
import { type TestApp, testApp, until } from '../support/app.ts'
import { count, hurry, ledger, story } from '../support/look.ts'
import { addOrg, followed } from '../support/salesforce.ts'
import { sentOf } from './resolve/sharing.ts'

const MINUTE = 60_000
const DATASET = '700000000000002'
const TOKEN = 'EAAtesttoken0000000000000000000002'
const LEAD = '123456789012345'
const OTHER = '987654321098765'
const ada = { LastName: 'Lovelace', Company: 'Engines' }
const seconds = (at: number) => Math.floor(at / 1000)

const timesOf = (it: TestApp, leadId: string) =>
  Object.fromEntries(
    it.meta.events({ dataset: DATASET }).flatMap((event) => (event.leadId === leadId ? [[event.eventName, event.eventTime]] : [])),
  )

/** Resolves when nothing is left to do. */
const quiet = (it: TestApp) => until(async () => (await count(it.db, 'packet')) + (await count(it.db, 'outbox')) === 0)

/** An org that is connected since yesterday, and whose history nothing has called for yet. */
async function connected(it: TestApp, given: Partial<Parameters<typeof addOrg>[1]> = {}) {
  const org = await addOrg(it, { dataset: DATASET, token: TOKEN, ...given })
  await followed(it, org.orgId)
  await until(async () => (await readHistoryCursor(it.db, org.connectionId))?.due === false)
  await sql`update connection set created_at = now() - interval '1 day' where id = ${org.connectionId}`.execute(it.db)
  await sql`update cursor set covered_until = now() - interval '1 day', due_at = 'infinity'
    where channel = 'history' and connection_id = ${org.connectionId}`.execute(it.db)
  return org
}

t.test('many orgs share few connections, and each is told of its own', async (t) => {
  const it = await testApp(t, { salesforce: {} })
  const orgs: { orgId: string; dataset: string; lead: string }[] = []
  for (let n = 10; n < 30; n++) {
    const dataset = `7000000000001${n}`
    orgs.push({ ...(await addOrg(it, { dataset, token: `EAAtesttoken00000000000000000001${n}` })), dataset, lead: `1234567890123${n}` })
  }
  await Promise.all(orgs.map(({ orgId }) => followed(it, orgId)))
  for (const { orgId, lead } of orgs) it.salesforce.insert({ orgId, object: 'Lead', records: [{ ...ada, Meta_Lead_ID__c: lead }] })
  await until(() => orgs.every(({ lead, dataset }) => sentOf(it, lead, dataset).length === 1))
  t.ok(it.salesforce.pubsub.counts().connections <= 2, 'one for streams, one for short questions')
  t.equal(it.meta.events().length, orgs.length)
})

for (const told of ['wildcard', 'overflow'] as const)
  t.test(`where a ${told} stands for records, the history tells which, and when`, async (t) => {
    const it = await testApp(t, { salesforce: {} })
    const { orgId, connectionId } = await connected(it)
    it.salesforce.track({ orgId, object: 'Lead', field: 'Status' })
    const at = Date.now() - 20 * MINUTE
    const insert = (Meta_Lead_ID__c: string) =>
      it.salesforce.insert({ orgId, object: 'Lead', records: [{ ...ada, Meta_Lead_ID__c }], at }).ids as [string]
    const ids = [...insert(LEAD), ...insert(OTHER)]
    await until(() => it.meta.events({ dataset: DATASET }).length === 2)
    for (const [n, Id] of ids.entries())
      it.salesforce.update({ orgId, object: 'Lead', records: [{ Id, Status: 'Working - Contacted' }], at: at + (n + 1) * MINUTE, told })
    await until(() => it.meta.events({ dataset: DATASET }).length === 4)
    t.match(timesOf(it, LEAD), { 'Marketing Qualified Lead': seconds(at + MINUTE) })
    t.match(timesOf(it, OTHER), { 'Marketing Qualified Lead': seconds(at + 2 * MINUTE) })
    await quiet(it)
    t.match((await ledger(it.db, ids[0])).at(-1)?.detail, { origin: 'history' })
    t.ok(((await readHistoryCursor(it.db, connectionId))?.coveredUntil ?? 0) > at)
  })

t.test('of several leads converted into one opportunity each is converted, and the earliest goes on with it', async (t) => {
  const it = await testApp(t, { salesforce: {} })
  const { orgId } = await connected(it)
  const at = Date.now() - 20 * MINUTE
  const insert = (Meta_Lead_ID__c: string, at: number) =>
    it.salesforce.insert({ orgId, object: 'Lead', records: [{ ...ada, Meta_Lead_ID__c }], at }).ids as [string]
  const leads = [...insert(OTHER, at + MINUTE), ...insert(LEAD, at)]
  const { opportunityId: Id } = it.salesforce.convert({ orgId, leads, opportunity: { Name: 'Both' }, at: at + 2 * MINUTE })
  await until(() => it.meta.events({ dataset: DATASET }).length === 5)
  it.salesforce.update({ orgId, object: 'Opportunity', records: [{ Id, StageName: 'Closed Won' }], at: at + 3 * MINUTE })
  await until(() => it.meta.events({ dataset: DATASET }).length === 6)
  await quiet(it)
  t.strictSame(sentOf(it, LEAD, DATASET).toSorted(), ['Converted', 'Qualified Lead', 'Raw Lead', 'Sales Opportunity'])
  t.strictSame(sentOf(it, OTHER, DATASET).toSorted(), ['Qualified Lead', 'Raw Lead'])
})

t.test('of a conversion without an opportunity the lead’s own stage is told, and nothing is left waiting', async (t) => {
  const it = await testApp(t, { salesforce: {} })
  const { orgId } = await connected(it)
  const at = Date.now() - 20 * MINUTE
  const leads = it.salesforce.insert({ orgId, object: 'Lead', records: [{ ...ada, Meta_Lead_ID__c: LEAD }], at }).ids
  it.salesforce.convert({ orgId, leads, opportunity: false, at: at + MINUTE })
  await until(() => sentOf(it, LEAD, DATASET).length === 2)
  await quiet(it)
  t.strictSame(timesOf(it, LEAD), { 'Raw Lead': seconds(at), 'Qualified Lead': seconds(at + MINUTE) })
})

t.test('of several steps in one transaction the last one counts, also where the first one makes the lead', async (t) => {
  const it = await testApp(t, { salesforce: {} })
  const { orgId } = await connected(it)
  const [made] = it.salesforce.insert({
    orgId,
    object: 'Lead',
    records: [{ ...ada, Meta_Lead_ID__c: LEAD, Status: 'Working - Contacted' }],
  }).ids as [string]
  const [moved] = it.salesforce.insert({ orgId, object: 'Lead', records: [{ ...ada, Meta_Lead_ID__c: OTHER }] }).ids as [string]
  it.salesforce.transact({
    orgId,
    operations: ['Closed - Not Converted', 'Working - Contacted'].map((Status) => ({
      ...{ kind: 'update', object: 'Lead', id: moved },
      fields: { Status },
    })),
  })
  await until(() => it.meta.events({ dataset: DATASET }).length === 4)
  await quiet(it)
  t.strictSame((await story(it.db, made)).toSorted(), ['Working - Contacted sent', 'raw_lead sent'])
  t.strictSame(
    (await ledger(it.db, moved)).map(({ stage }) => stage),
    ['lead_status//Open - Not Contacted', 'lead_status//Working - Contacted', 'raw_lead'],
  )
  t.equal(it.salesforce.pubsub.counts().delivered, 3, 'that is all there was to hear')
})

t.test('a lead that comes back from the recycle bin is known again, with what it reached meanwhile', async (t) => {
  const it = await testApp(t, { salesforce: {} })
  const { orgId } = await connected(it)
  it.salesforce.track({ orgId, object: 'Lead', field: 'Status' })
  const at = Date.now() - 20 * MINUTE
  const ids = it.salesforce.insert({ orgId, object: 'Lead', records: [{ ...ada, Meta_Lead_ID__c: LEAD }], at }).ids as [string]
  const [Id] = ids
  await until(() => sentOf(it, LEAD, DATASET).length === 1)
  const state = async () => (await it.db.selectFrom('record').select('state').where('record_id', '=', Id).executeTakeFirst())?.state
  it.salesforce.update({ orgId, object: 'Lead', records: [{ Id, Status: 'Working - Contacted' }], at: at + MINUTE, told: 'lost' })
  it.salesforce.delete({ orgId, object: 'Lead', ids })
  await until(async () => (await state()) === 'gone')
  await quiet(it)
  t.equal(sentOf(it, LEAD, DATASET).length, 1)
  it.salesforce.undelete({ orgId, object: 'Lead', ids })
  await until(() => sentOf(it, LEAD, DATASET).length === 2)
  t.match(timesOf(it, LEAD), { 'Marketing Qualified Lead': seconds(at + MINUTE) })
  t.not(await state(), 'gone')
})

t.test('what was deleted before anybody could look sends nothing, keeps nobody up and is no trouble', async (t) => {
  const it = await testApp(t, { salesforce: {} })
  const { orgId } = await connected(it, { org: { enriched: [] } })
  const insert = (object: string, fields: Record<string, string>) => it.salesforce.insert({ orgId, object, records: [fields] }).ids
  const opportunities = [...insert('Opportunity', { Name: 'binned' }), ...insert('Opportunity', { Name: 'purged' })]
  it.salesforce.delete({ orgId, object: 'Opportunity', ids: opportunities })
  it.salesforce.purge({ orgId, object: 'Opportunity', ids: opportunities.slice(1) })
  const leads = [...insert('Lead', ada), ...insert('Lead', ada)]
  for (const Id of leads) it.salesforce.update({ orgId, object: 'Lead', records: [{ Id, Status: 'Working - Contacted' }] })
  it.salesforce.delete({ orgId, object: 'Lead', ids: leads })
  it.salesforce.purge({ orgId, object: 'Lead', ids: leads.slice(1) })
  insert('Lead', { ...ada, Meta_Lead_ID__c: LEAD })
  await until(() => sentOf(it, LEAD, DATASET).length === 1)
  await quiet(it)
  t.equal(it.meta.events({ dataset: DATASET }).length, 1)
  const states = await it.db
    .selectFrom('record')
    .select('state')
    .where('record_id', 'in', [...opportunities, ...leads])
    .execute()
  t.strictSame(
    states.map(({ state }) => state),
    Array.from({ length: 4 }, () => 'gone'),
  )
  t.strictSame(await it.db.selectFrom('notice').select('code').execute(), [])
})

t.test(
  'an org whose requests are used up is asked for nothing while its stream goes on, and for the rest when there are some again',
  async (t) => {
    const it = await testApp(t, { salesforce: {} })
    const { orgId, connectionId } = await connected(it, { org: { dailyRequests: 1_000 } })
    const insert = (Meta_Lead_ID__c: string) =>
      it.salesforce.insert({ orgId, object: 'Lead', records: [{ ...ada, Meta_Lead_ID__c }] }).ids as [string]
    const [lead] = insert(LEAD)
    await until(() => sentOf(it, LEAD, DATASET).length === 1)
    it.salesforce.setRequestsUsed({ orgId, used: 1_000 })
    it.salesforce.reset()
    it.salesforce.convert({ orgId, leads: [lead], opportunity: { Name: 'Big one' } })
    const notices = () =>
      it.db.selectFrom('notice').select('code').where('subject', '=', `connection:${connectionId}`).where('closed_at', 'is', null).execute()
    await until(async () => (await notices()).some(({ code }) => code === 'allocation_used_up'))
    for (let n = 0; n < 5; n++) insert(`98765432109876${n}`)
    await until(() => it.meta.events({ dataset: DATASET }).length >= 6)
    await until(() => sentOf(it, LEAD, DATASET).length === 2)
    t.strictSame(sentOf(it, LEAD, DATASET), ['Raw Lead', 'Qualified Lead'], 'what the stream itself tells goes on')
    t.equal(it.salesforce.pubsub.streams({ orgId }).length, 1)
    t.ok(it.salesforce.requests().length <= 2, `${it.salesforce.requests().length} requests`)

    it.salesforce.setRequestsUsed({ orgId, used: 0 })
    await it.restart()
    await until(async () => {
      await hurry(it.db)
      return sentOf(it, LEAD, DATASET).length === 3
    })
    t.strictSame(sentOf(it, LEAD, DATASET).toSorted(), ['Qualified Lead', 'Raw Lead', 'Sales Opportunity'])
    await until(async () => (await notices()).length === 0)
  },
)

const ends: { what: string; end(it: TestApp, orgId: string, connectionId: number): void | Promise<void> }[] = [
  { what: 'a token that is revoked in mid-stream', end: (it, orgId) => it.salesforce.revokeGrants({ orgId }) },
  {
    what: 'a token that a process renewed, and died before it could keep the next one,',
    async end(it, orgId, connectionId) {
      await refresh(it.config.crm.salesforce as AppCredentials, await readGrant(it.db, it.vault, connectionId), http, Date.now())
      it.salesforce.expireTokens({ orgId })
      it.salesforce.pubsub.end({ orgId, how: 'service.auth.error' })
    },
  },
]
for (const { what, end } of ends)
  t.test(`${what} asks the customer; after a new one the stream goes on where it was`, async (t) => {
    const it = await testApp(t, { salesforce: {} })
    const { orgId, connectionId } = await connected(it)
    const insert = (Meta_Lead_ID__c: string) => it.salesforce.insert({ orgId, object: 'Lead', records: [{ ...ada, Meta_Lead_ID__c }] })
    for (let n = 0; n < 5; n++) insert(`11111111111111${n}`)
    await until(() => it.meta.events({ dataset: DATASET }).length === 5)
    await end(it, orgId, connectionId)
    const connection = () =>
      it.db.selectFrom('connection').select(['state', 'state_reason']).where('id', '=', connectionId).executeTakeFirstOrThrow()
    await until(async () => (await connection()).state === 'attention')
    t.match(await connection(), { state_reason: 'reconnect' })
    const notice = () =>
      it.db.selectFrom('notice').select(['code', 'closed_at']).where('subject', '=', `connection:${connectionId}`).execute()
    t.match(await notice(), [{ code: 'reconnect', closed_at: null }])
    for (let n = 5; n < 10; n++) insert(`11111111111111${n}`)
    const { refused } = it.salesforce.tokenCounts()

    const { refreshToken } = it.salesforce.grant({ orgId })
    await storeGrant(it.db, it.vault, connectionId, {
      ...{ accessToken: '', refreshToken, expiresAt: 0, grantedAt: 0, account: orgId, scopes: [] },
      ...{ apiUrl: it.salesforce.url, authUrl: it.salesforce.url },
    })
    await followed(it, orgId)
    await until(() => it.meta.events({ dataset: DATASET }).length === 10)
    await quiet(it)
    t.equal(it.salesforce.tokenCounts().refused, refused, 'nobody asked again with what was revoked')
    t.match(it.meta.summary().datasets[DATASET], { received: 10, distinct: 10, doubled: 0 })
    t.match(await connection(), { state: 'active' })
    t.match(await notice(), [{ closed_at: Date }])
  })
