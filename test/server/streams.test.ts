/** The whole way of a CRM with a stream: from the org to Meta, with the real connector and every process that follows it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import t from 'tap'
import { setSettings } from '../../server/settings/rules.ts'
import { testApp, until } from '../support/app.ts'
import { count, ledger, missingUntil, story } from '../support/look.ts'
import { addOrg, followed } from '../support/salesforce.ts'
import { sentOf } from './resolve/sharing.ts'

const DATASET = '700000000000002'
const TOKEN = 'EAAtesttoken0000000000000000000002'
const LEAD = '123456789012345'

/** Resolves when so many changes have been told and nothing of them is left to do. */
const done = (it: Awaited<ReturnType<typeof testApp>>, changes: number) =>
  until(async () => {
    const told = (await ledger(it.db)).filter(({ stage }) => stage !== 'raw_lead').length
    return told >= changes && (await count(it.db, 'packet')) + (await count(it.db, 'outbox')) === 0
  }, 120_000)

t.test('a lead is followed from its creation over its conversion to the opportunity that is won', async (t) => {
  const it = await testApp(t, { salesforce: {} })
  const { orgId } = await addOrg(it, { dataset: DATASET, token: TOKEN })
  await followed(it, orgId)
  const at = Date.now() - 10_000
  const [lead] = it.salesforce.insert({
    orgId,
    object: 'Lead',
    records: [{ LastName: 'Doe', Company: 'Acme', Email: 'jo@example.com', Meta_Lead_ID__c: LEAD }],
    at,
  }).ids as [string]
  it.salesforce.update({ orgId, object: 'Lead', records: [{ Id: lead, Status: 'Working - Contacted' }], at: at + 2_000 })
  it.salesforce.convert({ orgId, leads: [lead], opportunity: { Name: 'Big one' }, at: at + 4_000 })
  await until(() => sentOf(it, LEAD, DATASET).length >= 4)
  const [opportunity] = it.salesforce.records({ orgId, object: 'Opportunity' })
  it.salesforce.update({
    orgId,
    object: 'Opportunity',
    records: [{ Id: String(opportunity?.Id), StageName: 'Closed Won' }],
    at: at + 6_000,
  })
  await until(() => sentOf(it, LEAD, DATASET).length >= 5)
  await done(it, 5)
  t.strictSame(sentOf(it, LEAD, DATASET).toSorted(), [
    'Converted',
    'Marketing Qualified Lead',
    'Qualified Lead',
    'Raw Lead',
    'Sales Opportunity',
  ])
  const times = it.meta.events({ dataset: DATASET }).map(({ eventName, eventTime }) => [eventName, eventTime])
  t.match(Object.fromEntries(times), {
    'Raw Lead': Math.floor(at / 1000),
    'Marketing Qualified Lead': Math.floor((at + 2_000) / 1000),
    Converted: Math.floor((at + 6_000) / 1000),
  })
  t.equal(it.meta.summary().datasets[DATASET]?.doubled, 0)
  t.strictSame(
    (await story(it.db, lead)).filter((line) => !line.includes('sent')),
    ['Open - Not Contacted suppressed already_reached'],
  )
})

t.test(
  'no request is made for leads whose events carry the packaged lead id, and few for the others, however many there are',
  async (t) => {
    const it = await testApp(t, { salesforce: {} })
    const carried = await addOrg(it, { dataset: DATASET, token: TOKEN })
    const other = await addOrg(it, { dataset: '700000000000003', token: TOKEN, rules: { whichLeads: 'anyone' } })
    await Promise.all([followed(it, carried.orgId), followed(it, other.orgId)])
    // What reads the history of new connections is over.
    await until(async () =>
      (await it.db.selectFrom('cursor').select('due_at').where('channel', '=', 'history').execute()).every(
        ({ due_at }) => due_at > new Date(),
      ),
    )
    const lead = (n: number) => ({ LastName: `Doe ${n}`, Company: 'Acme', Email: `jo${n}@example.com` })
    const numbers = Array.from({ length: 100 }, (_, n) => n)
    const made = [
      { orgId: carried.orgId, records: numbers.map((n) => ({ ...lead(n), Meta_Lead_ID__c: String(100_000_000_000_000 + n) })) },
      { orgId: other.orgId, records: numbers.map(lead) },
    ].map((given) => it.salesforce.insert({ ...given, object: 'Lead' }).ids)
    await done(it, 200)
    await it.db
      .updateTable('record')
      .set({ looked_up_at: new Date(Date.now() - 3_600_000) })
      .execute()
    it.salesforce.reset()
    // 100 events a second, or as many as the machine can.
    const began = performance.now()
    for (let n = 0; n < 500; n++) {
      for (const [index, { orgId }] of [carried, other].entries()) {
        const Id = made[index]?.[n % 100] as string
        it.salesforce.update({
          orgId,
          object: 'Lead',
          records: [{ Id, Status: n % 200 < 100 ? 'Working - Contacted' : 'Open - Not Contacted' }],
        })
      }
      await sleep(10)
    }
    await done(it, 1_200)
    const requests = (orgId: string) => it.salesforce.requests().filter((one) => one.orgId === orgId && one.kind !== 'token')
    t.strictSame(
      requests(carried.orgId).map(({ query }) => query),
      [],
    )
    const asked = requests(other.orgId).length
    t.comment(`${asked} requests for 500 events`)
    // 0.02 for each event at 100 a second.
    t.ok(asked > 0 && asked <= Math.max(10, (2 * (performance.now() - began)) / 1_000))
    t.equal((await ledger(it.db)).filter(({ stage }) => stage.includes('Working')).length, 2 * 300)
  },
)

