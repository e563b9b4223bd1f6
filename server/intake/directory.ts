/** Which connection an account of a CRM belongs to, remembered briefly so that the hot path asks the database rarely. */
import type { Database } from '../database/pool.ts'

const REMEMBER_MS = 5_000
/** More entries than this are forgotten all at once; unknown accounts must not fill the memory. */
const MOST = 100_000

/**
 * @returns a lookup from CRM and account keys to connection ids; accounts that are not connected are absent from the map.
 * An account connected or removed elsewhere is noticed within five seconds.
 */
export function createDirectory(db: Database): (crm: string, accounts: Iterable<string>) => Promise<Map<string, number>> {
  const known = new Map<string, { id: number | undefined; until: number }>()
  return async (crm, accounts) => {
    const found = new Map<string, number>()
    const missing: string[] = []
    const now = Date.now()
    for (const account of new Set(accounts)) {
      const entry = known.get(`${crm} ${account}`)
      if (entry === undefined || entry.until < now) missing.push(account)
      else if (entry.id !== undefined) found.set(account, entry.id)
    }
    if (missing.length === 0) return found
    if (known.size > MOST) known.clear()
    const rows = await db
      .selectFrom('connection')
      .select(['id', 'account_key'])
      .where('crm', '=', crm)
      .where('account_key', 'in', missing)
      .where('state', '<>', 'removed')
      .execute()
    for (const row of rows) found.set(row.account_key, row.id)
    for (const account of missing) known.set(`${crm} ${account}`, { id: found.get(account), until: now + REMEMBER_MS })
    return found
  }
}
