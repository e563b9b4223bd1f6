/** Whether those who are to be told of notices can be. */
import { sql } from 'kysely'
import type { Config } from '../config.ts'
import type { Database } from '../database/pool.ts'
import type { Check } from './check-database.ts'
import { time } from './output.ts'

export async function checkNotices(config: Config, db: Database): Promise<Check[]> {
  const { rows } = await sql<{
    id: number
    kind: string
    workspace: string
    outcome: string | null
    error: string | null
    at: Date | null
  }>`
    select r.id, r.kind, w.name as workspace, m.outcome, m.last_error as error, m.settled_at as at
    from recipient r join workspace w on w.id = r.workspace_id
    left join lateral (select outcome, last_error, settled_at from message where recipient_id = r.id and attempts > 0 order by id desc limit 1) m on true
    order by r.id`.execute(db)
  if (rows.length === 0)
    return [{ name: 'notices', status: 'ok', text: 'nobody is told by mail or webhook; notice recipients add changes that' }]
  const mute = rows.filter(({ kind }) => kind === 'email').length
  const checks: Check[] =
    mute > 0 && config.mail === undefined
      ? [{ name: 'notices', status: 'problem', text: `no mail can go out (recipients: ${mute}), SMTP_URL and MAIL_FROM are not set` }]
      : []
  for (const { id, workspace, outcome, error, at } of rows) {
    if (error === null) continue
    const name = `recipient ${id}`
    if (outcome === 'given_up')
      checks.push({
        name,
        status: 'problem',
        text: `a message to it (workspace ${workspace}) was given up ${time(at)}: ${error} Then: notice test ${id}`,
      })
    else checks.push({ name, status: 'warning', text: `a message to it (workspace ${workspace}) is tried again: ${error}` })
  }
  return checks.length > 0 ? checks : [{ name: 'notices', status: 'ok', text: `${rows.length} recipients are told` }]
}
