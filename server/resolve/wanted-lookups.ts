import type { Connector, LookupRequest } from '../../connectors/connector.ts'
import { readRecords } from '../leads/records.ts'
import { refKey, type Work } from './gather.ts'
import type { ResolveOptions } from './resolve.ts'

/**
 * Which records have to be looked up: new ones with their history, stale ones, and those whose change asks for it.
 */
export async function wantedLookups(
  { db, identityTtlMs }: Pick<ResolveOptions, 'db' | 'identityTtlMs'>,
  connectionId: number,
  connector: Connector,
  work: Work,
  now: number,
): Promise<LookupRequest[]> {
  if (connector.lookup === undefined) return []
  const known = new Map(
    (
      await readRecords(
        db,
        connectionId,
        [...work.refs.values()].map(({ ref }) => ref),
      )
    ).map((record) => [refKey(record.ref), record]),
  )
  const pipelineUnknown = new Set(
    work.stages.flatMap(({ ref, stage }) => (stage.pipelineId === undefined && connector.needsPipeline(stage.source) ? refKey(ref) : [])),
  )
  return [...work.refs].flatMap(([key, { ref }]) => {
    const record = known.get(key)
    if (work.erased.has(key) || record?.state === 'erased') return []
    const lookedUpAt = record?.lookedUpAt ?? null
    const fresh = lookedUpAt !== null && now - lookedUpAt <= identityTtlMs
    if (fresh && !work.lookAgain.has(key) && !pipelineUnknown.has(key)) return []
    return [{ ref, history: lookedUpAt === null && connector.manifest.history.quality === 'exact' }]
  })
}
