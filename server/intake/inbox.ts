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
  const stored = packets.map((packet) => ({
    id: packet.id,
    connection_id: packet.connectionId,
    body: packet.body,
    changes: packet.changes,
    received_at: packet.receivedAt,
    not_before: packet.notBefore ?? '-infinity',
    attempts: packet.attempts ?? 0,
    last_error: packet.lastError,
    quarantined: packet.quarantined ?? false,
    backfill_id: packet.backfillId,
  }))
  await sql`
    insert into packet (id, connection_id, body, changes, received_at, not_before, attempts, last_error, quarantined, backfill_id)
    select * from ${rows(
      'v',
      {
        id: 'uuid',
        connection_id: 'int',
        body: 'bytea',
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
