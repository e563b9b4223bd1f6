/**
 * The one transaction of a run: locks the touched records, then their leads; links; judges; writes milestones, ledger and
 * outbox; and lets the packets go. Nothing here waits for anything but PostgreSQL.
 */
import { sql } from 'kysely'
import type { ConnectorManifest, RecordRef, RecordSnapshot } from '../../connectors/connector.ts'
import type { TimeLimits } from '../../mappings/event-time.ts'
import { decideRawLead } from '../../mappings/raw-lead.ts'
import { parseStageKey, rawLeadKey, stageKey } from '../../mappings/stage-key.ts'
import { findStage, funnelPosition } from '../../mappings/stage-policy.ts'
import { fromConfirmedSource } from '../../mappings/which-leads.ts'
import type { KeyedHash } from '../connections/vault.ts'
import type { Database } from '../database/pool.ts'
import type { Trx } from '../database/transaction.ts'
import { wakeWaiting } from '../leads/captured.ts'
import { eraseRecords, findErased } from '../leads/erasure.ts'
import { type Claimant, type Lead, leadAt, linkLeads } from '../leads/link.ts'
import { matchKeys } from '../leads/match-keys.ts'
import {
  findUnsent,
  milestoneKey,
  type ReachedMilestone,
  readMilestones,
  type StoredMilestone,
  takeMilestones,
} from '../leads/milestones.ts'
import { lockRecords, type StoredRecord, saveRecords } from '../leads/records.ts'
import { queueWriteBack, readWritten } from '../leads/write-back.ts'
import { refKey, type Work } from './gather.ts'
import { type Candidate, type Case, type Judged, judgeChange, judgeRawLead } from './judge.ts'
import { entryKey, fillOutbox, type KnownEntry, readKeys, readReached, readWaiting, writeEntries, writeTwins } from './ledger.ts'
import { matchAccounts } from './match-accounts.ts'
import { nextLook } from './next-look.ts'
import { newlyObserved, withReached } from './observe.ts'
import { profileOf } from './profile.ts'
import { dropRepeats } from './repeats.ts'
import { type ConnectionSetup, withSentOnes } from './setup.ts'

export interface CommitInput {
  setup: ConnectionSetup
  manifest: ConnectorManifest
  work: Work
  /** What the CRM showed, by `refKey`. */
  snapshots: Map<string, RecordSnapshot>
  limits: TimeLimits
  /** How long a record without a lead is looked up again, milliseconds. */
  waitForLeadMs: number
  tombstones: KeyedHash
  now: number
  /** The backfill that brought the work. */
  backfillId?: number | null
  /** For dry runs: what leads have reached in earlier parts, which were rolled back. Extended by this part. */
  rehearsal?: Rehearsal
}

/** Milestones by dataset and by a name of the lead that holds when its row is rolled back. */
export type Rehearsal = { get(key: string): ReachedMilestone[] | undefined; set(key: string, reached: ReachedMilestone[]): unknown }

/** @returns the entries that were written */
export async function commitWork(trx: Trx, input: CommitInput): Promise<Judged[]> {
  const records = await touchedRecords(trx, input)
  const lookedUp = applySnapshots(input, records)
  applyMerges(input, records)
  await eraseWanted(trx, input, records)
  const people = await linkPeople(trx, input, records, lookedUp)
  const waiting = await readWaiting(
    trx,
    [...records.values()].filter((record) => record.lookAgainAt !== null).map((record) => record.id),
  )
  const setup = waiting.length === 0 ? input.setup : await withSentOnes(trx, input.setup)
  const written = await judgeAll(trx, { ...input, setup }, records, people, waiting)
  await planNextLooks(trx, input, records, lookedUp, [...waiting, ...written.map(({ entry }) => entry)], written)
  await saveRecords(trx, records.changed())
  return written
}

