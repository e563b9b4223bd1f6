/**
 * Connections that have fallen silent. A webhook that was switched off, an app that somebody removed, a stage field that was
 * renamed: nothing fails, there is just nothing any more. Judged by when stages were reached, as the ledger knows it.
 */
import { sql } from 'kysely'
import type { Database } from '../../database/pool.ts'
import { missedHours } from './missed-hours.ts'
import { describeSubject } from './subject.ts'

/** So many hours that would usually have been active: by chance alone one silence in 3,000 lasts as long. */
const MISSED = 8
/** Fewer active days are no habit. */
const LEAST_DAYS = 5
const KEEP_DAYS = 21
const HOUR_MS = 3_600_000

/**
 * Opens a notice for every active connection that is silent for far longer than usual, and closes it once a change has come, or
 * where the connection is not at work. Safe to repeat, and to run twice at once.
 */
export async function watchSilence(db: Database): Promise<void> {
  await noteActiveHours(db)
  const silent = (await findSilent(db)).filter(({ hours }) => missedHours(hours, Date.now()) >= MISSED)
  await sql`
    update notice set closed_at = now() where code = 'quiet' and closed_at is null
      and subject <> all(${silent.map(({ id }) => subjectOf(id))}::text[])`.execute(db)
  if (silent.length === 0) return
  const notices = silent.map(({ id, workspace_id, crm, name, hours }) => ({
    workspace_id,
    subject: subjectOf(id),
    text: textOf(describeSubject(subjectOf(id), { crm, name, meta_id: null }), (hours.at(-1) as number) * HOUR_MS),
  }))
  const values = sql.join(notices.map(({ workspace_id, subject, text }) => sql`(${workspace_id}::int, ${subject}, 'quiet', ${text})`))
  await sql`
    insert into notice (workspace_id, subject, code, text) values ${values}
    on conflict (subject, code) where closed_at is null do nothing`.execute(db)
}

/** The hours of the last day in which stages were reached; of the last weeks at first. What a backfill brought is no habit. */
async function noteActiveHours(db: Database): Promise<void> {
  await sql`
    insert into active_hour (connection_id, hour)
    select distinct connection_id, date_trunc('hour', occurred_at, 'UTC') from ledger
    where occurred_at <= now() and backfill_id is null
      and occurred_at > greatest((select max(hour) from active_hour) - interval '1 day', now() - make_interval(days => ${KEEP_DAYS}))
    on conflict do nothing`.execute(db)
  await sql`
    delete from active_hour a using (select connection_id, max(hour) as last from active_hour group by connection_id) l
    where a.connection_id = l.connection_id and a.hour < l.last - make_interval(days => ${KEEP_DAYS})`.execute(db)
}

interface Silent {
  id: number
  workspace_id: number
  crm: string
  name: string
  /** Since the epoch, ascending. */
  hours: number[]
}

/** Connections at work with a habit, without a change for so long that they may be silent. A change in the inbox breaks the silence. */
async function findSilent(db: Database): Promise<Silent[]> {
  const found = await sql<Silent>`
    select c.id, c.workspace_id, c.crm, c.name, array_agg((extract(epoch from a.hour) / 3600)::int order by a.hour) as hours
    from connection c join active_hour a on a.connection_id = c.id
    where c.state = 'active' and not exists (select from packet p where p.connection_id = c.id and not p.quarantined)
    group by c.id
    having max(a.hour) < now() - make_interval(hours => ${MISSED}) and count(distinct date_trunc('day', a.hour, 'UTC')) >= ${LEAST_DAYS}`.execute(
    db,
  )
  return found.rows
}

const subjectOf = (connectionId: number) => `connection:${connectionId}`

function textOf(about: string, lastHour: number): string {
  const since = new Date(lastHour).toISOString().slice(0, 13).replace('T', ' ')
  return `No change has come from ${about} since ${since}:00 UTC, which is far longer than usual. If nobody works there now, there is nothing to do. Otherwise look whether the app is still installed in the CRM, whether it still reports changes, and whether the fields that hold the stages are still in use.`
}
