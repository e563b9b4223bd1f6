/** What is good once: only a hash is kept of it, with what it stands for. */
import { sql } from 'kysely'
import { hashToken, newToken } from '../../connections/install/tokens.ts'
import type { Database } from '../../database/pool.ts'
import type { PagePassTable } from '../../database/tables.ts'

type Purpose = PagePassTable['purpose']

/** A random word that stands for `body` once, for `livesMs`. */
export async function issuePass(db: Database, purpose: Exclude<Purpose, 'opening'>, body: unknown, livesMs: number): Promise<string> {
  const word = newToken()
  const pass = { hash: hashToken(word), purpose, body: JSON.stringify(body), expires_at: new Date(Date.now() + livesMs) }
  await db.insertInto('page_pass').values(pass).execute()
  return word
}

/** What a word stands for; undefined where it was used, has run out, or never was. Of two who come at once, one gets it. */
export async function takePass(db: Database, purpose: Purpose, word: string): Promise<unknown> {
  const taken = await db
    .updateTable('page_pass')
    .set({ used_at: new Date() })
    .where('hash', '=', hashToken(word))
    .where('purpose', '=', purpose)
    .where('used_at', 'is', null)
    .where('expires_at', '>', sql<Date>`now()`)
    .returning('body')
    .executeTakeFirst()
  return taken?.body
}

/** Notes something that came from outside as used. Returns false where it was before. */
export async function useOnce(db: Database, hash: string, livesMs: number): Promise<boolean> {
  const pass = {
    hash: Buffer.from(hash, 'hex'),
    purpose: 'opening' as const,
    used_at: new Date(),
    expires_at: new Date(Date.now() + livesMs),
  }
  const noted = await db
    .insertInto('page_pass')
    .values(pass)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return noted.numInsertedOrUpdatedRows === 1n
}

/** Forgets what is over: sessions, sign-ins, passes, and answers of more than a day ago. */
export async function forgetPages(db: Database): Promise<void> {
  await sql`delete from page_session where expires_at < now()`.execute(db)
  await sql`delete from page_sign_in where ends_at < now()`.execute(db)
  await sql`delete from page_pass where expires_at < now()`.execute(db)
  await sql`delete from page_answer where begun_at < now() - interval '1 day'`.execute(db)
}
