/**
 * Staying signed in while the page is open on its own: a word in a cookie gets another bearer, and is another word then. Each is good
 * once; one that comes a second time was copied, and ends the sign-in.
 */
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { CodedError } from '../../../connectors/errors.ts'
import { hashToken, newToken } from '../../connections/install/tokens.ts'
import type { Database } from '../../database/pool.ts'
import type { Row } from '../../database/tables.ts'
import { endSession, type OpenedSession, openSession, type SessionOf } from './sessions.ts'

export interface OpenedSignIn extends OpenedSession {
  /** Names the sign-in; no secret. */
  renew: string
  /** For the cookie. */
  word: string
  /** When signing in anew is needed. */
  endsAt: Date
}

const LIVES_MS = 12 * 3_600_000

/** Begins a sign-in, with its first bearer. */
export async function beginSignIn(db: Database, session: SessionOf): Promise<OpenedSignIn> {
  const { crm, account, userId, admin, host = null } = session
  const [id, word, endsAt] = [randomUUID(), newToken(), new Date(Date.now() + LIVES_MS)]
  const row = { id, word_hash: hashToken(word), crm, account, user_id: userId, admin, host, ends_at: endsAt }
  await db.insertInto('page_sign_in').values(row).execute()
  return { ...(await openSession(db, { ...session, signInId: id })), renew: id, word, endsAt }
}

/**
 * Another bearer for the word of a sign-in; undefined where it has ended, or ends by this: the word was used before. `requestId`: who
 * asks under the same one again did not get the answer.
 *
 * @param isAdmin what the CRM says of the user now, or, where it does not say, what it said last; throws `visitor_gone` where the CRM
 *   does not know the user any more, which ends the sign-in
 */
export async function renewSignIn(
  db: Database,
  { id, word, requestId = null }: { id: string; word: string; requestId?: string | null },
  isAdmin: (user: Row<'page_sign_in'>) => Promise<boolean>,
): Promise<OpenedSignIn | undefined> {
  const given = hashToken(word)
  const next = newToken()
  const renewed = await db
    .updateTable('page_sign_in')
    .set({ word_hash: hashToken(next), word_before: given, renewal_id: requestId })
    .where('id', '=', id)
    .where('ends_at', '>', sql<Date>`now()`)
    .where((e) => e.or([e('word_hash', '=', given), e.and([e('word_before', '=', given), e('renewal_id', '=', requestId)])]))
    .returningAll()
    .executeTakeFirst()
  if (renewed === undefined) {
    await endSignIn(db, id)
    return undefined
  }
  const { crm, account, user_id: userId, host, ends_at: endsAt } = renewed
  const admin = await isAdmin(renewed).catch(async (error: unknown) => {
    if (error instanceof CodedError && error.code === 'visitor_gone') await endSignIn(db, id)
    throw error
  })
  if (admin !== renewed.admin) await db.updateTable('page_sign_in').set({ admin }).where('id', '=', id).execute()
  const session = { crm, account, userId, admin, ...(host !== null && { host }), signInId: id }
  return { ...(await openSession(db, session, endsAt)), renew: id, word: next, endsAt }
}

/** Ends a sign-in with all its bearers. */
export async function endSignIn(db: Database, id: string): Promise<void> {
  await db.deleteFrom('page_session').where('sign_in_id', '=', id).execute()
  await db.deleteFrom('page_sign_in').where('id', '=', id).execute()
}

/** Ends a session, and the sign-in that it came of. Returns the name of that. */
export async function signOut(db: Database, bearer: string): Promise<string | undefined> {
  const id = await endSession(db, bearer)
  if (id !== null) await endSignIn(db, id)
  return id ?? undefined
}
