import type { Caller } from '../caller.ts'
import { createWorkspace } from '../workspaces.ts'

/**
 * The workspace of an account that was installed from a CRM's marketplace: the one that it is or was connected in, or a new
 * one that bears its name until somebody gives it a better.
 */
export async function findWorkspaceOfAccount(
  caller: Caller,
  { crm, name, account }: { crm: string; name: string; account: string },
): Promise<number> {
  const known = await caller.db
    .selectFrom('connection')
    .select('workspace_id')
    .where('crm', '=', crm)
    .where('account_key', '=', account)
    .executeTakeFirst()
  if (known !== undefined) return known.workspace_id
  const named = `${name} ${account}`
  const left = await caller.db.selectFrom('workspace').select('id').where('name', '=', named).executeTakeFirst()
  return left?.id ?? (await createWorkspace(caller, named)).id
}
