import { sql } from 'kysely'
import t from 'tap'
import { setDigest } from '../../../../server/settings/notices.ts'
import { addRecipient } from '../../../../server/settings/recipients.ts'
import { createWorkspace } from '../../../../server/settings/workspaces.ts'
import { setUp } from './set-up.ts'

type It = Awaited<ReturnType<typeof setUp>>

/** A connection with entries of outcome, reason or event name, each settled so many days ago. */
async function entries(
  it: It,
  workspaceId: number,
  found: { outcome: string; reason?: string; name?: string; count: number; daysAgo: number }[],
) {
  const { rows } = await sql<{ id: number }>`
    insert into connection (workspace_id, crm, account_key, state) values (${workspaceId}, 'hubspot', gen_random_uuid()::text, 'active') returning id`.execute(
    it.db,
  )
  for (const { outcome, reason = null, name = null, count, daysAgo } of found) {
    await sql`
      insert into ledger (occurred_at, event_id, connection_id, dataset_id, record_id, stage_key, event_name, outcome, reason, received_at, settled_at)
      select now() - make_interval(days => ${daysAgo}, hours => 1), gen_random_uuid(), ${rows[0]?.id}, 1, 1, 'x', ${name}, ${outcome}, ${reason}, now(),
        case when ${outcome} not in ('pending', 'waiting') then now() - make_interval(days => ${daysAgo}) end
      from generate_series(1, ${count}::int)`.execute(it.db)
  }
}

/** The hour of the digest is the one that has just begun, and the last one was a week ago. */
const makeDue = (it: It) =>
  sql`update digest set weekday = extract(isodow from now() at time zone time_zone), hour = extract(hour from now() at time zone time_zone),
    told_until = now() - interval '7 days'`.execute(it.db)

t.test('once a week a workspace hears what was sent, what not and why, what waits, and what is open', async (t) => {
  const it = await setUp(t)
  await it.addMail('ana@example.com')
  await it.addHook()
  await addRecipient(it.caller, { workspace: it.workspaceId, to: { email: 'no-digest@example.com' }, digest: false }, { vault: it.vault })
  const other = await createWorkspace(it.caller, 'Other')
  await entries(it, other.id, [{ outcome: 'sent', name: 'Not Ours', count: 50, daysAgo: 2 }])
  await entries(it, it.workspaceId, [
    { outcome: 'sent', name: 'Raw Lead', count: 4, daysAgo: 3 },
    { outcome: 'unconfirmed', name: 'Raw Lead', count: 1, daysAgo: 3 },
    { outcome: 'sent', name: 'Converted', count: 1, daysAgo: 2 },
    { outcome: 'sent', name: 'Converted', count: 30, daysAgo: 8 },
    { outcome: 'suppressed', reason: 'test_lead', count: 2, daysAgo: 1 },
    { outcome: 'rejected', reason: 'rejected_by_meta', count: 1, daysAgo: 1 },
    { outcome: 'waiting', reason: 'waiting_for_lead', count: 2, daysAgo: 4 },
  ])
  await it.notify()
  t.equal(it.mails.length, 0, 'not before its hour')
  await it.open('connection:7', 'reconnect', 'Connect it again.', 0)
  await makeDue(it)
  await it.notify()
  await it.notify()
  const digests = it.mails.filter(({ subject }) => subject.includes('this week'))
  t.strictSame(
    digests.map(({ to }) => to),
    [['ana@example.com']],
  )
  t.equal(digests[0]?.subject, 'Acme: 6 events sent this week, 3 not')
  t.match(digests[0]?.text, /Sent to Meta: 6\n5 Raw Lead\n1 Converted\n/)
  t.match(digests[0]?.text, /Not sent: 3\n2: This is a test lead[^\n]*\n1: Meta refused this event/)
  t.match(digests[0]?.text, /Waiting: 2\nThe oldest is of /)
  t.match(digests[0]?.text, /Open notices: 1\nConnection 7: Connect it again\./)
  t.match(
    it.posts.map(({ body }) => JSON.parse(body.toString())),
    [{ type: 'digest', sent: [{ eventName: 'Raw Lead', count: 5 }, {}], notSent: [{ reason: 'test_lead', count: 2 }, {}], open: [{}] }],
  )
})

t.test('nothing is sent where there was nothing, or where it is switched off', async (t) => {
  const it = await setUp(t)
  await it.addMail('ana@example.com')
  await it.notify()
  await makeDue(it)
  await it.notify()
  t.equal(it.mails.length, 0)
  await entries(it, it.workspaceId, [{ outcome: 'sent', name: 'Raw Lead', count: 5, daysAgo: 3 }])
  await it.notify()
  t.equal(it.mails.length, 0, 'the hour has passed')
  await setDigest(it.caller, 'Acme', { enabled: false })
  await makeDue(it)
  await it.notify()
  t.equal(it.mails.length, 0)
  await setDigest(it.caller, 'Acme', { enabled: true })
  await it.notify()
  t.equal(it.mails.length, 0, 'an hour that has passed is not made up for')
  await makeDue(it)
  await it.notify()
  t.equal(it.mails.length, 1)
})

t.test('the hour is one of the workspace’s own time zone', async (t) => {
  const it = await setUp(t)
  await it.addMail('ana@example.com')
  await entries(it, it.workspaceId, [{ outcome: 'sent', name: 'Raw Lead', count: 1, daysAgo: 1 }])
  const { rows } = await sql<{ weekday: number; hour: number }>`
    select extract(isodow from at)::int as weekday, extract(hour from at)::int as hour from (select now() at time zone 'Pacific/Auckland' as at) it`.execute(
    it.db,
  )
  const { weekday, hour } = rows[0] as { weekday: number; hour: number }
  const told = () => sql`update digest set told_until = now() - interval '2 hours'`.execute(it.db)
  await setDigest(it.caller, 'Acme', { weekday, hour, timeZone: 'UTC' })
  await told()
  await it.notify()
  t.equal(it.mails.length, 0, 'in Auckland it is that hour, here not yet')
  await setDigest(it.caller, 'Acme', { timeZone: 'Pacific/Auckland' })
  await told()
  await it.notify()
  t.equal(it.mails.length, 1)
  t.match(it.mails[0]?.text, /GMT\+1[23]|NZ[SD]T/)
  for (const bad of [{ hour: 24 }, { weekday: 0 }, { timeZone: 'Mars/Base' }, { timeZone: '+02:00' }, { timeZone: '' }])
    await t.rejects(setDigest(it.caller, 'Acme', bad), { code: 'invalid_input' }, JSON.stringify(bad))
})
