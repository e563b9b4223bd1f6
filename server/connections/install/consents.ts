/**
 * Consents under way: what was asked for, until the CRM sends the browser back. A state is 256 random bits, lives fifteen
 * minutes, is answered once, and only in the browser that it began in; its PKCE verifier lies sealed in the database.
 */
import { sql } from 'kysely'
import type { Database } from '../../database/pool.ts'
import type { CrmDataset } from '../../database/tables.ts'
import type { Vault } from '../vault.ts'
import { hashToken, newToken } from './tokens.ts'

export interface BegunConsent {
  state: string
  /** PKCE, S256. */
  challenge: string
}

export type AnsweredConsent =
  | { outcome: 'first'; invitationId: number; verifier: string; metaId: string | null; crmDataset: CrmDataset | null }
  /** The same answer came before: by the back button, a reload or a second click. */
  | { outcome: 'again'; invitationId: number; connectionId: number | null }
  /** Not begun here, in another browser, or too long ago. */
  | { outcome: 'unknown' }

const LIVES_MS = 15 * 60_000

/** What a consent at Meta is for. */
export interface WantedDataset {
  /** Absent: it is chosen at Meta. */
  metaId?: string
  crmDataset: CrmDataset
}

/** @param browser the word by which this browser is known again */
export async function beginConsent(
  db: Database,
  vault: Vault,
  invitationId: number,
  browser: string,
  dataset?: WantedDataset,
): Promise<BegunConsent> {
  const state = newToken()
  // 43 characters: the shortest that RFC 7636 allows, and well within what CRMs take.
  const verifier = newToken()
  const stateHash = hashToken(state)
  await db
    .insertInto('consent')
    .values({
      state_hash: stateHash,
      browser_hash: hashToken(browser),
      invitation_id: invitationId,
      verifier: vault.for('secret').seal(Buffer.from(verifier), contextOf(stateHash)),
      expires_at: new Date(Date.now() + LIVES_MS),
      meta_id: dataset?.metaId ?? null,
      crm_dataset: dataset?.crmDataset ?? null,
    })
    .execute()
  return { state, challenge: hashToken(verifier).toString('base64url') }
}

/** Answers a consent. Of two answers that come at once, one is the first. */
export async function answerConsent(db: Database, vault: Vault, state: string, browser: string | undefined): Promise<AnsweredConsent> {
  if (browser === undefined) return { outcome: 'unknown' }
  const stateHash = hashToken(state)
  const browserHash = hashToken(browser)
  const first = await db
    .updateTable('consent')
    .set({ answered_at: new Date() })
    .where('state_hash', '=', stateHash)
    .where('browser_hash', '=', browserHash)
    .where('answered_at', 'is', null)
    .where('expires_at', '>', sql<Date>`now()`)
    .returning(['invitation_id', 'verifier', 'meta_id', 'crm_dataset'])
    .executeTakeFirst()
  if (first !== undefined) {
    const verifier = vault.for('secret').open(first.verifier, contextOf(stateHash)).toString()
    return { outcome: 'first', invitationId: first.invitation_id, verifier, metaId: first.meta_id, crmDataset: first.crm_dataset }
  }
  const again = await db
    .selectFrom('consent')
    .select(['invitation_id', 'connection_id'])
    .where('state_hash', '=', stateHash)
    .where('browser_hash', '=', browserHash)
    .where('answered_at', 'is not', null)
    .executeTakeFirst()
  if (again === undefined) return { outcome: 'unknown' }
  return { outcome: 'again', invitationId: again.invitation_id, connectionId: again.connection_id }
}

/** Notes what came of a consent, for whoever loads the page again. */
export async function consentLedTo(db: Database, state: string, connectionId: number): Promise<void> {
  await db.updateTable('consent').set({ connection_id: connectionId }).where('state_hash', '=', hashToken(state)).execute()
}

/** Forgets consents that nobody can answer any more. */
export async function forgetConsents(db: Database): Promise<void> {
  await db.deleteFrom('consent').where('expires_at', '<', sql<Date>`now() - interval '1 day'`).execute()
}

const contextOf = (stateHash: Buffer) => `consent:${stateHash.toString('hex')}`