t.test('once changes are asked for, nobody is told any more that the stream is off', async (t) => {
  const it = await testApp(t, { salesforce: {} })
  const { connectionId } = await addOrg(it, { dataset: DATASET, token: TOKEN, org: { changeEvents: false } })
  const told = async () =>
    (await it.db.selectFrom('notice').select('code').where('closed_at', 'is', null).execute()).map(({ code }) => code)
  await until(async () => (await told()).includes('stream'))
  const caller = { db: it.db, actor: 'test' }
  await setSettings(caller, connectionId, { changes: 'poll' })
  await until(async () => (await told()).length === 0)
  await setSettings(caller, connectionId, { changes: 'stream' })
  await until(async () => (await told()).includes('stream'))
})

t.test('an org without change events is polled: where a record stands counts once, as far as is known', async (t) => {
  const it = await testApp(t, { salesforce: {} })
  const { orgId } = await addOrg(it, { dataset: DATASET, token: TOKEN, org: { changeEvents: false }, settings: { changes: 'poll' } })
  const polled = async () => {
    await sql`update cursor set due_at = now(), changed_at = null where channel = 'poll'`.execute(it.db)
    await until(async () => (await sql`select from cursor where channel = 'poll' and due_at > now()`.execute(it.db)).rows.length > 0)
  }
  await polled()
  const at = Date.now() - 60_000
  const change = (fields: Record<string, string | number>, seconds: number) =>
    it.salesforce.update({ orgId, object: 'Lead', records: [{ Id: lead, ...fields }], at: at + seconds * 1_000 })
  const [lead] = it.salesforce.insert({
    ...{ orgId, object: 'Lead', at },
    records: [{ LastName: 'Doe', Company: 'Acme', Email: 'jo@example.com', Meta_Lead_ID__c: LEAD }],
  }).ids as [string]
  await polled()
  await done(it, 1)
  change({ Description: 'called' }, 5)
  await polled()
  change({ Status: 'Working - Contacted' }, 10)
  await polled()
  await done(it, 2)
  change({ Description: 'called again' }, 15)
  await polled()
  await sleep(500)
  t.strictSame(sentOf(it, LEAD, DATASET), ['Raw Lead', 'Marketing Qualified Lead'])
  const [, working] = (await ledger(it.db, lead)).filter(({ stage }) => stage !== 'raw_lead')
  t.match(working, { stage: 'lead_status//Working - Contacted', occurredAt: Math.floor(at / 1000) * 1000 + 10_000 })
  t.match(working?.detail, { origin: 'poll', exact: false })
  t.equal(it.salesforce.pubsub.counts().subscribes, 0)
})

t.test('what the stream could not tell is read from the records’ history, with its own time', async (t) => {
  const it = await testApp(t, { salesforce: {} })
  const { orgId } = await addOrg(it, { dataset: DATASET, token: TOKEN })
  it.salesforce.track({ orgId, object: 'Lead', field: 'Status' })
  await followed(it, orgId)
  const at = Date.now() - 60_000
  const [Id] = it.salesforce.insert({
    ...{ orgId, object: 'Lead', at },
    records: [{ LastName: 'Doe', Company: 'Acme', Meta_Lead_ID__c: LEAD }],
  }).ids as [string]
  await done(it, 1)
  it.salesforce.update({ orgId, object: 'Lead', records: [{ Id, Status: 'Working - Contacted' }], at: at + 10_000, told: 'gap' })
  await done(it, 2)
  t.strictSame(sentOf(it, LEAD, DATASET), ['Raw Lead', 'Marketing Qualified Lead'])
  t.equal(it.meta.events({ dataset: DATASET }).at(-1)?.eventTime, Math.floor((at + 10_000) / 1000))
})

