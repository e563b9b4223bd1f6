/** The weekly digest of a workspace: made when its hour has come, and not at all where there is nothing to tell. */
import { sql } from 'kysely'
import type { Database } from '../../database/pool.ts'
import { rows } from '../../database/rows.ts'
import type { Outcome } from '../../database/tables.ts'
import { transaction } from '../../database/transaction.ts'
import type { Lease } from '../../schedule/lease.ts'
import { knownReason } from '../../settings/entry-text.ts'
import { type FoundNotice, insertMessages, matterOf } from './gather-notices.ts'
import type { DigestContent } from './message.ts'
import { subjectColumns, subjectJoins } from './subject.ts'

const WEEK_MS = 7 * 86_400_000
/** An entry is settled at most so long after its stage was reached: Meta takes nothing older, and leads are waited for. */
const OLDEST_MS = 31 * 86_400_000

/** A week of a workspace. */
interface Due {
  workspace_id: number
  since: Date
  until: Date
}

/** Makes messages of the digests that are due. The caller holds the lease. */
export async function gatherDigests(db: Database, lease: Lease): Promise<void> {
  await sql`insert into digest (workspace_id) select id from workspace on conflict do nothing`.execute(db)
  const due = await findDue(db)
  if (due.length === 0) return
  const recipients = await sql<{ id: number; workspace_id: number }>`
    select id, workspace_id from recipient where digest and workspace_id = any(${due.map(({ workspace_id }) => workspace_id)}::int[]) order by id`.execute(
    db,
  )
  const told = new Set(recipients.rows.map(({ workspace_id }) => workspace_id))
  const contents = await digestsOf(
    db,
    due.filter(({ workspace_id }) => told.has(workspace_id)),
  )
  const messages = recipients.rows.flatMap(({ id, workspace_id }) => {
    const content = contents.get(workspace_id)
    return content === undefined || isEmpty(content) ? [] : [{ recipientId: id, kind: 'digest' as const, content }]
  })
  await transaction(db, async (trx) => {
    await lease.guard(trx)
    await insertMessages(trx, messages)
    await sql`
      update digest d set told_until = v.told from ${rows(
        'v',
        { id: 'int', told: 'timestamptz' },
        due.map(({ workspace_id, until }) => ({ id: workspace_id, told: until })),
      )}
      where d.workspace_id = v.id`.execute(trx)
  })
}

/** Workspaces whose hour of the week has come since their last digest. Of several that were missed only the last is made up for. */
async function findDue(db: Database): Promise<Due[]> {
  const found = await sql<{ workspace_id: number; until: Date }>`
    select d.workspace_id, hour.at as until
    from digest d
    cross join lateral (
      select date_trunc('week', now() at time zone d.time_zone) + make_interval(days => d.weekday - 1, hours => d.hour) as local
    ) this
    cross join lateral (
      select case when this.local at time zone d.time_zone <= now() then this.local at time zone d.time_zone
        else (this.local - interval '7 days') at time zone d.time_zone end as at
    ) hour
    where d.enabled and hour.at > d.told_until`.execute(db)
  return found.rows.map(({ workspace_id, until }) => ({ workspace_id, until, since: new Date(until.getTime() - WEEK_MS) }))
}

/** What each workspace has to tell, in few statements for all of them. */
async function digestsOf(db: Database, due: readonly Due[]): Promise<Map<number, DigestContent>> {
  if (due.length === 0) return new Map()
  const weeks = rows('due', { workspace_id: 'int', since: 'timestamptz', until: 'timestamptz' }, due)
  const oldest = new Date(Math.min(...due.map(({ since }) => since.getTime())) - OLDEST_MS)
  const counts = await sql<{ workspace_id: number; outcome: Outcome; what: string | null; count: string; oldest: Date }>`
    select c.workspace_id, case l.outcome when 'unconfirmed' then 'sent' else l.outcome end as outcome,
      case when l.outcome in ('sent', 'unconfirmed') then l.event_name else l.reason end as what, count(*) as count, min(l.occurred_at) as oldest
    from ledger l join connection c on c.id = l.connection_id join ${weeks} on due.workspace_id = c.workspace_id
    where l.occurred_at > ${oldest} and (l.settled_at >= due.since and l.settled_at < due.until or l.outcome in ('pending', 'waiting'))
    group by 1, 2, 3 order by count(*) desc, 3`.execute(db)
  const notices = await sql<FoundNotice & { workspace_id: number }>`
    select n.workspace_id, n.subject, n.code, n.text, n.opened_at as at, ${subjectColumns} from notice n ${subjectJoins}
    where n.closed_at is null and n.workspace_id = any(${due.map(({ workspace_id }) => workspace_id)}::int[]) order by n.id`.execute(db)
  return new Map(
    due.map(({ workspace_id, since, until }) => {
      const own = counts.rows.filter((row) => row.workspace_id === workspace_id)
      const of = (...outcomes: Outcome[]) => own.filter(({ outcome }) => outcomes.includes(outcome))
      const waiting = of('pending', 'waiting')
      return [
        workspace_id,
        {
          from: since.toISOString(),
          to: until.toISOString(),
          sent: of('sent').map(({ what, count }) => ({ eventName: what ?? '', count: Number(count) })),
          notSent: of('suppressed', 'rejected', 'expired').map(({ outcome, what, count }) => {
            const reason = what ?? outcome
            return { outcome, reason, text: knownReason(reason) ?? reason, count: Number(count) }
          }),
          waiting: {
            count: waiting.reduce((sum, { count }) => sum + Number(count), 0),
            oldest: waiting.length === 0 ? null : new Date(Math.min(...waiting.map(({ oldest }) => oldest.getTime()))).toISOString(),
          },
          open: notices.rows.filter((row) => row.workspace_id === workspace_id).map(matterOf),
        },
      ]
    }),
  )
}

function isEmpty({ sent, notSent, waiting, open }: DigestContent): boolean {
  return sent.length + notSent.length + waiting.count + open.length === 0
}
