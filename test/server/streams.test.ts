/** The whole way of a CRM with a stream: from the org to Meta, with the real connector and every process that follows it. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { testApp, until } from '../support/app.ts'
import { count, ledger, story } from '../support/look.ts'
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
  }, 45_000)

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
    // 100 events a second.
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
    t.ok(asked > 0 && asked <= 10)
    t.equal((await ledger(it.db)).filter(({ stage }) => stage.includes('Working')).length, 2 * 300)
  },
)
