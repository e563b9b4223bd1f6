/** The CRM's grant of one connection, sealed: owner `connection:<id>`, purpose `grant`. */
import { sql } from 'kysely'
import type { TokenGrant } from '../../connectors/connector.ts'
import { CodedError } from '../../connectors/errors.ts'
import type { Database } from '../database/pool.ts'
import { inTransaction, transaction } from '../database/transaction.ts'
import { getSecret, putSecret } from './secrets.ts'
import { attentionOver, needAttention } from './states.ts'
import type { Vault } from './vault.ts'

/** `grantedAt` (ms since the epoch) tells how long the access token was made to live. */
export type StoredGrant = TokenGrant & { grantedAt: number }

/** Reads the grant; with `lock`, nobody else changes it before the transaction ends. Throws `not_connected` where there is none. */
export async function readGrant(db: Database, vault: Vault, connectionId: number, { lock = false } = {}): Promise<StoredGrant> {
  const owner = ownerOf(connectionId)
  if (lock) await sql`select from secret where owner = ${owner} and purpose = 'grant' for update`.execute(db)
  const plain = await getSecret(db, vault, owner, 'grant')
  if (plain === undefined) throw notConnected()
  return JSON.parse(plain) as StoredGrant
}

/**
 * Keeps the grant of an account that was connected, or connected again: the connection no longer asks for that, and what was
 * put off because of the grant before is due, whoever waits with it.
 */
export async function storeGrant(db: Database, vault: Vault, connectionId: number, grant: StoredGrant): Promise<void> {
  await inTransaction(db, async (trx) => {
    await write(trx, vault, connectionId, grant)
    await attentionOver(trx, connectionId, 'reconnect')
    await sql`update cursor set due_at = now() where connection_id = ${connectionId} and channel in ('stream', 'poll')`.execute(trx)
  })
}

/**
 * Keeps a grant that was won with the grant `used`. Where that one is no longer the stored one, somebody was faster, and
 * their grant stays: a late writer must not bring back a token that the CRM has replaced. No lease is checked: a grant won by
 * a runner that has lost its lease may be the only one that still works.
 *
 * @returns the grant that is stored now
 */
export async function replaceGrant(
  db: Database,
  vault: Vault,
  connectionId: number,
  used: StoredGrant,
  grant: StoredGrant,
): Promise<StoredGrant> {
  return transaction(db, async (trx) => {
    const stored = await readGrant(trx, vault, connectionId, { lock: true })
    if (!isSame(stored, used)) return stored
    await write(trx, vault, connectionId, grant)
    return grant
  })
}

/**
 * The CRM has withdrawn the grant `used`: the customer has to connect again, unless that has happened meanwhile.
 *
 * @param text what to tell the customer
 * @returns the other grant that is stored now, if so
 */
export async function grantRevoked(
  db: Database,
  vault: Vault,
  connectionId: number,
  used: StoredGrant,
  text: string,
): Promise<StoredGrant | undefined> {
  return transaction(db, async (trx) => {
    const stored = await readGrant(trx, vault, connectionId, { lock: true })
    if (!isSame(stored, used)) return stored
    await needAttention(trx, connectionId, 'reconnect', text)
    return undefined
  })
}

export function notConnected(): CodedError {
  return new CodedError({
    code: 'not_connected',
    retry: 'never',
    scope: 'connection',
    userText: 'This CRM account is not connected. Connect it again.',
  })
}

async function write(db: Database, vault: Vault, connectionId: number, grant: StoredGrant): Promise<void> {
  await putSecret(db, vault, ownerOf(connectionId), 'grant', JSON.stringify(grant))
  await db.updateTable('connection').set({ scopes: grant.scopes }).where('id', '=', connectionId).execute()
}

function isSame(one: StoredGrant, other: StoredGrant): boolean {
  return one.refreshToken === other.refreshToken && one.accessToken === other.accessToken
}

function ownerOf(connectionId: number): string {
  return `connection:${connectionId}`
}
