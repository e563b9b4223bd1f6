/**
 * Changes that come again. The ledger's key is enough where the CRM tells the time of a change. Where it tells an id instead,
 * the id is remembered; where it tells neither, the record and stage are, for ten minutes. Both are written in the transaction
 * that records the change, under the lock of its record: a change that was lost is no repeat of itself.
 */
import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { Database } from '../database/pool.ts'
import { rows } from '../database/rows.ts'
import type { StageChange } from './gather.ts'

/** The same stage of the same record within this time is the same change, where the CRM tells neither time nor id; ms. */
const REPEAT_MS = 600_000

/** The changes that were not seen before. Remembers them. */
export async function dropRepeats(trx: Database, connectionId: number, changes: readonly StageChange[]): Promise<StageChange[]> {
  const keys = [...new Set(changes.flatMap((change) => keyOf(change) ?? []))]
  if (keys.length === 0) return [...changes]
  const known = await sql<{ key: string; seen_at: Date }>`
    select encode(key, 'hex') as key, seen_at from change_seen
    where connection_id = ${connectionId} and key = any(array(select decode(k, 'hex') from unnest(${keys}::text[]) k))`.execute(trx)
  const seen = new Map(known.rows.map((row) => [row.key, row.seen_at.getTime()]))
  const before = new Map(seen)
  const fresh = changes.filter((change) => {
    const key = keyOf(change)
    if (key === undefined) return true
    const last = seen.get(key)
    if (last !== undefined && (change.changeId !== undefined || Math.abs(change.receivedAt - last) < REPEAT_MS)) return false
    seen.set(key, Math.max(change.receivedAt, last ?? 0))
    return true
  })
  const items = [...seen].filter(([key, at]) => before.get(key) !== at).map(([key, at]) => ({ key, seen_at: new Date(at) }))
  if (items.length > 0)
    await sql`
      insert into change_seen (connection_id, key, seen_at)
      select ${connectionId}, decode(v.key, 'hex'), v.seen_at from ${rows('v', { key: 'text', seen_at: 'timestamptz' }, items)}
      on conflict (connection_id, key) do update set seen_at = excluded.seen_at`.execute(trx)
  return fresh
}

/** A CRM whose ids turn out to name records, say, must not lose stages by it: record and stage belong to the key. */
function keyOf({ ref, stage, changeId, occurredAtSource }: StageChange): string | undefined {
  if (changeId === undefined && occurredAtSource !== 'received') return undefined
  const whole = JSON.stringify([ref.type, ref.id, stage.source, stage.stageId, changeId ?? null])
  return createHash('sha256').update(whole).digest('hex').slice(0, 32)
}

/** Forgets changes so old that they would not be sent again anyway. */
export async function forgetRepeats(db: Database, keepDays: number): Promise<void> {
  await sql`delete from change_seen where seen_at < now() - make_interval(days => ${keepDays})`.execute(db)
}
