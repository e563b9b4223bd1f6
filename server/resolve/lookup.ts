/** Asking the CRM about many records, so that one record it cannot answer for does not cost the others their answer. */
import type { ConnectionContext, Connector, LookupRequest, RecordSnapshot } from '../../connectors/connector.ts'
import { CodedError } from '../../connectors/errors.ts'
import { refKey } from './gather.ts'

export interface Lookup {
  /** By `refKey`; also records that were not asked for (the persons behind deals). */
  snapshots: Map<string, RecordSnapshot>
  /** Records whose lookup fails by itself, with the error. */
  refused: Map<string, CodedError>
  /** Nothing could be looked up now, for a reason that has nothing to do with one record. */
  failed?: CodedError
}

/** Never throws. */
export async function lookup(connector: Connector, context: ConnectionContext, wanted: readonly LookupRequest[]): Promise<Lookup> {
  const result: Lookup = { snapshots: new Map(), refused: new Map() }
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