/** Records of one run by `refKey`, and by id. */
class Records extends Map<string, StoredRecord> {
  readonly byId: Map<string, StoredRecord>
  readonly #before: Map<string, StoredRecord>
  constructor(records: readonly StoredRecord[]) {
    super(records.map((record) => [refKey(record.ref), record]))
    this.byId = new Map(records.map((record) => [record.id, record]))
    this.#before = new Map(records.map((record) => [record.id, { ...record }]))
  }
  /** What a record holds is replaced, never changed in place. */
  changed(): StoredRecord[] {
    return [...this.values()].filter((record) => {
      const before = this.#before.get(record.id) as StoredRecord
      return (Object.keys(before) as (keyof StoredRecord)[]).some((name) => record[name] !== before[name])
    })
  }
  /** The record of the person behind a record, or behind what it was merged into: itself, where no other is known. */
  person(record: StoredRecord, steps = 10): StoredRecord {
    const next = this.byId.get((record.state === 'gone' ? record.survivorId : null) ?? record.personId ?? '')
    return next === undefined || steps === 0 ? record : this.person(next, steps - 1)
  }
}

async function touchedRecords(trx: Trx, { work, snapshots, setup, now }: CommitInput): Promise<Records> {
  const refs = new Map<string, { ref: RecordRef; seenAt: number }>(work.refs)
  // Meta knows of a lead from the beginning; what counts is when somebody else did.
  for (const [key, { ref, receivedAt }] of work.refs) if (snapshots.get(key)?.metaLead) refs.set(key, { ref, seenAt: receivedAt })
  for (const [key, snapshot] of snapshots) if (!refs.has(key) && snapshot.found) refs.set(key, { ref: snapshot.ref, seenAt: now })
  for (const { survivorId, ref } of snapshots.values()) {
    if (survivorId === undefined) continue
    const survivor = { type: ref.type, id: survivorId }
    if (!refs.has(refKey(survivor))) refs.set(refKey(survivor), { ref: survivor, seenAt: now })
  }
  return new Records(await lockRecords(trx, setup.connectionId, [...refs.values()]))
}

/** Takes over what the CRM showed. Returns the ids of the records of which it showed something new. */
function applySnapshots(input: CommitInput, records: Records): Set<string> {
  const { snapshots, setup, now } = input
  const lookedUp = new Set<string>()
  for (const [key, snapshot] of snapshots) {
    const record = records.get(key)
    if (record === undefined || record.state === 'erased') continue
    const asOf = whenShown(input, key, record)
    if (asOf === 'outdated') {
      record.createdAt ??= snapshot.createdAt ?? null
      continue
    }
    lookedUp.add(record.id)
    record.lookedUpAt = asOf
    if (!snapshot.found) {
      record.state = 'gone'
      const survivor =
        snapshot.survivorId === undefined ? undefined : records.get(refKey({ type: record.ref.type, id: snapshot.survivorId }))
      if (survivor !== undefined) mergeInto(survivor, record)
      continue
    }
    record.state = 'live'
    record.createdAt = snapshot.createdAt ?? record.createdAt
    record.personId = (snapshot.person && records.get(refKey(snapshot.person))?.id) ?? record.personId
    record.profile = profileOf(snapshot, record.profile, setup.rules, now)
  }
  return lookedUp
}

/** The clock of a CRM and ours may differ by so much; ms. */
const CLOCKS_MS = 60_000

/**
 * When the whole record was last known, once this snapshot is applied. What a change shows is as old as the change, and a
 * stream may tell it again much later: `outdated` is what we have seen more of since then.
 */
function whenShown({ snapshots, work, manifest, now }: CommitInput, key: string, { lookedUpAt }: StoredRecord): number | null | 'outdated' {
  const snapshot = snapshots.get(key)
  const shownAt = work.shownAt.get(key)
  // Where the CRM cannot be asked, what changes show is all there is.
  if (manifest.api === undefined || shownAt === undefined || snapshot !== work.shown.get(key)) return now
  const at = Math.min(shownAt, now)
  if (!snapshot?.partial) return lookedUpAt !== null && at <= lookedUpAt ? 'outdated' : at
  if (lookedUpAt === null) return null
  if (at < lookedUpAt - CLOCKS_MS) return 'outdated'
  return snapshot.identity?.metaLeadId === undefined ? lookedUpAt : Math.max(at, lookedUpAt)
}

