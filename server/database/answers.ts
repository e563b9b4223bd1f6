import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Database } from './pool.ts'

/** Who asks waits no longer than a few seconds, and a silent database could keep a statement for much longer. */
const PATIENCE_MS = 3_000

/** True when the database answers within three seconds. Never rejects. */
export async function answers(db: Database): Promise<boolean> {
  const answer = sql`select 1`.execute(db).then(
    () => true,
    () => false,
  )
  return Promise.race([answer, sleep(PATIENCE_MS, false, { ref: false })])
}
