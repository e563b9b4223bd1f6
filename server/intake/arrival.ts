/** The way in which the changes of a connection arrive: kept with it, so that one statement finds all that are to be followed or polled. */
import { sql } from 'kysely'
import type { Arrival, Connector } from '../../connectors/connector.ts'
import type { Database } from '../database/pool.ts'
import { rows } from '../database/rows.ts'
import { transaction } from '../database/transaction.ts'

/** As the connector says for these settings (as they are stored); its first way where it says nothing or cannot read them. */
export function arrivalOf({ manifest, arrival }: Connector, settings: unknown): Arrival {
  const parsed = manifest.settings.safeParse(settings)
  return (parsed.success ? arrival?.(parsed.data) : undefined) ?? (manifest.arrival[0] as Arrival)
}

/**
 * Writes down how changes arrive where that is not known, or everywhere, because a release may change its mind.
 * What was not told between two ways is looked for in the history.
 */
export async function settleArrivals(
  db: Database,
  connectors: Readonly<Record<string, Connector>>,
  { all = false }: { all?: boolean } = {},
): Promise<void> {
  await transaction(db, async (trx) => {
    // Locked: settings that are saved meanwhile may name another way.
    const found = await trx
      .selectFrom('connection')
      .select(['id', 'crm', 'settings', 'arrival'])
      .where('crm', 'in', Object.keys(connectors))
      .where('state', '<>', 'removed')
      .$if(!all, (query) => query.where('arrival', 'is', null))
      .orderBy('id')
      .forNoKeyUpdate()
      .execute()
    const settled = found
      .map((row) => ({ id: row.id, before: row.arrival, arrival: arrivalOf(connectors[row.crm] as Connector, row.settings) }))
      .filter(({ before, arrival }) => before !== arrival)
    if (settled.length === 0) return
    await sql`
      with settled as (
        update connection c set arrival = v.arrival from ${rows('v', { id: 'int', arrival: 'text' }, settled)} where c.id = v.id returning c.id
      )
      update cursor set due_at = now() where channel = 'history' and connection_id in (select id from settled)`.execute(trx)
  })
}