function applyMerges({ work }: CommitInput, records: Records): void {
  for (const { survivor, merged } of work.merges) {
    const kept = records.get(refKey(survivor))
    if (kept === undefined) continue
    for (const ref of merged) {
      const loser = records.get(refKey(ref))
      if (loser === undefined || loser.id === kept.id || loser.state === 'erased') continue
      mergeInto(kept, loser)
    }
  }
  for (const key of work.deleted) {
    const record = records.get(key)
    if (record?.state === 'live') record.state = 'gone'
  }
}

/** The survivor speaks for a record that was merged away, so that its own picture of the person goes. */
function mergeInto(survivor: StoredRecord, record: StoredRecord): void {
  record.state = 'gone'
  record.survivorId = survivor.id
  if (record.profile !== null) record.profile = { fields: {}, ...(record.profile.amount && { amount: record.profile.amount }) }
}

/** Erases whom the CRM told us to, and whoever a tombstone already names. */
async function eraseWanted(trx: Trx, input: CommitInput, records: Records): Promise<void> {
  const { work, setup, tombstones, now } = input
  const wanted = [...work.erased].flatMap((key) => records.get(key) ?? [])
  const known = await findErased(trx, tombstones, setup, [...records.values()])
  const erased = [...new Set([...wanted, ...known])]
  if (erased.length > 0) await eraseRecords(trx, tombstones, setup, erased, now)
}

/** What a run knows of the person behind a record. */
interface Person {
  lead: Lead | null
  /** All leads of the person, where the record does not say which one it is. */
  leads?: Lead[]
  leadSince?: number
  without?: Case['without']
}

/**
 * Links every person that was looked up, or that does not say itself which lead it is; the others only have their lead locked.
 * By record id.
 */
async function linkPeople(trx: Trx, input: CommitInput, records: Records, lookedUp: Set<string>): Promise<Map<string, Person>> {
  const { setup, work, snapshots } = input
  const merged = new Map<string, string[]>()
  for (const { survivor, merged: gone } of work.merges) {
    const leads = gone.flatMap((ref) => records.get(refKey(ref))?.leadId ?? [])
    merged.set(refKey(survivor), [...(merged.get(refKey(survivor)) ?? []), ...leads])
  }
  // A person that has a lead already, and now carries the id of another, has become a lead anew.
  const learnedAt = (person: StoredRecord) =>
    person.leadId === null ? person.firstSeenAt : (work.refs.get(refKey(person.ref))?.seenAt ?? input.now)
  const claimants: Claimant[] = []
  const settled: StoredRecord[] = []
  const written = setup.wroteIds ? await readWritten(trx, [...records.byId.keys()]) : undefined
  for (const person of new Set([...records.values()].map((record) => records.person(record)))) {
    if (person.state === 'erased') continue
    const userData = person.profile?.identity?.userData
    // What we wrote into the CRM ourselves is what was found, and may be found better.
    const metaLeadId = userData?.lead_id === written?.get(person.id) ? undefined : userData?.lead_id
    if (userData === undefined || (person.leadId !== null && metaLeadId !== undefined && !lookedUp.has(person.id))) {
      settled.push(person)
      continue
    }
    const captured = snapshots.get(refKey(person.ref))?.metaLead
    claimants.push({
      recordId: person.id,
      leadId: person.leadId,
      mergedLeadIds: merged.get(refKey(person.ref)),
      metaLeadId,
      keys: matchKeys(userData),
      counts: countsWithoutLeadId(person, setup),
      learnedAt: learnedAt(person),
      ...(captured && { captured: { ...captured, by: setup.connectionId } }),
    })
  }
  const { links, leads } = await linkLeads(
    trx,
    setup.workspaceId,
    claimants,
    settled.flatMap((person) => person.leadId ?? []),
  )
  const people = new Map<string, Person>()
  for (const person of settled)
    people.set(person.id, asPerson(person, person.leadId === null ? undefined : leads.get(person.leadId), false))
  for (const [recordId, link] of links) {
    const person = records.byId.get(recordId) as StoredRecord
    if (link.kind !== 'linked') people.set(recordId, asPerson(person, undefined, link.kind === 'ambiguous'))
    else people.set(recordId, { lead: link.lead, leads: link.leads, ...(link.anew && { leadSince: link.lead.learnedAt }) })
  }
  for (const record of records.values()) {
    if (record.state === 'erased') people.set(record.id, { lead: null, without: 'erased' })
    // Several persons stand behind the record and nothing tells which is meant: never guessed.
    else if (snapshots.get(refKey(record.ref))?.personAmbiguous === true) people.set(record.id, { lead: null, without: 'ambiguous_lead' })
    record.leadId = people.get(records.person(record).id)?.lead?.id ?? null
  }
  await wakeWaiting(
    trx,
    setup.workspaceId,
    claimants.flatMap(({ captured, keys }) => (captured ? keys : [])),
  )
  if (setup.rules.writeLeadId && !setup.captures) {
    const found = claimants.filter(({ recordId, metaLeadId }) => metaLeadId === undefined && people.get(recordId)?.lead?.metaLeadId)
    await queueWriteBack(
      trx,
      setup.connectionId,
      found.map(({ recordId }) => recordId),
    )
  }
  return people
}

