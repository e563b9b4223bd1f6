/** Tells a workspace when leads do not reach its CRM, and when they do again. */
import { sql } from 'kysely'
import { capturingSources } from '../../../connectors/registry.ts'
import { closeNotice, openNotice } from '../../connections/notices.ts'
import type { Database } from '../../database/pool.ts'
import { findMissing, type MissingLead, MOST_COUNTED } from '../../leads/missing.ts'

const CODE = 'leads_missing'
/** Forms that are named. */
const MOST_FORMS = 3

/**
 * Opens the notice of every workspace of which leads are missing, and closes it where none is. Where nothing can be said, because
 * the CRM does not tell what happens there, everything stays as it is: that has a notice of its own. Safe to repeat.
 */
export async function watchMissing(db: Database): Promise<void> {
  const found = await sql<{ workspace_id: number }>`
    select distinct workspace_id from connection where state = 'active' and crm = any(${capturingSources()}::text[])
    union select workspace_id from notice where code = ${CODE} and closed_at is null`.execute(db)
  for (const { workspace_id: workspaceId } of found.rows) {
    const { afterMinutes, hindrance, leads, next } = await findMissing(db, workspaceId, { limit: MOST_COUNTED })
    if (hindrance !== null) continue
    const lost = leads.filter(({ knownBefore }) => !knownBefore)
    const subject = `workspace:${workspaceId}`
    if (lost.length === 0) await closeNotice(db, subject, CODE)
    else await openNotice(db, { workspaceId, subject, code: CODE, text: textOf(lost, next === undefined, afterMinutes) })
  }
}

function textOf(lost: readonly MissingLead[], isAll: boolean, afterMinutes: number): string {
  const perForm = [...Map.groupBy(lost, formOf)].sort(([, a], [, b]) => b.length - a.length)
  const forms = perForm.slice(0, MOST_FORMS).map(([form, leads]) => (isAll ? `${form}: ${leads.length}` : form))
  if (perForm.length > MOST_FORMS) forms.push('others')
  const count = `${isAll ? '' : 'At least '}${lost.length} ${lost.length === 1 ? 'lead' : 'leads'}`
  return `${count} of Meta's did not reach the CRM within ${afterMinutes} minutes (${forms.join('; ')}). Look whether what brings leads into the CRM still works and knows these forms. They are listed under Activity.`
}

const formOf = ({ form, campaign }: MissingLead): string => {
  const name = form === null ? 'unknown form' : `form "${form.name ?? form.id}"`
  return campaign === null ? name : `${name}, campaign "${campaign.name ?? campaign.id}"`
}
