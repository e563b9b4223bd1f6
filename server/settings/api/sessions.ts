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
  /** The sign-in that it came of, where it can be renewed by that. */
  signInId?: string
}
export interface OpenedSession {
  /** Random; only a hash of it is kept. */
  bearer: string
  expiresAt: Date
}

const LIVES_MS = 15 * 60_000

/** Begins a session, which ends at `atMost` if not before. */
export async function openSession(
  db: Database,
  { crm, account, userId, admin, host, signInId }: SessionOf,
  atMost?: Date,
): Promise<OpenedSession> {
  const bearer = newToken()
  const expiresAt = new Date(Math.min(Date.now() + LIVES_MS, atMost?.getTime() ?? Number.POSITIVE_INFINITY))
  const session = { crm, account, user_id: userId, admin, host: host ?? null, sign_in_id: signInId ?? null, expires_at: expiresAt }
  await db
    .insertInto('page_session')
    .values({ token_hash: hashToken(bearer), ...session })
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

/** Returns the sign-in that the session came of; null where there is none. */
export async function endSession(db: Database, bearer: string): Promise<string | null> {
  const ended = await db.deleteFrom('page_session').where('token_hash', '=', hashToken(bearer)).returning('sign_in_id').executeTakeFirst()
  return ended?.sign_in_id ?? null
}
