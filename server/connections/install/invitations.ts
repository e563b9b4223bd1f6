/**
 * Invitations: links by which an admin of a CRM, or of a Meta dataset, connects it to a workspace without an account of
 * ours. Whoever holds the link can use it, once, until it runs out.
 */
import type { Database } from '../../database/pool.ts'
import type { Row } from '../../database/tables.ts'
import { hashToken, newToken } from './tokens.ts'

export type Invitation = Omit<Row<'invitation'>, 'token_hash'> & { workspace: string }
export type InvitationState = 'open' | 'used' | 'expired'

export interface NewInvitation {
  workspaceId: number
  purpose: 'crm' | 'dataset'
  crm?: string
  authUrl?: string
  /** The connection that has to be connected again. */
  connectionId?: number
  /** The only account that will do, where it may be unknown as yet. */
  account?: string
  createdBy: string
  expiresAt: Date
}

/** @returns the token: the one time that it is known */
export async function createInvitation(db: Database, given: NewInvitation): Promise<{ id: number; token: string }> {
  const token = newToken()
  const { id } = await db
    .insertInto('invitation')
    .values({
      token_hash: hashToken(token),
      workspace_id: given.workspaceId,
      purpose: given.purpose,
      crm: given.crm ?? null,
      auth_url: given.authUrl ?? null,
      connection_id: given.connectionId ?? null,
      account: given.account ?? null,
      created_by: given.createdBy,
      expires_at: given.expiresAt,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return { id, token }
}

/** By its token, or by its id where a consent names it. Undefined: there never was one, or it was withdrawn. */
export async function findInvitation(db: Database, by: { token: string } | { id: number }): Promise<Invitation | undefined> {
  const query = db
    .selectFrom('invitation as i')
    .innerJoin('workspace as w', 'w.id', 'i.workspace_id')
    .leftJoin('connection as c', 'c.id', 'i.connection_id')
    .select(['i.id', 'i.workspace_id', 'i.purpose', 'i.crm', 'i.auth_url', 'i.connection_id', 'i.created_by', 'i.created_at'])
    .select(['i.expires_at', 'i.used_at', 'w.name as workspace'])
    .select((e) => e.fn.coalesce('i.account', 'c.account_key').as('account'))
  return ('token' in by ? query.where('i.token_hash', '=', hashToken(by.token)) : query.where('i.id', '=', by.id)).executeTakeFirst()
}

/** @param now milliseconds since the epoch */
export function stateOf({ used_at, expires_at }: Pick<Invitation, 'used_at' | 'expires_at'>, now: number): InvitationState {
  if (used_at !== null) return 'used'
  return expires_at.getTime() <= now ? 'expired' : 'open'
}

/** Ends an invitation that did its work. `db` may be a transaction. */
export async function useInvitation(db: Database, id: number): Promise<void> {
  await db.updateTable('invitation').set({ used_at: new Date() }).where('id', '=', id).execute()
}
