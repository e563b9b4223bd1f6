/** Pages whose leads are news, whenever the tests say that they were generated. */
import { sql } from 'kysely'
import { readPastCursor } from '../../server/intake/history-cursor.ts'
import type { TestApp } from './app.ts'
import { until } from './app.ts'

/** As if a connection had been made a month ago, and its past were read. */
export async function longConnected({ db, url }: Pick<TestApp, 'db'> & { url?: string }, connectionId: number): Promise<void> {
  if (url !== undefined) {
    await until(async () => {
      const past = await readPastCursor(db, connectionId)
      return past === undefined || (!past.due && past.dueAt === undefined)
    })
  }
  await sql`
    insert into cursor (connection_id, channel, covered_until)
    values (${connectionId}, 'history', now()), (${connectionId}, 'past', now() - interval '1 year') on conflict do nothing`.execute(db)
  await db.updateTable('connection').set({ created_at: sql`now() - interval '30 days'` }).where('id', '=', connectionId).execute()
}
