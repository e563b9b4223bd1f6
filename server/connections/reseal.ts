/**
 * Rotation: everything that lies sealed under another key is sealed anew under the first, a batch at a time, while servers
 * work. A row is changed only where it still holds what was read, so nothing that somebody wrote meanwhile is lost; and as a
 * value says which key it needs, the work can be stopped and begun again anywhere.
 */
import { type RawBuilder, sql } from 'kysely'
import { CodedError } from '../../connectors/errors.ts'
import type { Database } from '../database/pool.ts'
import { rows } from '../database/rows.ts'
import { secretContext } from './secrets.ts'
import type { Purpose, Vault } from './vault.ts'

/** Where sealed values lie. */
interface Place {
  what: 'secrets' | 'packets' | 'samples'
  table: string
  column: string
  purpose: Purpose
  /** Tells a row from the others. */
  key: RawBuilder<unknown>
  type: 'text' | 'uuid' | 'int'
  /** What the value is bound to, by the key of its row. */
  contextOf(key: string): string
  /** Further columns to set. */
  with?: (vault: Vault) => RawBuilder<unknown>
}

const places: Place[] = [
  {
    what: 'secrets',
    table: 'secret',
    column: 'sealed',
    purpose: 'secret',
    key: sql`json_build_array(owner, purpose)::text`,
    type: 'text',
    contextOf: (key) => secretContext(...(JSON.parse(key) as [string, string])),
    with: ({ keyId }) => sql`, key_id = ${keyId}`,
  },
  { what: 'packets', table: 'packet', column: 'body', purpose: 'packet', key: sql`id`, type: 'uuid', contextOf: (id) => `packet:${id}` },
  {
    what: 'samples',
    table: 'sample',
    column: 'body',
    purpose: 'packet',
    key: sql`connection_id`,
    type: 'int',
    contextOf: (id) => `sample:${id}`,
  },
]

export interface Resealed {
  what: Place['what']
  /** Values that are sealed under the first key now. */
  done: number
  /** Values that could not be opened, and stay as they are. */
  failed: number
}

const BATCH = 200

/**
 * Seals anew whatever needs another key than the first.
 *
 * @param onProgress told after every batch what has been done so far
 */
export async function reseal(
  db: Database,
  vault: Vault,
  { onProgress, signal, batch = BATCH }: { onProgress?: (done: readonly Resealed[]) => void; signal?: AbortSignal; batch?: number } = {},
): Promise<Resealed[]> {
  const done = places.map(({ what }) => ({ what, done: 0, failed: 0 }))
  for (const [index, place] of places.entries()) {
    const counted = done[index] as Resealed
    for (let after: string | undefined; signal?.aborted !== true; ) {
      const found = await readOthers(db, vault, place, after, batch)
      const last = found.at(-1)
      if (last === undefined) break
      after = last.key
      const opened = found.flatMap((row) => sealAnew(vault, place, row) ?? [])
      counted.failed += found.length - opened.length
      counted.done += await replace(db, vault, place, opened)
      onProgress?.(done)
    }
  }
  return done
}

interface SealedRow {
  key: string
  before: Buffer
}

async function readOthers(db: Database, vault: Vault, place: Place, after: string | undefined, limit: number): Promise<SealedRow[]> {
  const { table, column, key, type } = place
  const onwards = after === undefined ? sql`true` : sql`${key} > ${after}::${sql.raw(type)}`
  const { rows } = await sql<SealedRow>`
    select (${key})::text as key, ${sql.ref(column)} as before from ${sql.table(table)}
    where ${onwards} and substring(${sql.ref(column)} from 1 for ${vault.head.length}) <> ${vault.head}
    order by ${key} limit ${limit}`.execute(db)
  return rows
}

function sealAnew(vault: Vault, { purpose, contextOf }: Place, { key, before }: SealedRow): (SealedRow & { after: Buffer }) | undefined {
  const sealer = vault.for(purpose)
  const context = contextOf(key)
  try {
    return { key, before, after: sealer.seal(sealer.open(before, context), context) }
  } catch (error) {
    if (error instanceof CodedError) return undefined
    throw error
  }
}

async function replace(db: Database, vault: Vault, place: Place, items: readonly (SealedRow & { after: Buffer })[]): Promise<number> {
  if (items.length === 0) return 0
  const column = sql.ref(place.column)
  const { numAffectedRows = 0n } = await sql`
    update ${sql.table(place.table)} set ${column} = v.after ${place.with?.(vault) ?? sql``}
    from ${rows('v', { key: place.type, before: 'bytea', after: 'bytea' }, items)}
    where ${place.key} = v.key and ${column} = v.before`.execute(db)
  return Number(numAffectedRows)
}

/** Which key the sealed value in a column needs, as SQL; null where it was not sealed here. */
export const keyOf = (column: string): RawBuilder<string | null> => {
  const value = sql.ref(column)
  return sql`case when length(${value}) > 2 and length(${value}) > 2 + get_byte(${value}, 1)
    then encode(substring(${value} from 3 for get_byte(${value}, 1)), 'escape') end`
}

/** How many values a key is needed for, by what they are. */
export interface KeyInUse {
  /** Null: what lies there was not sealed here. */
  id: string | null
  secrets: number
  packets: number
  samples: number
  /** Consents under way, which last for minutes. */
  consents: number
}

/** Which keys are needed. A full look at the inbox, so nothing for every minute. */
export async function keysInUse(db: Database): Promise<KeyInUse[]> {
  const counts = [
    ...places.map(
      ({ what, table, column }) => sql`
      select ${what}::text as what, ${keyOf(column)} as key_id from ${sql.table(table)} where ${sql.ref(column)} is not null`,
    ),
    sql`select 'consents' as what, ${keyOf('verifier')} as key_id from consent where answered_at is null and expires_at > now()`,
  ]
  const { rows } = await sql<{ key_id: string | null; what: Exclude<keyof KeyInUse, 'id'>; count: string }>`
    select key_id, what, count(*) as count from (${sql.join(counts, sql` union all `)}) sealed group by 1, 2 order by 1, 2`.execute(db)
  return [...Map.groupBy(rows, ({ key_id }) => key_id)].map(([id, counted]) => {
    const numbers = Object.fromEntries(counted.map(({ what, count }) => [what, Number(count)]))
    return { id, secrets: 0, packets: 0, samples: 0, consents: 0, ...numbers }
  })
}
