/** Which connection an account of a CRM belongs to, remembered briefly so that the hot path asks the database rarely. */
import type { Database } from '../database/pool.ts'

const REMEMBER_MS = 5_000
/** More entries than this are forgotten all at once; unknown accounts must not fill the memory. */
const MOST = 100_000

/** The connection of an account. */
export interface Account {
  connectionId: number
  /** Its changes are resolved now; those of others (no route yet, paused) are only kept, and waking them would be in vain. */
  resolves: boolean
}

/** Looks up accounts of a CRM by their keys; those that are not connected are absent from the map. */
export type Directory = (crm: string, accounts: Iterable<string>) => Promise<Map<string, Account>>

/** A directory that notices within five seconds what was connected, changed or removed elsewhere. */
export function createDirectory(db: Database): Directory {
  const known = new Map<string, { account: Account | undefined; until: number }>()
  return async (crm, accounts) => {
    const found = new Map<string, Account>()
    const missing: string[] = []
    const now = Date.now()
    for (const account of new Set(accounts)) {
      const entry = known.get(`${crm} ${account}`)
      if (entry === undefined || entry.until < now) missing.push(account)
      else if (entry.account !== undefined) found.set(account, entry.account)
    }
    if (missing.length === 0) return found
    if (known.size > MOST) known.clear()
    const rows = await db
      .selectFrom('connection')
      .select(['id', 'account_key', 'state'])
      .where('crm', '=', crm)
      .where('account_key', 'in', missing)
      .where('state', '<>', 'removed')
      .execute()
    for (const { id, account_key, state } of rows)
      found.set(account_key, { connectionId: id, resolves: state === 'active' || state === 'attention' })
    for (const account of missing) known.set(`${crm} ${account}`, { account: found.get(account), until: now + REMEMBER_MS })
    return found
  }
}
