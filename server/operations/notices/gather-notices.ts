/**
 * From notices to messages: every recipient hears of a notice once, together with what else came up within a minute, and once
 * more when it is over. What opens and closes again and again is told at most every six hours, and taken for over only when it
 * has been closed for a while.
 */
import { sql } from 'kysely'
import type { Database } from '../../database/pool.ts'
import { rows } from '../../database/rows.ts'
import { withoutSecrets } from '../../log.ts'
import type { Matter, NoticesContent } from './message.ts'
import { describeSubject, type SubjectNames, subjectColumns, subjectJoins } from './subject.ts'

/** What comes up within this time goes out together. */
const TOGETHER = sql`interval '1 minute'`
/** Between two openings of the same matter that a recipient is told of. */
const AGAIN = sql`interval '6 hours'`
/** A matter that was closed for so long is over. */
const SETTLED = sql`interval '10 minutes'`
/** In one run; the rest follows in the next. */
const MOST = 5_000

/** A notice as it is read. */
export interface FoundNotice extends SubjectNames {
  subject: string
  code: string
  text: string
  at: Date
}
interface Found extends FoundNotice {
  recipient_id: number
}

/** Makes messages of what has to be told now. `trx`: a transaction that only one process at a time is in. */
export async function gatherNotices(trx: Database): Promise<void> {
  const opened = await findOpened(trx)
  const over = await findOver(trx)
  if (opened.length + over.length === 0) return
  const contents = new Map<number, NoticesContent>()
  const contentOf = (recipientId: number): NoticesContent => {
    const known = contents.get(recipientId)
    if (known !== undefined) return known
    const made: NoticesContent = { opened: [], over: [] }
    contents.set(recipientId, made)
    return made
  }
  for (const row of opened) contentOf(row.recipient_id).opened.push(matterOf(row))
  for (const row of over) contentOf(row.recipient_id).over.push(matterOf(row))
  await sql`
    insert into notice_told (recipient_id, subject, code)
    select recipient_id, subject, code from ${rows('v', { recipient_id: 'int', subject: 'text', code: 'text' }, opened)}
    on conflict (recipient_id, subject, code) do update set opened_at = now(), over_at = null`.execute(trx)
  await sql`
    update notice_told t set over_at = now() from ${rows('v', { recipient_id: 'int', subject: 'text', code: 'text' }, over)}
    where t.recipient_id = v.recipient_id and t.subject = v.subject and t.code = v.code`.execute(trx)
  await insertMessages(
    trx,
    [...contents].map(([recipientId, content]) => ({ recipientId, kind: 'notices', content })),
  )
}

/** Puts messages where they are sent from. */
export async function insertMessages(
  trx: Database,
  messages: readonly { recipientId: number; kind: 'notices' | 'digest'; content: object }[],
): Promise<void> {
  const items = messages.map(({ recipientId, kind, content }) => ({ recipient_id: recipientId, kind, content: JSON.stringify(content) }))
  await sql`
    insert into message (recipient_id, kind, content)
    select recipient_id, kind, content::jsonb from ${rows('v', { recipient_id: 'int', kind: 'text', content: 'text' }, items)}`.execute(trx)
}

/** A notice as people read it; its text may hold what Meta or a CRM said. */
export function matterOf({ subject, code, text, at, ...names }: FoundNotice): Matter {
  return { subject, code, about: describeSubject(subject, names), text: withoutSecrets(text), at: at.toISOString() }
}

async function findOpened(trx: Database): Promise<Found[]> {
  const found = await sql<Found>`
    with untold as (
      select r.id as recipient_id, n.id, n.subject, n.code, n.text, n.opened_at as at, min(n.opened_at) over (partition by r.id) as first
      from notice n join recipient r on r.workspace_id = n.workspace_id
      left join notice_told t on t.recipient_id = r.id and t.subject = n.subject and t.code = n.code
      where n.closed_at is null and (t.recipient_id is null or t.over_at is not null and t.opened_at <= now() - ${AGAIN})
    )
    select n.recipient_id, n.subject, n.code, n.text, n.at, ${subjectColumns} from untold n ${subjectJoins}
    where n.first <= now() - ${TOGETHER} order by n.recipient_id, n.id limit ${MOST}`.execute(trx)
  return found.rows
}

async function findOver(trx: Database): Promise<Found[]> {
  const found = await sql<Found>`
    select t.recipient_id, n.subject, n.code, n.text, n.closed_at as at, ${subjectColumns}
    from notice_told t cross join lateral (
      select subject, code, text, closed_at from notice where subject = t.subject and code = t.code order by id desc limit 1
    ) n ${subjectJoins}
    where t.over_at is null and n.closed_at <= now() - ${SETTLED} order by t.recipient_id, n.closed_at limit ${MOST}`.execute(trx)
  return found.rows
}
