/** From the signed request with which a CRM opens our page to a session of the visitor whom it names. */
import type { AppCredentials, Install } from '../../../connectors/connector.ts'
import { CodedError } from '../../../connectors/errors.ts'
import { problem } from '../problem.ts'
import { useOnce } from './passes.ts'
import { type OpenedSession, openSession, type SessionOf } from './sessions.ts'
import type { ApiTools } from './tools.ts'

/** A signed request bears no date; it opens nothing once the access in it is over, and no CRM lets that live longer. */
const KEEP_MS = 48 * 3_600_000

export interface OpenedByCrm extends OpenedSession {
  /** Whom the CRM named. */
  visitor: Pick<SessionOf, 'crm' | 'account' | 'userId'>
}

/**
 * @param form the posted form as it came
 * Throws `CodedError`: `crm_off`, `signed_request_used`, `visitor_gone`, and what the signed request is refused for.
 */
export async function openFromCrm(
  { db, connectors, apps, http }: Pick<ApiTools, 'db' | 'connectors' | 'apps' | 'http'>,
  crm: string,
  form: string,
): Promise<OpenedByCrm> {
  const page = Object.hasOwn(connectors, crm) ? connectors[crm]?.page : undefined
  const app = Object.hasOwn(apps, crm) ? apps[crm] : undefined
  if (page?.opening === undefined || app === undefined) throw problem('crm_off', 'There is no such page here.')
  const verdict = page.opening.verify(Buffer.from(form), app)
  if (!verdict.ok) throw problem(verdict.code, verdict.text)
  // Before anything else: of two that come at once, one is the first.
  if (!(await useOnce(db, verdict.hash, KEEP_MS)))
    throw problem('signed_request_used', 'This page was opened with a request that was used before. Load the page of the CRM anew.')
  const { access, account, userId } = verdict.visitor
  const admin = await page.isAdmin(verdict.visitor, { app, http }).catch((error: unknown) => {
    // Readers may read while the CRM cannot be asked about rights; who does not exist any more may not.
    if (error instanceof CodedError && error.code !== 'visitor_gone') return false
    throw error
  })
  const host = access && hostOf(connectors[crm]?.install, app, access.apiUrl)
  const visitor = { crm, account, userId }
  return { ...(await openSession(db, { ...visitor, admin, ...(host !== undefined && { host }) })), visitor }
}

/** Where an account signs in is mostly where its API is; if not, the common place will do. */
function hostOf(install: Install | undefined, app: AppCredentials, apiUrl: string): string | undefined {
  try {
    return install?.authUrl?.(apiUrl, app)
  } catch (error) {
    if (error instanceof CodedError) return undefined
    throw error
  }
}
