import type { Visitor } from '../../../connectors/connector.ts'
import { problem } from '../problem.ts'
import type { ApiTools } from './tools.ts'

/** Somebody who clicks through several changes is asked about once; who is no admin any more can change things this long. */
const REMEMBER_MS = 60_000
const MOST = 1_000

/**
 * Asks CRMs whether visitors administer their accounts. What one said is remembered for a minute, but for a no: a right that was
 * just given counts at once. Throws what the CRM throws, and `crm_off`.
 */
export function createAdminCheck({ apps, connectors, connections, http }: Pick<ApiTools, 'apps' | 'connectors' | 'connections' | 'http'>) {
  const admins = new Map<string, number>()
  return async ({ crm, ...visitor }: Visitor & { crm: string }, connectionId: number | undefined): Promise<boolean> => {
    const key = JSON.stringify([crm, visitor.account, visitor.userId])
    const until = admins.get(key)
    if (until !== undefined && performance.now() < until) return true
    const page = connectors[crm]?.page
    const app = Object.hasOwn(apps, crm) ? apps[crm] : undefined
    if (page === undefined || app === undefined) throw problem('crm_off', 'This server has no credentials for this CRM.')
    const context = connectionId === undefined ? undefined : (await connections.get(connectionId)).context
    const isAdmin = await page.isAdmin(visitor, { app, http, ...(context && { context }) })
    admins.delete(key)
    if (isAdmin) admins.set(key, performance.now() + REMEMBER_MS)
    for (const oldest of admins.keys()) {
      if (admins.size <= MOST) break
      admins.delete(oldest)
    }
    return isAdmin
  }
}
