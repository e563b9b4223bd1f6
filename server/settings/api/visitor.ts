/**
 * Who asks, and for which connection. A tenant is known by a verified signature of the CRM or by a bearer, and by nothing else
 * in a request.
 */
import type { FastifyRequest } from 'fastify'
import type { CodedError } from '../../../connectors/errors.ts'
import type { Database } from '../../database/pool.ts'
import type { Row } from '../../database/tables.ts'
import type { Caller } from '../caller.ts'
import { problem } from '../problem.ts'
import type { ApiTools } from './tools.ts'

export interface ApiVisitor {
  crm: string
  account: string
  userId: string
  /** `bearer`: a web page of ours. `signed`: the CRM draws the page and passes on nothing but 200. */
  by: 'bearer' | 'signed'
  /** Where the account signs in, for CRMs that have several such places. */
  host?: string
  /** Until when the bearer is good. */
  expiresAt?: Date
  /** Names a signed request: one that comes again with the same is a repeat of it. */
  requestHash?: string
  /** Absent: the account is not connected. */
  connection?: Row<'connection'>
  /** Asks the CRM, where it did not say already. Throws what the CRM throws. */
  isAdmin(): Promise<boolean>
}

declare module 'fastify' {
  interface FastifyRequest {
    visitor?: ApiVisitor
  }
}

/** Throws `CodedError` `signed_out` where the route let nobody in. */
export function visitorOf({ visitor }: FastifyRequest): ApiVisitor {
  if (visitor === undefined) throw signedOut()
  return visitor
}

/** The connection that the visitor may see, and the visitor as the services know one. Throws `signed_out`, `not_connected`. */
export function tenantOf(
  request: FastifyRequest,
  { db }: Pick<ApiTools, 'db'>,
): { caller: Caller & { workspaceId: number }; connection: Row<'connection'> } {
  const { crm, userId, connection } = visitorOf(request)
  if (connection === undefined) throw problem('not_connected', 'This account is not connected yet. Connect it first.')
  return { caller: { db, actor: `${crm}:${userId}`, workspaceId: connection.workspace_id }, connection }
}

/** The connection of an account, if it is connected. */
export const findConnectionOf = (
  db: Database,
  { crm, account }: Pick<ApiVisitor, 'crm' | 'account'>,
): Promise<Row<'connection'> | undefined> =>
  db
    .selectFrom('connection')
    .selectAll()
    .where('crm', '=', crm)
    .where('account_key', '=', account)
    .where('state', '<>', 'removed')
    .executeTakeFirst()

export const notAdmin = (): CodedError =>
  problem('not_admin', 'Only admins of the CRM account may change this. Ask one of them; you can read everything here.')

export const signedOut = (): CodedError =>
  problem('signed_out', 'Your session is over. Open the page again; nothing that you saved is lost.')
