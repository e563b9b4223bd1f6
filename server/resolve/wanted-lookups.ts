import type { Connector, LookupRequest, RecordSnapshot } from '../../connectors/connector.ts'
import { parseStageKey, stageKey } from '../../mappings/stage-key.ts'
import type { Database } from '../database/pool.ts'
import { type KnownRecord, readLookedUp } from '../leads/records.ts'
import { refKey, type StageChange, type Work } from './gather.ts'
import { readReached } from './ledger.ts'
import type { ResolveOptions } from './resolve.ts'

interface LookupOptions extends Pick<ResolveOptions, 'db' | 'identityTtlMs'> {
  ruleFields: readonly string[]
  /** Records, by `refKey`, of which nothing new is to be seen once they were looked up. */
  lasting?: ReadonlySet<string>
}

/**
 * Which records have to be looked up: new ones with their history, stale ones, and those whose change asks for it. Not
 * those of which the history only tells again what the ledger holds, as it mostly does where it is read as a routine; nor
 * those whose change itself shows what is needed of them.
 */
export async function wantedLookups(
  { db, identityTtlMs, ruleFields, lasting }: LookupOptions,
  connectionId: number,
  connector: Connector,
  work: Work,
  now: number,
): Promise<LookupRequest[]> {
  if (connector.lookup === undefined) return []
  const known = new Map(
    (
      await readLookedUp(
        db,
        connectionId,
        [...work.refs.values()].map(({ ref }) => ref),
      )
    ).map((record) => [refKey(record.ref), record]),
  )
  const pipelineUnknown = new Set(
    work.stages.flatMap(({ ref, stage }) => (stage.pipelineId === undefined && connector.needsPipeline(stage.source) ? refKey(ref) : [])),
  )
  const repeated = await onlyRepeats(db, work, known)
  return [...work.refs].flatMap(([key, { ref }]) => {
    const record = known.get(key)
    if (work.erased.has(key) || record?.state === 'erased') return []
    const lookedUpAt = record?.lookedUpAt ?? null
    if (lookedUpAt !== null && lasting?.has(key)) return []
    const fresh = lookedUpAt !== null && now - lookedUpAt <= identityTtlMs
    const enough = fresh || repeated.has(key) || isEnough(work.shown.get(key), lookedUpAt !== null, ruleFields)
    if (enough && !work.lookAgain.has(key) && !pipelineUnknown.has(key)) return []
    const firstLook = lookedUpAt === null || work.withHistory.has(key)
    return [{ ref, history: firstLook && connector.manifest.history.quality === 'exact' }]
  })
}

/**
 * Whether a change shows enough of its record: all of it, or its Meta lead id, which is the best that Meta can match by. Then
 * the rest has to be known already, or shown, too: what the rules look at, and the creation, which is the time of the raw lead.
 */
function isEnough(shown: RecordSnapshot | undefined, lookedUp: boolean, ruleFields: readonly string[]): boolean {
  if (shown === undefined) return false
  if (!shown.partial) return true
  if (shown.identity?.metaLeadId === undefined) return false
  return lookedUp || (shown.createdAt !== undefined && ruleFields.every((field) => Object.hasOwn(shown.fields, field)))
}

/** Records that were looked up before and of which the work tells nothing but stages read from history that are known. */
async function onlyRepeats(db: Database, work: Work, records: ReadonlyMap<string, KnownRecord>): Promise<Set<string>> {
  const observed = new Set(work.observed.map(({ ref }) => refKey(ref)))
  const read = [...Map.groupBy(work.stages, ({ ref }) => refKey(ref))].flatMap(([key, stages]) => {
    const record = records.get(key)
    const fromHistory = stages.every(({ origin }) => origin === 'history') && !observed.has(key)
    return fromHistory && record !== undefined && record.lookedUpAt !== null ? [{ key, record, stages }] : []
  })
  if (read.length === 0) return new Set()
  let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const { stages } of read) for (const { occurredAt } of stages) [from, to] = [Math.min(from, occurredAt), Math.max(to, occurredAt)]
  const name = (recordId: string, { source, stageId }: StageChange['stage'], at: number) =>
    `${recordId} ${stageKey({ source, stageId })} ${at}`
  const ids = read.map(({ record }) => record.id)
  const reached = new Set<string>()
  for (const { recordId, stageKey: key, occurredAt, twin } of await readReached(db, ids, from, to)) {
    const stage = parseStageKey(key)
    if (stage !== undefined) for (const at of [occurredAt, twin ?? occurredAt]) reached.add(name(recordId, stage, at))
  }
  const known = read.filter(({ record, stages }) =>
    stages.every(({ stage, occurredAt }) => reached.has(name(record.id, stage, occurredAt))),
  )
  return new Set(known.map(({ key }) => key))
}
