/** The inbox: packets are durable here before their sender is told so. */
import { sql } from 'kysely'
import type { Database } from '../database/pool.ts'
import { rows } from '../database/rows.ts'
import { groupCommit } from './group-commit.ts'
import type { Packet } from './packet.ts'

/** A function that stores packets durably, together with those of other bodies that arrive meanwhile. */
export function createInbox(db: Database): (packets: Packet[]) => Promise<void> {
  return groupCommit((packets) => insertPackets(db, packets))
}

/** Stores packets in one statement. `db` may be a transaction. */
export async function insertPackets(
  db: Database,
  packets: readonly (Packet & {
    notBefore?: Date
    attempts?: number
    lastError?: string
    quarantined?: boolean
    backfillId?: number | null
  })[],
): Promise<void> {
  if (packets.length === 0) return
  let from = 1
  const stored = packets.map((packet) => {
    const row = {
      id: packet.id,
      connection_id: packet.connectionId,
      body_from: from,
      body_bytes: packet.body.length,
      changes: packet.changes,
      received_at: packet.receivedAt,
      not_before: packet.notBefore ?? '-infinity',
      attempts: packet.attempts ?? 0,
      last_error: packet.lastError,
      quarantined: packet.quarantined ?? false,
      backfill_id: packet.backfillId,
    }
    from += packet.body.length
    return row
  })
  // All bodies travel as one value: PostgreSQL takes a single one as bytes, but an array of them only in hexadecimal.
  const bodies = Buffer.concat(packets.map(({ body }) => body))
  await sql`
    insert into packet (id, connection_id, body, changes, received_at, not_before, attempts, last_error, quarantined, backfill_id)
    select v.id, v.connection_id, substring(${bodies}::bytea from v.body_from for v.body_bytes), v.changes, v.received_at, v.not_before, v.attempts,
      v.last_error, v.quarantined, v.backfill_id
    from ${rows(
      'v',
      {
        id: 'uuid',
        connection_id: 'int',
        body_from: 'int',
        body_bytes: 'int',
        changes: 'int',
        received_at: 'timestamptz',
        not_before: 'timestamptz',
        attempts: 'int',
        last_error: 'text',
        quarantined: 'boolean',
        backfill_id: 'int',
      },
      stored,
    )}`.execute(db)
}
