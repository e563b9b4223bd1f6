/** Sessions of the web page: a bearer in its memory, good for a quarter of an hour, for one user of one CRM account. */
import { sql } from 'kysely'
import { hashToken, newToken } from '../../connections/install/tokens.ts'
import type { Database } from '../../database/pool.ts'

export interface SessionOf {
  crm: string
  account: string
  userId: string
  /** What the CRM said when the session began. */
  admin: boolean
  /** Where the account signs in, for CRMs that have several such places. */
  host?: string
}
export interface OpenedSession {
  /** Random; only a hash of it is kept. */
  bearer: string
  expiresAt: Date
}

const LIVES_MS = 15 * 60_000

/** Begins a session. */
export async function openSession(db: Database, { crm, account, userId, admin, host }: SessionOf): Promise<OpenedSession> {
  const bearer = newToken()
  const expiresAt = new Date(Date.now() + LIVES_MS)
  await db
    .insertInto('page_session')
    .values({ token_hash: hashToken(bearer), crm, account, user_id: userId, admin, host: host ?? null, expires_at: expiresAt })
    .execute()
  return { bearer, expiresAt }
}

/** Whose session it is; undefined where it is over, or never was. */
export async function findSession(db: Database, bearer: string): Promise<(SessionOf & { expiresAt: Date }) | undefined> {
  const row = await db
    .selectFrom('page_session')
    .selectAll()
    .where('token_hash', '=', hashToken(bearer))
    .where('expires_at', '>', sql<Date>`now()`)
    .executeTakeFirst()
  if (row === undefined) return undefined
  const { crm, account, user_id: userId, admin, host, expires_at: expiresAt } = row
  return { crm, account, userId, admin, ...(host !== null && { host }), expiresAt }
}

export async function endSession(db: Database, bearer: string): Promise<void> {
  await db.deleteFrom('page_session').where('token_hash', '=', hashToken(bearer)).execute()
}