function countsWithoutLeadId(person: StoredRecord, { rules }: ConnectionSetup): boolean {
  if (rules.whichLeads === 'anyone') return true
  return rules.whichLeads === 'meta_leads' && fromConfirmedSource(person.profile?.fields ?? {}, rules)
}

function asPerson(record: StoredRecord, lead: Lead | undefined, ambiguous: boolean): Person {
  if (lead !== undefined) return { lead }
  if (ambiguous) return { lead: null, without: 'ambiguous_lead' }
  return { lead: null, without: record.state === 'gone' && record.survivorId === null ? 'record_gone' : 'waiting_for_lead' }
}

async function judgeAll(
  trx: Trx,
  input: CommitInput,
  records: Records,
  people: Map<string, Person>,
  waiting: Awaited<ReturnType<typeof readWaiting>>,
): Promise<Judged[]> {
  const { setup, limits, now } = input
  const candidates = new Map<string, Candidate>()
  const add = (change: Candidate) => candidates.set(`${change.record.id} ${change.occurredAt} ${stageKey(change.stage)}`, change)
  for (const change of await newCandidates(trx, input, records)) add(change)
  for (const { recordId, stageKey, occurredAt, receivedAt, origin } of waiting) {
    const record = records.byId.get(recordId)
    const stage = parseStageKey(stageKey)
    if (record !== undefined && stage !== undefined) add({ record, stage, occurredAt, receivedAt, origin })
  }
  const inOrder = [...candidates.values()].sort((a, b) => a.occurredAt - b.occurredAt || position(setup, a) - position(setup, b))
  const leadOf = (record: StoredRecord, at?: number): Lead | null => {
    const { lead = null, leads = [] } = people.get(records.person(record).id) ?? {}
    return lead === null || at === undefined ? lead : leadAt(leads, at, lead)
  }
  const leadIds = [
    ...new Set([...people.values()].flatMap(({ lead, leads = [] }) => [...(lead ? [lead.id] : []), ...leads.map(({ id }) => id)])),
  ]
  const stored = await readMilestones(
    trx,
    setup.routes.map((route) => route.datasetId),
    leadIds,
  )
  const earliest = new Map<string, number>()
  for (const { record, occurredAt } of inOrder) {
    const lead = leadOf(record, occurredAt)
    if (lead) earliest.set(lead.id, Math.min(earliest.get(lead.id) ?? occurredAt, occurredAt))
  }
  await findUnsent(
    trx,
    [...stored.values()].flatMap((reached) => overtaken(setup, reached, earliest)),
  )
  const milestones: Map<string, ReachedMilestone[]> = stored

  const isAskedFor = input.backfillId != null || input.rehearsal !== undefined
  const decidedLater = new Set(waiting.flatMap(({ recordId, stageKey }) => (stageKey === rawLeadKey ? [recordId] : [])))
  const judged: Judged[] = []
  for (const route of setup.routes) {
    /** `at`: the instant of a change (ms), by which one of several leads of a person is meant. */
    const caseOf = (record: StoredRecord, at?: number): Case => {
      const person = records.person(record)
      const { leadSince, without } = people.get(person.id) ?? {}
      const lead = leadOf(record, at)
      const key = lead === null ? '' : milestoneKey(route.datasetId, lead.id)
      const rehearsed = lead === null ? '' : `${route.datasetId}/${lastingName(lead, person)}`
      const reached = input.rehearsal?.get(rehearsed) ?? milestones.get(key) ?? []
      if (lead !== null) milestones.set(key, reached)
      if (lead !== null) input.rehearsal?.set(rehearsed, reached)
      const asked = isAskedFor || decidedLater.has(person.id)
      return { setup, route, limits, person, lead, leadSince, without, milestones: reached, asked, now }
    }
    const raised = [...records.values()].flatMap((record) => (record.state === 'erased' ? [] : (judgeRawLead(caseOf(record), now) ?? [])))
    // A raw lead that was decided before (refused, say) stays so, and must not keep a stage of the same name back.
    const decided = await readKeys(
      trx,
      raised.map(({ entry }) => entry),
    )
    for (const raw of raised) {
      if (!decided.has(entryKey(raw.entry))) judged.push(raw)
      else if (raw.takes) forget(milestones.get(milestoneKey(route.datasetId, raw.entry.leadId as string)) ?? [], raw)
    }
    for (const change of inOrder) judged.push(...judgeChange(caseOf(change.record, change.occurredAt), change))
  }
  return writeJudged(trx, input, judged)
}

