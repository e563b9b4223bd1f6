/**
 * Packets of the inbox, claimed for one run. A claim lasts seconds and is renewed while the run lives, so what a dead run
 * held is taken up by the next; no lock is held while the CRM is asked.
 */
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { CodedError } from '../../connectors/errors.ts'
import type { Database } from '../database/pool.ts'

const CLAIM_SECONDS = 12
const RENEW_MS = 4_000
/** A run takes packets until they hold so many changes: enough for its statements to pay, few enough for its memory. */
const ENOUGH_CHANGES = 1_000
/** Packets of single changes one run takes at most. */
const MOST_PACKETS = 200

export interface ClaimedPacket {
  id: string
  body: Buffer
  received_at: Date
  attempts: number
  /** The backfill that brought it. */
  backfill_id: number | null
}

export interface Claim {
  packets: ClaimedPacket[]
  /** There may be more. */
  full: boolean
  /** Deletes handled packets inside the transaction that recorded their outcome; throws when the claim was lost. */
  settle(trx: Database, ids: readonly string[]): Promise<void>
  /** Gives packets back, to be taken again after `delayMs`. */
  giveBack(ids: readonly string[], delayMs: number, error: string): Promise<void>
  /** Sets packets aside for a person to look at. */
  quarantine(ids: readonly string[], error: string): Promise<void>
  /** Ends the renewal. Packets neither settled nor given back come free by themselves. */
  release(): void
}

/** Takes the oldest packets of a connection that are due and nobody else's. */
export async function claimPackets(db: Database, connectionId: number): Promise<Claim> {
  const run = randomUUID()
  const taken = await sql<ClaimedPacket & { changes: number }>`
    with due as (
      select id, changes from packet
      where connection_id = ${connectionId} and not quarantined and not_before <= now() and claimed_until <= now()
      order by id limit ${MOST_PACKETS} for update skip locked
    ), counted as (select id, sum(changes) over (order by id) - changes as before from due)
    update packet set claimed_by = ${run}, claimed_until = now() + make_interval(secs => ${CLAIM_SECONDS})
    where id = any(array(select id from counted where before < ${ENOUGH_CHANGES}))
    returning id, body, received_at, attempts, backfill_id, changes`.execute(db)
  const timer = setInterval(() => {
    sql`update packet set claimed_until = now() + make_interval(secs => ${CLAIM_SECONDS}) where claimed_by = ${run}`
      .execute(db)
      .catch(() => {
        // A renewal that fails costs the claim, and `settle` finds that out.
      })
  }, RENEW_MS)
  const changes = taken.rows.reduce((sum, packet) => sum + packet.changes, 0)
  return {
    full: taken.rows.length >= MOST_PACKETS || changes >= ENOUGH_CHANGES,
    packets: taken.rows.sort((a, b) => (a.id < b.id ? -1 : 1)),
    async settle(trx, ids) {
      if (ids.length === 0) return
      const gone = await sql`delete from packet where id = any(${ids}::uuid[]) and claimed_by = ${run}`.execute(trx)
      if (Number(gone.numAffectedRows) !== ids.length) throw claimLost()
    },
    async giveBack(ids, delayMs, error) {
      await sql`
        update packet set claimed_until = '-infinity', claimed_by = null, attempts = attempts + 1, last_error = ${error},
          not_before = now() + make_interval(secs => ${delayMs / 1000})
        where id = any(${ids}::uuid[]) and claimed_by = ${run}`.execute(db)
    },
    async quarantine(ids, error) {
      await sql`
        update packet set claimed_until = '-infinity', claimed_by = null, quarantined = true, last_error = ${error}
        where id = any(${ids}::uuid[]) and claimed_by = ${run}`.execute(db)
    },
    release: () => clearInterval(timer),
  }
}

/** When the next packet of a connection is due that is not due yet, milliseconds since the epoch. */
export async function nextPacketDue(db: Database, connectionId: number): Promise<number | undefined> {
  const found = await sql<{ at: Date | null }>`
    select min(greatest(not_before, claimed_until)) as at from packet
    where connection_id = ${connectionId} and not quarantined and greatest(not_before, claimed_until) > now()`.execute(db)
  return found.rows[0]?.at?.getTime()
}

function claimLost(): CodedError {
  return new CodedError({
    code: 'claim_lost',
    retry: 'later',
    scope: 'connection',
    userText: 'Another process has taken over this work.',
  })
}
