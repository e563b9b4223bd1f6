/** Polling the whole way: the real app asks an org that tells nothing, as a user who does not see everything. */
import { sql } from 'kysely'
import t from 'tap'
import type { NewOrg } from '../../simulators/salesforce/start-salesforce.ts'
import { testApp, until } from '../../support/app.ts'
import { story } from '../../support/look.ts'
import { addOrg } from '../../support/salesforce.ts'
import { metaLeadId } from './org.ts'

const DATASET = '700000000000602'
const org: NewOrg = { edition: 'Professional Edition', changeEvents: false, sharing: 'private', user: { viewAll: [] } }

for (const tracked of [true, false])
  t.test(`a lead is followed to the opportunity that is won, with statuses ${tracked ? '' : 'not '}tracked`, async (t) => {
    const it = await testApp(t, { salesforce: {} })
    const { connectionId, orgId } = await addOrg(it, {
      dataset: DATASET,
      token: 'EAApollingtoken0000000000602',
      settings: { changes: 'poll' },
      org,
    })
    const { salesforce } = it
    if (tracked) salesforce.track({ object: 'Lead', field: 'Status' })
    const cursor = () =>
      it.db
        .selectFrom('cursor')
        .select('position')
        .where('connection_id', '=', connectionId)
        .where('channel', '=', 'poll')
        .executeTakeFirst()
    await until(async () => typeof (await cursor())?.position === 'string')
    const sent = () => it.meta.events({ dataset: DATASET }).map(({ eventName, eventTime }) => [eventName, eventTime * 1000])
    /** The next look comes now, not in a minute. */
    const look = async (done: () => Promise<boolean> | boolean) => {
      await sql`update cursor set due_at = '-infinity' where channel = 'poll'`.execute(it.db)
      await until(done)
      await it.settled()
    }

    const [by, other] = [[...salesforce.org(orgId).users.keys()][1] as string, salesforce.addUser({}).userId]
    const start = Math.floor(Date.now() / 1000) * 1000 - 30_000
    const add = (OwnerId: string, id: string) =>
      salesforce.insert({
        ...{ object: 'Lead', at: start },
        records: [{ OwnerId, LastName: 'Doe', Company: 'Acme', Email: 'jo@example.com', Meta_Lead_ID__c: id }],
      }).ids[0] as string
    const [lead, hidden] = [add(by, metaLeadId), add(other, '2234567890123456')]
    salesforce.update({ object: 'Lead', at: start + 5_000, by, records: [{ Id: lead, Status: 'Working - Contacted' }] })
    await look(() => sent().length >= 2)
    t.same(sent(), [
      ['Raw Lead', start],
      ['Marketing Qualified Lead', start + 5_000],
    ])

    const { opportunityId } = salesforce.convert({ leads: [lead], at: start + 10_000, by })
    await look(() => sent().length >= 4)
    salesforce.update({ object: 'Opportunity', at: start + 20_000, by, records: [{ Id: opportunityId, StageName: 'Closed Won' }] })
    await look(() => sent().length >= 5)
    t.same(sent().slice(2).sort(), [
      ['Converted', start + 20_000],
      ['Qualified Lead', start + 10_000],
      ['Sales Opportunity', start + 10_000],
    ])
    t.match(it.meta.summary().datasets[DATASET], { doubled: 0 })
    t.same(await story(it.db, hidden), [], 'what the user does not see is not told')
    t.equal(salesforce.pubsub.counts().subscribes, 0, 'nobody tried to follow a stream')
  })
