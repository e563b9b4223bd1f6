import { setTimeout as sleep } from 'node:timers/promises'
import type { IsolationLevel, Transaction } from 'kysely'
import { isConflict, unavailable } from './errors.ts'
import type { Database } from './pool.ts'
import type { Tables } from './tables.ts'

/** A transaction on the tables. */
export type Trx = Transaction<Tables>

/**
 * Runs `work` in one transaction, and again from its beginning when PostgreSQL ended it because of a concurrent one
 * (serialization failure, deadlock). `work` must therefore do nothing that a rollback does not undo.
 *
 * @param attempts tries in all; then `CodedError` `database_unavailable`
 */
export async function transaction<Result>(
  db: Database,
  work: (trx: Trx) => Promise<Result>,
  { attempts = 5, isolation }: { attempts?: number; isolation?: IsolationLevel } = {},
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const builder = isolation === undefined ? db.transaction() : db.transaction().setIsolationLevel(isolation)
      return await builder.execute(work)
    } catch (error) {
      if (!isConflict(error)) throw error
      if (attempt >= attempts) throw unavailable(error)
      await sleep(Math.random() * 20 * 2 ** attempt)
    }
  }
}

/** Runs `work` in the transaction that `db` is, or else in one of its own. */
export async function inTransaction<Result>(db: Database, work: (trx: Database) => Promise<Result>): Promise<Result> {
  return db.isTransaction ? work(db) : transaction(db, work)
}