/** Milestones of a lead after what is judged now: of these alone it matters whether their event is gone. */
function overtaken({ routes }: ConnectionSetup, reached: readonly StoredMilestone[], earliest: ReadonlyMap<string, number>) {
  const speaker = routes.find(({ datasetId }) => datasetId === reached[0]?.datasetId)?.speaker
  const raised = speaker != null && decideRawLead(reached, speaker.rawLead).kind === 'send'
  return reached.filter(({ leadId, occurredAt }) => raised || occurredAt > (earliest.get(leadId) ?? occurredAt))
}

/** Names a lead by what identifies it outside, because the id of a row that is rolled back is handed out no more. */
function lastingName(lead: Lead, person: StoredRecord): string {
  const userData = person.profile?.identity?.userData
  return lead.metaLeadId ?? userData?.em?.[0] ?? userData?.ph?.[0] ?? refKey(person.ref)
}

/** Where the change stands in the funnel, for changes of the same instant. */
function position({ mapping }: ConnectionSetup, change: Candidate): number {
  const found = findStage(mapping, change.stage)
  return found.kind === 'mapped' ? funnelPosition(mapping, found.line.eventName) : 0
}

function forget(milestones: ReachedMilestone[], { entry }: Judged): void {
  const index = milestones.findIndex((milestone) => milestone.eventName === entry.eventName)
  if (index >= 0) milestones.splice(index, 1)
}

