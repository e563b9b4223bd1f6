/** Notices as people see them, and when the weekly digest comes. */
import { sql } from 'kysely'
import { z } from 'zod'
import { transaction } from '../database/transaction.ts'
import { describeSubject, type SubjectNames, subjectColumns, subjectJoins } from '../operations/notices/subject.ts'
import { audit, type Caller } from './caller.ts'
import { findWorkspace } from './find.ts'
import { parseInput } from './problem.ts'

export interface NoticeView {
  id: string
  workspaceId: number
  workspace: string
  /** `connection:<id>`, `dataset:<id>`. */
  subject: string
  /** The same for people. */
  about: string
  code: string
  text: string
  openedAt: Date
  closedAt: Date | null
}

const MOST_CLOSED = 100

/** Open notices, the latest first; with `closed`, also the last hundred that are over. Throws `CodedError` `workspace_unknown`. */
export async function listNotices(
  caller: Caller,
  { workspace, closed = false }: { workspace?: string | number; closed?: boolean } = {},
): Promise<NoticeView[]> {
  const workspaceId = workspace === undefined ? caller.workspaceId : (await findWorkspace(caller, workspace)).id
  const { rows } = await sql<NoticeView & SubjectNames>`
    select n.id, n.workspace_id as "workspaceId", w.name as workspace, n.subject, n.code, n.text, n.opened_at as "openedAt",
      n.closed_at as "closedAt", ${subjectColumns}
    from notice n join workspace w on w.id = n.workspace_id ${subjectJoins}
    where (${workspaceId ?? null}::int is null or n.workspace_id = ${workspaceId ?? null}) and (
      n.closed_at is null or ${closed} and n.id in (
        select id from notice where closed_at is not null and (${workspaceId ?? null}::int is null or workspace_id = ${workspaceId ?? null})
        order by closed_at desc limit ${MOST_CLOSED}))
    order by n.closed_at desc nulls first, n.opened_at desc`.execute(caller.db)
  return rows.map(({ crm, name, meta_id, ...row }) => ({ ...row, about: describeSubject(row.subject, { crm, name, meta_id }) }))
}

export interface DigestSchedule {
  enabled: boolean
  /** ISO: Monday is 1. */
  weekday: number
  /** 0 to 23, in the time zone. */
  hour: number
  /** A name of the IANA time zone database. */
  timeZone: string
}

const schedule = z
  .strictObject({
    enabled: z.boolean(),
    weekday: z.int().min(1).max(7),
    hour: z.int().min(0).max(23),
    timeZone: z.string().refine(isTimeZone, 'is no time zone (it has to look like Europe/Berlin)'),
  })
  .partial()

const columns = sql`enabled, weekday, hour, time_zone as "timeZone"`

/** When a workspace gets its weekly digest. Throws `CodedError` `workspace_unknown`. */
export async function showDigest(caller: Caller, workspace: string | number): Promise<DigestSchedule> {
  const { id } = await findWorkspace(caller, workspace)
  const { rows } = await sql<DigestSchedule>`select ${columns} from digest where workspace_id = ${id}`.execute(caller.db)
  return rows[0] ?? { enabled: true, weekday: 1, hour: 8, timeZone: 'UTC' }
}

/**
 * Changes when a workspace gets its weekly digest, and the time zone of its mails; what is not given stays. `guard` is told what
 * is there now, which nobody changes meanwhile, and throws where the change must not be made on it.
 * Throws `CodedError` `workspace_unknown`, `invalid_input`.
 */
export async function setDigest(
  caller: Caller,
  workspace: string | number,
  given: Partial<DigestSchedule>,
  guard?: (current: DigestSchedule) => Promise<void> | void,
): Promise<DigestSchedule> {
  const wanted = parseInput(schedule, given, 'The digest')
  return transaction(caller.db, async (trx) => {
    const { id: workspaceId } = await findWorkspace(caller, workspace, { trx, lock: true })
    await sql`insert into digest (workspace_id) values (${workspaceId}) on conflict do nothing`.execute(trx)
    await guard?.(await showDigest({ ...caller, db: trx }, workspaceId))
    // An hour of this week that has passed already is not made up for.
    const { rows } = await sql<DigestSchedule>`
      update digest set enabled = coalesce(${wanted.enabled ?? null}, enabled), weekday = coalesce(${wanted.weekday ?? null}, weekday),
        hour = coalesce(${wanted.hour ?? null}, hour), time_zone = coalesce(${wanted.timeZone ?? null}, time_zone), told_until = now()
      where workspace_id = ${workspaceId} returning ${columns}`.execute(trx)
    await audit(trx, caller, { workspaceId, action: 'digest.set', subject: `workspace:${workspaceId}`, detail: wanted })
    return rows[0] as DigestSchedule
  })
}

function isTimeZone(name: string): boolean {
  try {
    // PostgreSQL knows the same names, but would also take offsets, with their sign the other way round.
    return /^[A-Za-z]/.test(name) && new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined
  } catch {
    return false
  }
}
