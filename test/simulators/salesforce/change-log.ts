/**
 * What changed in one org, as its event bus keeps it: in order, for 72 hours, each change under a replay id that subscribers can
 * come back with. Replay ids are ten opaque bytes with leading zeros; they rise, and leave gaps.
 */
import { type ChangeField, standardFields } from './avro-schema.ts'

export type Entity = 'Lead' | 'Opportunity'

/**
 * One change as it was committed, before any channel has shaped it. Fields go by API name, parts of compound fields dotted
 * (`Name.LastName`).
 */
export interface OrgChange {
  entity: Entity
  /** 18 characters each; also a wildcard (`00Q*`) or `000000000000000AAA`. Several: the same change of several records. */
  recordIds: string[]
  /** CREATE, UPDATE, DELETE, UNDELETE or one of GAP_*. */
  changeType: string
  changeOrigin: string
  transactionKey: string
  /** Place in the transaction, from 1. */
  sequenceNumber: number
  /** Milliseconds. */
  commitTimestamp: number
  commitNumber: bigint
  commitUser: string
  /** Empty for CREATE, UNDELETE, DELETE and GAP_*. */
  changedFields: string[]
  nulledFields: string[]
  diffFields: string[]
  /** All of the record for CREATE and UNDELETE, what changed for UPDATE, nothing otherwise. Instants and dates in milliseconds. */
  values: Record<string, unknown>
}
export interface LoggedChange {
  replayId: Buffer
  /** Place in the log, rising with gaps; what the replay id spells. */
  place: number
  /** When it was logged, milliseconds. */
  at: number
  /** What the entity's schema was then. */
  fields: readonly ChangeField[]
  change: OrgChange
}
export interface ChangeLog {
  /** Logs a change; its replay id. */
  append(change: OrgChange): Buffer
  /** At most `limit` changes behind `place`, oldest first. */
  behind(place: number, limit: number): LoggedChange[]
  /** The newest place there is: the end of the log, whether or not the change there is still kept. */
  end(): number
  /** The place before the oldest change that is kept. */
  start(): number
  /** The place a subscriber's replay id means: `corrupted` where it is none, `unknown` where nothing is kept (any more) behind it. */
  find(replayId: Uint8Array): number | 'corrupted' | 'unknown'
  replayId(place: number): Buffer
  /** The fields of an entity's change events at present. */
  fields(entity: Entity): readonly ChangeField[]
  /** Told after every change; returns how to be told no longer. */
  watch(listener: () => void): () => void
  /** Forgets all changes, as time would: replay ids from before mean nothing any more. */
  expire(): void
}

const RETENTION_MS = 72 * 3_600_000
const ID_BYTES = 10
const usual = { Lead: standardFields('Lead'), Opportunity: standardFields('Opportunity') }

/**
 * `clock` in milliseconds; `first` is the place before the first change; `fields` gives an entity's fields at the time: the same list
 * until they change, and then another.
 */
export function createChangeLog({
  clock = Date.now,
  retentionMs = RETENTION_MS,
  first = 5_935_000,
  fields = (entity) => usual[entity],
}: {
  clock?: () => number
  retentionMs?: number
  first?: number
  fields?: (entity: Entity) => readonly ChangeField[]
} = {}): ChangeLog {
  let kept: LoggedChange[] = []
  let end = first
  // Nothing is kept at or before here; an id of exactly this place is still good, as nothing behind it is lost.
  let lost = first
  const listeners = new Set<() => void>()

  /** Index of the first change behind `place`. */
  const indexBehind = (place: number) => {
    let low = 0
    let high = kept.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((kept[middle] as LoggedChange).place > place) high = middle
      else low = middle + 1
    }
    return low
  }
  const dropOld = () => {
    const before = clock() - retentionMs
    if (kept[0] === undefined || kept[0].at >= before) return
    const index = kept.findIndex(({ at }) => at >= before)
    const gone = kept.splice(0, index < 0 ? kept.length : index)
    lost = gone.at(-1)?.place ?? lost
  }

  const log: ChangeLog = {
    append(change) {
      // Other objects of the org share the numbers.
      end += 1 + Math.floor(Math.random() * 7)
      const replayId = log.replayId(end)
      kept.push({ replayId, place: end, at: clock(), fields: fields(change.entity), change })
      for (const listener of listeners) listener()
      return replayId
    },
    behind(place, limit) {
      dropOld()
      const index = indexBehind(place)
      return kept.slice(index, index + limit)
    },
    end: () => end,
    start() {
      dropOld()
      return lost
    },
    find(replayId) {
      dropOld()
      if (replayId.length !== ID_BYTES) return 'corrupted'
      const bytes = Buffer.from(replayId)
      if (bytes.readUInt16BE(8) !== 0) return 'corrupted'
      const place = Number(bytes.readBigUInt64BE(0))
      if (place === end || place === lost) return place
      return kept[indexBehind(place) - 1]?.place === place ? place : 'unknown'
    },
    replayId(place) {
      const bytes = Buffer.alloc(ID_BYTES)
      bytes.writeBigUInt64BE(BigInt(place), 0)
      return bytes
    },
    fields,
    watch(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    expire() {
      kept = []
      end += 1
      lost = end
    },
  }
  return log
}