/** The stage changes of this run that the ledger does not know yet: those that were told, and those that lookups showed. */
async function newCandidates(trx: Trx, { setup, work, snapshots, manifest, now }: CommitInput, records: Records): Promise<Candidate[]> {
  const found: Candidate[] = []
  for (const change of await dropRepeats(trx, setup.connectionId, work.stages)) {
    const record = records.get(refKey(change.ref))
    if (record === undefined) continue
    const shown = snapshots
      .get(refKey(change.ref))
      ?.stages.find(({ source, stageId }) => source === change.stage.source && stageId === change.stage.stageId)
    const pipelineId =
      change.stage.pipelineId ??
      shown?.pipelineId ??
      snapshots.get(refKey(change.ref))?.stages.find(({ source }) => source === change.stage.source)?.pipelineId
    found.push({
      record,
      stage: { source: change.stage.source, pipelineId, stageId: change.stage.stageId },
      occurredAt: change.occurredAt,
      receivedAt: change.receivedAt,
      origin: change.origin,
      ...(!change.exact && { exact: false as const }),
    })
  }
  for (const [key, snapshot] of snapshots) {
    const record = records.get(key)
    if (record === undefined) continue
    for (const { stage, occurredAt } of snapshot.transitions ?? []) {
      found.push({
        record,
        stage: { source: stage.source, pipelineId: stage.pipelineId, stageId: stage.stageId },
        occurredAt,
        receivedAt: now,
        origin: 'history',
      })
    }
  }
  found.push(...observedCandidates(work, manifest, records, found))
  return unknown(trx, found, manifest, now)
}

/** Stages that records were seen at and not known to have reached. Remembers the last ones, where the CRM may show such. */
function observedCandidates(work: Work, manifest: ConnectorManifest, records: Records, told: readonly Candidate[]): Candidate[] {
  const observed = Map.groupBy(work.observed, ({ ref }) => refKey(ref))
  if (observed.size === 0 && !manifest.arrival.includes('poll')) return []
  const byRecord = Map.groupBy(told, ({ record }) => record.id)
  return [...records.values()].flatMap((record) => {
    const toldOf = byRecord.get(record.id) ?? []
    const fresh = newlyObserved(observed.get(refKey(record.ref)) ?? [], record.stages, toldOf)
    record.stages = withReached(record.stages, [...toldOf, ...fresh])
    return fresh.map(({ stage, occurredAt, receivedAt, origin }) => ({
      record,
      stage,
      occurredAt,
      receivedAt,
      origin,
      exact: false as const,
    }))
  })
}

/** Those changes that are not in the ledger yet by another account of them; under the locks of their records. */
async function unknown(trx: Trx, found: readonly Candidate[], { history, arrival }: ConnectorManifest, now: number): Promise<Candidate[]> {
  if (found.length === 0) return []
  const tolerance = history.clockToleranceMs
  let from = Number.POSITIVE_INFINITY
  let to = Number.NEGATIVE_INFINITY
  for (const { occurredAt } of found) {
    from = Math.min(from, occurredAt)
    to = Math.max(to, occurredAt)
  }
  // What was only seen afterwards may have been seen long after.
  if (arrival.includes('poll')) to = Math.max(to, now)
  // Not every change says in which pipeline the stage is.
  const key = (recordId: string, { source, stageId }: Candidate['stage']) => `${recordId} ${stageKey({ source, stageId })}`
  const recordIds = [...new Set(found.map(({ record }) => record.id))]
  // A change has a row for each route.
  const known = new Map<string, Map<number, KnownEntry[]>>()
  for (const entry of await readReached(trx, recordIds, from - tolerance, to + tolerance)) {
    const stage = parseStageKey(entry.stageKey)
    if (entry.stageKey === rawLeadKey || stage === undefined) continue
    const name = key(entry.recordId, stage)
    const ofStage = known.get(name) ?? new Map<number, KnownEntry[]>()
    known.set(name, ofStage.set(entry.occurredAt, [...(ofStage.get(entry.occurredAt) ?? []), entry]))
  }
  const fresh: Candidate[] = []
  const twins: (KnownEntry & { twin: number })[] = []
  for (const [name, accounts] of Map.groupBy(found, ({ record, stage }) => key(record.id, stage))) {
    const changes = [...(known.get(name)?.values() ?? [])].map((entries) => ({ ...(entries[0] as KnownEntry), entries }))
    const matched = matchAccounts(changes, accounts, tolerance)
    fresh.push(...matched.fresh)
    for (const { entries, twin } of matched.joined) twins.push(...entries.map((entry) => ({ ...entry, twin })))
  }
  await writeTwins(trx, twins)
  return fresh
}

