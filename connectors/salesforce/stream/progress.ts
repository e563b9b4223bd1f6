import type { StreamBatch } from '../../connector.ts'
import type { EventChange } from '../change.ts'
import { isId } from '../normalise.ts'
import { type Position, readPosition, replay, writePosition } from './position.ts'

/** An event as it came: the change in it, or that it cannot be read. */
export interface Told {
  replayId: string
  change: EventChange | 'unreadable' | undefined
}

/** Where to open a stream. */
export interface Opening {
  replayPreset: number
  replayId?: Buffer
}

/**
 * How far a stream was read: from the events that come to batches with positions, over any number of openings.
 *
 * Events of several records that changed together share one replay id, and Salesforce may send them in several responses
 * (change event enrichment considerations). An id is complete when another one follows, or the server says that there is no
 * more; a position is always a complete one. What came under the id after it is remembered and left out when it comes again.
 * Pure.
 */
export interface Progress {
  /** To be called for every opening. */
  open(): Opening
  /** The batch of a response's events, if there is anything to keep. */
  take(events: readonly Told[]): StreamBatch | undefined
  /** The batch after a sign of life: everything up to `replayId` came. */
  quiet(replayId: string): StreamBatch | undefined
  /** The position means nothing to the server: open at the oldest event. */
  rewind(): void
}

/** @param start the position that was kept last; absent: from now on */
export function createProgress(start: string | undefined): Progress {
  /** Where the next opening begins, as it was last given to be kept. */
  let behind: Position | undefined = start === undefined ? undefined : readPosition(start)
  let complete = behind?.inPart ? undefined : behind?.replayId
  /** The id that came last, and the records that it told of. */
  let tail = behind?.inPart ? { replayId: behind.replayId, records: new Set<string>() } : undefined
  // What is no position must have been one once.
  let atStart = start !== undefined && behind === undefined
  let missed = false
  let openings = 0

  function batch(changes: EventChange[]): StreamBatch | undefined {
    const next = complete !== undefined ? { replayId: complete, inPart: false } : tail && { replayId: tail.replayId, inPart: true }
    const moved = next !== undefined && (next.replayId !== behind?.replayId || next.inPart !== behind.inPart)
    if (changes.length === 0 && !moved && !missed) return undefined
    const given: StreamBatch = { changes, ...(moved && { position: writePosition(next) }), ...(missed && { missed }) }
    if (moved) behind = next
    if (moved) atStart = false
    missed = false
    return given
  }

  return {
    open() {
      openings += 1
      if (atStart) {
        missed = true
        return { replayPreset: replay.earliest }
      }
      if (behind === undefined) {
        // The first opening is where the connection's stream begins; what lies between it and this one, nobody told.
        missed ||= openings > 1
        return { replayPreset: replay.latest }
      }
      missed ||= behind.inPart
      return { replayPreset: replay.custom, replayId: Buffer.from(behind.replayId, 'hex') }
    },
    take(events) {
      const changes: { change: EventChange; records: ReadonlySet<string> }[] = []
      for (const { replayId, change } of events) {
        const ids = typeof change === 'object' ? change.ids.join() : ''
        if (tail?.replayId === replayId) {
          if (tail.records.has(ids)) continue
        } else {
          complete = tail?.replayId ?? complete
          tail = { replayId, records: new Set() }
        }
        tail.records.add(ids)
        if (change === 'unreadable') missed = true
        else if (change !== undefined) {
          missed ||= !change.ids.every(isId)
          changes.push({ change, records: tail.records })
        }
      }
      return batch(changes.map(({ change, records }) => (records.size > 1 ? { ...change, together: records.size } : change)))
    },
    quiet(replayId) {
      complete = replayId
      tail = undefined
      return batch([])
    },
    rewind() {
      atStart = true
      complete = undefined
      tail = undefined
    },
  }
}
