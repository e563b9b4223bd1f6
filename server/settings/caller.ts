import type { Database } from '../database/pool.ts'
import type { AuditAction } from './audit-actions.ts'

/** Who asks a settings service for something. */
export interface Caller {
  db: Database
  /** Written into the audit trail: `operator` for the command line, a person's id at the CRM for pages, `system` for ourselves. */
  actor: string
  /** The only workspace the caller may see; absent for the operator of the server, who sees all. */
  workspaceId?: number
  /** Where a request came from that nobody signed in for: a link, a marketplace. The trail names it. */
  address?: string
}

export interface AuditEntry {
  workspaceId: number
  action: AuditAction
  /** `connection:<id>`, `dataset:<id>`, `workspace:<id>`, `record:<id>`. */
  subject: string
  /** Never a secret, never contact data. */
  detail?: Record<string, unknown>
}

/** Who acts where nobody asked. */
export const system = { actor: 'system' }

/** Notes a change in the audit trail; `trx` is the transaction of the change. */
export async function audit(
  trx: Database,
  { actor, address }: Pick<Caller, 'actor' | 'address'>,
  { workspaceId, action, subject, detail = {} }: AuditEntry,
): Promise<void> {
  await trx
    .insertInto('audit')
    .values({ workspace_id: workspaceId, actor, action, subject, detail: JSON.stringify({ ...detail, ...(address && { address }) }) })
    .execute()
}
