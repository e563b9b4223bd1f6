/** The audit trail: who changed what, and what the server did by itself. */
import { sql } from 'kysely'
import type { Row } from '../database/tables.ts'
import { describeSubject, type SubjectNames, subjectColumns, subjectJoins } from '../operations/notices/subject.ts'
import type { Caller } from './caller.ts'
import { csvHead, csvLine } from './csv.ts'
import { findWorkspace } from './find.ts'
import { notAPlace } from './place.ts'
import { problem } from './problem.ts'

export interface AuditFilter {
  /** Id or name. */
  workspace: string | number
  /** `connection:<id>`, `dataset:<id>`, … */
  subject?: string
  /** At or after this instant. */
  since?: Date
  /** 1 to 1,000; 50 by default. */
  limit?: number
  /** `next` of the page before. */
  after?: string
}

export interface AuditLine {
  id: string
  at: Date
  /** `operator`, `system`, or who it was. */
  actor: string
  action: string
  subject: string
  /** The connection or dataset that it is of, for people; null where it is of neither. */
  about: string | null
  detail: Record<string, unknown>
}

/** A page of the trail, the latest first. Throws `CodedError` `workspace_unknown`, `invalid_input`. */
export async function listAudit(caller: Caller, filter: AuditFilter): Promise<{ lines: AuditLine[]; next?: string }> {
  const { limit = 50, after, subject, since } = filter
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) throw problem('invalid_input', 'The limit has to lie between 1 and 1000.')
  if (after !== undefined && !/^\d{1,18}$/.test(after)) throw notAPlace()
  const { id } = await findWorkspace(caller, filter.workspace)
  const { rows } = await sql<Row<'audit'> & SubjectNames>`
    select n.*, ${subjectColumns} from audit n ${subjectJoins}
    where n.workspace_id = ${id} and (${after ?? null}::bigint is null or n.id < ${after ?? null})
      and (${subject ?? null}::text is null or n.subject = ${subject ?? null})
      and (${since ?? null}::timestamptz is null or n.at >= ${since ?? null})
    order by n.id desc limit ${limit + 1}`.execute(caller.db)
  const lines = rows.slice(0, limit).map(({ id, at, actor, action, subject, detail, ...names }) => ({
    ...{ id, at, actor, action, subject },
    about: names.crm === null && names.meta_id === null ? null : describeSubject(subject, names),
    detail: detail as Record<string, unknown>,
  }))
  const last = lines.at(-1)
  return { lines, ...(rows.length > limit && last && { next: last.id }) }
}

/** The whole trail as CSV, the latest first, in pieces. Throws as `listAudit`. */
export async function* exportAudit(caller: Caller, filter: Omit<AuditFilter, 'limit' | 'after'>): AsyncGenerator<string> {
  let page = await listAudit(caller, { ...filter, limit: 1000 })
  yield csvHead(['at', 'actor', 'action', 'subject', 'detail'])
  for (;;) {
    yield page.lines.map(({ at, actor, action, subject, detail }) => csvLine([at, actor, action, subject, JSON.stringify(detail)])).join('')
    if (page.next === undefined) return
    page = await listAudit(caller, { ...filter, limit: 1000, after: page.next })
  }
}