/** Writes what was judged; only rows that are new, or no longer wait, take milestones and go to the outbox. */
async function writeJudged(trx: Trx, { setup, backfillId }: CommitInput, judged: readonly Judged[]): Promise<Judged[]> {
  const { connectionId } = setup
  const byKey = new Map(judged.map((item) => [entryKey(item.entry), item]))
  const keys = await writeEntries(
    trx,
    connectionId,
    [...byKey.values()].map(({ entry }) => entry),
    backfillId,
  )
  const written = [...byKey].flatMap(([key, item]) => (keys.has(key) ? [item] : []))
  await takeMilestones(
    trx,
    written.flatMap(({ entry, takes, rawLead = false }) =>
      takes && entry.leadId !== null && entry.eventName !== null
        ? [
            {
              datasetId: entry.datasetId,
              leadId: entry.leadId,
              eventName: entry.eventName,
              occurredAt: entry.occurredAt,
              eventId: entry.eventId,
              rawLead,
            },
          ]
        : [],
    ),
  )
  await fillOutbox(
    trx,
    connectionId,
    written.flatMap(({ entry }) => (entry.outcome === 'pending' ? [entry] : [])),
  )
  return written
}

/** Records with rows that still wait for a lead are looked up again, less and less often, until they are given up. */
async function planNextLooks(
  trx: Trx,
  { now, waitForLeadMs, work }: CommitInput,
  records: Records,
  lookedUp: Set<string>,
  entries: readonly Pick<KnownEntry, 'recordId' | 'outcome' | 'receivedAt' | 'occurredAt' | 'eventId'>[],
  decided: readonly Judged[],
): Promise<void> {
  const settled = new Set(decided.filter(({ entry }) => entry.outcome !== 'waiting').map(({ entry }) => entryKey(entry)))
  const oldest = now - waitForLeadMs
  const givenUp = new Set<string>()
  /** Since when a record waits with what is not given up. */
  const since = new Map<string, number>()
  for (const entry of entries) {
    if (entry.outcome !== 'waiting' || settled.has(entryKey(entry))) continue
    if (entry.receivedAt <= oldest) givenUp.add(entry.recordId)
    else since.set(entry.recordId, Math.min(since.get(entry.recordId) ?? Number.POSITIVE_INFINITY, entry.receivedAt))
  }
  await giveUpWaiting(trx, [...givenUp], oldest)
  for (const record of records.values()) {
    const at = since.get(record.id)
    if (lookedUp.has(record.id) || work.lookAgain.has(refKey(record.ref))) record.looks = at === undefined ? 0 : record.looks + 1
    record.lookAgainAt = at === undefined ? null : Math.min(now + nextLook(record.looks), at + waitForLeadMs)
  }
}

/** A record without a lead is waited for no longer than the setting says. */
async function giveUpWaiting(trx: Database, recordIds: readonly string[], before: number): Promise<void> {
  if (recordIds.length === 0) return
  await sql`
    update ledger set outcome = 'suppressed', settled_at = now(),
      reason = case when reason in ('ambiguous_lead', 'waiting_for_crm') then reason else 'no_meta_lead' end
    where record_id = any(${recordIds}::bigint[]) and outcome = 'waiting' and received_at <= ${new Date(before)}`.execute(trx)
}