t.test('what a stream tells again is neither sent again nor makes anything old again', async (t) => {
  const it = await testApp(t, { salesforce: {} })
  const { orgId, connectionId } = await addOrg(it, { dataset: DATASET, token: TOKEN })
  await followed(it, orgId)
  const at = Date.now() - 600_000
  const insert = (fields: Record<string, string>) =>
    it.salesforce.insert({ orgId, object: 'Lead', records: [{ LastName: 'Doe', Company: 'Acme', ...fields }], at }).ids as [string]
  insert({ Meta_Lead_ID__c: '987654321098765' })
  await done(it, 1)
  const cursor = () =>
    it.db
      .selectFrom('cursor')
      .select(['position', 'wanted_until'])
      .where('connection_id', '=', connectionId)
      .orderBy('channel', 'desc')
      .executeTakeFirst()
  const first = (await cursor())?.position
  const [Id] = insert({ Email: 'old@example.com' })
  await done(it, 2)
  it.salesforce.update({ orgId, object: 'Lead', records: [{ Id, Email: 'new@example.com', Meta_Lead_ID__c: LEAD }], at: at + 10_000 })
  it.salesforce.update({ orgId, object: 'Lead', records: [{ Id, Status: 'Working - Contacted' }], at: at + 20_000 })
  await until(() => sentOf(it, LEAD, DATASET).length === 2)
  await done(it, 3)
  const record = () => it.db.selectFrom('record').select(['profile', 'lead_id', 'state']).where('record_id', '=', Id).execute()
  const [before, told] = [await record(), await ledger(it.db)]

  const delivered = it.salesforce.pubsub.counts().delivered
  // Together: for other rules the stream is opened anew, from where it stands then.
  await sql`
    with back as (update cursor set position = ${first} where connection_id = ${connectionId} and channel = 'stream')
    update connection set rules = rules || '{"repeats": true}' where id = ${connectionId}`.execute(it.db)
  await until(() => it.salesforce.pubsub.counts().delivered >= delivered + 3)
  await until(async () => (await cursor())?.position !== first)
  await until(async () => (await count(it.db, 'packet')) === 0)
  t.strictSame(await ledger(it.db), told)
  t.strictSame(await record(), before)
  t.equal(it.meta.summary().datasets[DATASET]?.received, 3)
})

t.test('a position that means nothing any more begins anew, and has the history read for what that leaves out', async (t) => {
  const it = await testApp(t, { salesforce: {} })
  const { orgId, connectionId } = await addOrg(it, { dataset: DATASET, token: TOKEN })
  await followed(it, orgId)
  const insert = (Meta_Lead_ID__c: string) =>
    it.salesforce.insert({ orgId, object: 'Lead', records: [{ LastName: 'Doe', Company: 'Acme', Meta_Lead_ID__c }] })
  insert(LEAD)
  await done(it, 1)
  const before = Date.now()
  it.salesforce.pubsub.expire({ orgId })
  it.salesforce.pubsub.end({ orgId, how: 'ok' })
  await sleep(100)
  insert('987654321098765')
  await done(it, 2)
  t.ok((await missingUntil(it.db, connectionId)) >= before - 1_000)
  t.equal(it.meta.summary().datasets[DATASET]?.received, 2)
})

t.test('a deploy under load is invisible: the next process goes on where the one before let go', async (t) => {
  const it = await testApp(t, { salesforce: {} })
  const { orgId } = await addOrg(it, { dataset: DATASET, token: TOKEN })
  await followed(it, orgId)
  let leads = 0
  let over = false
  const walking = (async () => {
    while (!over) {
      const Meta_Lead_ID__c = String(100_000_000_000_000 + ++leads)
      it.salesforce.insert({ orgId, object: 'Lead', records: [{ LastName: 'Doe', Company: 'Acme', Meta_Lead_ID__c }] })
      await sleep(10)
    }
  })()
  for (let deploys = 0; deploys < 3; deploys++) {
    await sleep(300)
    await it.restart()
    await followed(it, orgId)
  }
  over = true
  await walking
  await done(it, leads)
  t.equal((await ledger(it.db)).filter(({ stage }) => stage !== 'raw_lead').length, leads)
  t.match(it.meta.summary().datasets[DATASET], { received: leads, distinct: leads, doubled: 0 })
})
