/** Asking the CRM about many records, so that one record it cannot answer for does not cost the others their answer. */
import type { ConnectionContext, Connector, LookupRequest, RecordSnapshot } from '../../connectors/connector.ts'
import { CodedError } from '../../connectors/errors.ts'
import { refKey } from './gather.ts'

export interface Lookup {
  /** By `refKey`; also records that were not asked for (the persons behind deals). */
  snapshots: Map<string, RecordSnapshot>
  /** Records whose lookup fails by itself, with the error. */
  refused: Map<string, CodedError>
  /** Why records could not be looked up now, where that has nothing to do with one of them as far as is known. */
  failed?: CodedError
  /** Those, by `refKey`. */
  unanswered: Set<string>
}

/** Parts that may fail: then the CRM is in trouble, and not a record of theirs. */
const MOST_FAILED = 2

/**
 * Never throws.
 * @param parts what cannot be looked up together is asked for in so many parts: of one that fails the others know nothing
 */
export async function lookup(
  connector: Connector,
  context: ConnectionContext,
  wanted: readonly LookupRequest[],
  parts = 1,
): Promise<Lookup> {
  const result: Lookup = { snapshots: new Map(), refused: new Map(), unanswered: new Set() }
  let failures = 0
  const ask = async (part: readonly LookupRequest[]): Promise<boolean> => {
    const { snapshots, refused, failed } = await lookupPart(connector, context, part)
    if (failed !== undefined) {
      failures += 1
      result.failed = failed
      return false
    }
    for (const [key, snapshot] of snapshots) result.snapshots.set(key, snapshot)
    for (const [key, error] of refused) result.refused.set(key, error)
    return true
  }
  if (await ask(wanted)) return result
  failures = 0
  const size = Math.ceil(wanted.length / parts)
  const isOver = () => size === wanted.length || failures === MOST_FAILED || result.failed?.scope === 'connection'
  for (let from = 0; from < wanted.length; from += size) {
    const part = wanted.slice(from, from + size)
    if (isOver() || !(await ask(part))) for (const { ref } of part) result.unanswered.add(refKey(ref))
  }
  // It has passed.
  if (result.unanswered.size === 0) delete result.failed
  return result
}

async function lookupPart(connector: Connector, context: ConnectionContext, wanted: readonly LookupRequest[]) {
  const result: Omit<Lookup, 'unanswered'> = { snapshots: new Map(), refused: new Map() }
  const ask = async (part: readonly LookupRequest[]): Promise<void> => {
    if (part.length === 0 || result.failed !== undefined || connector.lookup === undefined) return
    try {
      for (const snapshot of await connector.lookup(context, part)) result.snapshots.set(refKey(snapshot.ref), snapshot)
    } catch (thrown) {
      const error = coded(thrown)
      if (error.retry !== 'never' || error.scope === 'connection') result.failed = error
      else if (part.length === 1) result.refused.set(refKey((part[0] as LookupRequest).ref), error)
      else {
        const half = Math.ceil(part.length / 2)
        await ask(part.slice(0, half))
        await ask(part.slice(half))
      }
    }
  }
  await ask(wanted)
  return result
}

function coded(thrown: unknown): CodedError {
  if (thrown instanceof CodedError) return thrown
  return new CodedError({
    code: 'connector_fault',
    retry: 'never',
    scope: 'event',
    userText: 'Something went wrong while the record was read. It was set aside; report it to support.',
    cause: thrown,
  })
}
