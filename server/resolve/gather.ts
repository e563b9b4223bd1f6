/** From the signals of many packets to the work of one run: which records are touched, and what happened to each. Pure. */
import type { RecordRef, RecordSnapshot, Signal } from '../../connectors/connector.ts'

export type StageSignal = Extract<Signal, { kind: 'stage' }>
export type StageChange = Omit<StageSignal, 'kind'> & { receivedAt: number }
/** A record was seen at a stage. */
export type Observation = Omit<Extract<Signal, { kind: 'observed' }>, 'kind'> & { receivedAt: number }

export interface Work {
  /** Every record that is touched, by `refKey`, with when the CRM and when we first heard of it in this run. */
  refs: Map<string, { ref: RecordRef; seenAt: number; receivedAt: number }>
  stages: StageChange[]
  observed: Observation[]
  /** What changes showed of their records, by `refKey`, and when that was so. */
  shown: Map<string, RecordSnapshot>
  shownAt: Map<string, number>
  /** Records whose lookup must not be older than this run. */
  lookAgain: Set<string>
  /** Records of which not everything was told: their history has to be read. */
  withHistory: Set<string>
  merges: { survivor: RecordRef; merged: RecordRef[] }[]
  /** By `refKey`. */
  deleted: Set<string>
  erased: Set<string>
}

/** One text for one record of a connection. */
export const refKey = (ref: RecordRef): string => `${ref.type}/${ref.id}`

export function gatherWork(signals: Iterable<{ signal: Signal; receivedAt: number }>): Work {
  const work: Work = {
    refs: new Map(),
    stages: [],
    observed: [],
    shown: new Map(),
    shownAt: new Map(),
    lookAgain: new Set(),
    withHistory: new Set(),
    merges: [],
    deleted: new Set(),
    erased: new Set(),
  }
  const touch = (ref: RecordRef, seenAt: number, receivedAt: number) => {
    const key = refKey(ref)
    const known = work.refs.get(key)
    if (known === undefined) work.refs.set(key, { ref, seenAt, receivedAt })
    else {
      known.seenAt = Math.min(known.seenAt, seenAt)
      known.receivedAt = Math.min(known.receivedAt, receivedAt)
    }
    return key
  }
  for (const { signal, receivedAt } of signals) {
    // A clock of the CRM that runs ahead must not make a lead known before it was.
    const seenAt = Math.min(signal.occurredAt, receivedAt)
    const key = touch(signal.ref, seenAt, receivedAt)
    if (signal.kind === 'stage') work.stages.push({ ...signal, receivedAt })
    else if (signal.kind === 'observed') work.observed.push({ ...signal, receivedAt })
    else if (signal.kind === 'shown') {
      const before = work.shown.get(key)
      const at = work.shownAt.get(key) ?? Number.NEGATIVE_INFINITY
      const [older, newer] = signal.occurredAt < at ? [signal.snapshot, before] : [before, signal.snapshot]
      work.shownAt.set(key, Math.max(at, signal.occurredAt))
      work.shown.set(key, older && newer?.partial ? together(older, newer) : (newer as RecordSnapshot))
    } else if (signal.kind === 'merged') {
      const merged = signal.mergedIds.filter((id) => id !== signal.ref.id).map((id) => ({ type: signal.ref.type, id }))
      for (const ref of merged) touch(ref, seenAt, receivedAt)
      work.merges.push({ survivor: signal.ref, merged })
      work.lookAgain.add(key)
    } else if (signal.kind === 'deleted') work.deleted.add(key)
    else if (signal.kind === 'erased') work.erased.add(key)
    else {
      work.lookAgain.add(key)
      if (signal.kind === 'seen' && signal.history) work.withHistory.add(key)
    }
  }
  return work
}

/** What two changes show of one record; where both say something, the newer one counts. */
function together(older: RecordSnapshot, newer: RecordSnapshot): RecordSnapshot {
  return {
    ...newer,
    partial: older.partial,
    createdAt: newer.createdAt ?? older.createdAt,
    identity: { ...older.identity, ...newer.identity },
    amount: newer.amount ?? older.amount,
    fields: { ...older.fields, ...newer.fields },
  }
}

/** The work without these records (by `refKey`). */
export function without(work: Work, refused: ReadonlyMap<string, unknown>): Work {
  const refs = new Map([...work.refs].filter(([key]) => !refused.has(key)))
  const shown = new Map([...work.shown].filter(([key]) => !refused.has(key)))
  const accepted = ({ ref }: { ref: RecordRef }) => !refused.has(refKey(ref))
  return { ...work, refs, shown, stages: work.stages.filter(accepted), observed: work.observed.filter(accepted) }
}
