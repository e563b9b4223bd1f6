/**
 * Judges the changes of one lead (or of one record without a lead) at one route: what goes to the outbox, what waits and
 * what is not sent, with the reason. Pure; the milestones passed in are extended by those it takes.
 */
import { normaliseAmount } from '../../mappings/amount.ts'
import { buildEvent } from '../../mappings/conversion-event.ts'
import { eventId } from '../../mappings/event-id.ts'
import { judgeTime, type TimeLimits } from '../../mappings/event-time.ts'
import { refusedByConsent } from '../../mappings/permission.ts'
import { decideRawLead, rawLeadTime } from '../../mappings/raw-lead.ts'
import type { Refusal } from '../../mappings/refusal.ts'
import { serialiseEvent } from '../../mappings/serialise.ts'
import { rawLeadKey, type Stage, stageKey } from '../../mappings/stage-key.ts'
import { decideStage, findStage, funnelPosition } from '../../mappings/stage-policy.ts'
import { refusedByLeadRule } from '../../mappings/which-leads.ts'
import type { Lead } from '../leads/link.ts'
import type { ReachedMilestone } from '../leads/milestones.ts'
import type { StoredRecord } from '../leads/records.ts'
import type { LedgerEntry } from './ledger.ts'
import type { ConnectionSetup, RouteSetup } from './setup.ts'
import type { Speaker } from './speakers.ts'

/** A stage that a record reached. */
export interface Candidate {
  record: StoredRecord
  stage: Stage
  occurredAt: number
  receivedAt: number
  origin: 'push' | 'stream' | 'poll' | 'history'
  /** False: the record was seen there; it may have got there earlier. */
  exact?: false
  /** The time that the account of the other kind gives. */
  twin?: number
}

export interface Case {
  setup: ConnectionSetup
  route: RouteSetup
  limits: TimeLimits
  /** The record of the person. */
  person: StoredRecord
  lead: Lead | null
  /** When the person, who had been another lead before, became this one. */
  leadSince?: number
  /** Why there is no lead. */
  without?: 'waiting_for_lead' | 'ambiguous_lead' | 'record_gone' | 'erased'
  /** Of the lead at this dataset. */
  milestones: ReachedMilestone[]
  /** Somebody asked for it to be read, so that it is sent though it is from before the connection. */
  asked?: boolean
  now: number
}

/** An entry, and the milestone it takes if it is written. */
export interface Judged {
  entry: LedgerEntry
  takes: boolean
  /** The milestone is that of the raw lead. */
  rawLead?: boolean
}

/** The raw-lead entry of a case, unless the lead has that milestone already. Comes before every other stage. */
export function judgeRawLead(it: Case, receivedAt: number): Judged | undefined {
  if (it.lead === null) return undefined
  const { captures } = it.setup
  const generatedAt = it.lead.generatedAt ?? undefined
  // What was captured long after it was generated, or is from before the page was connected (in Meta's whole seconds), is there to be
  // found; its raw lead is the CRM's, if it comes there.
  const since = Math.max(it.now - it.limits.maxAgeMs, it.asked ? 0 : Math.floor(it.setup.createdAt / 1000) * 1000)
  if (captures && generatedAt !== undefined && generatedAt < since) return undefined
  const { speaker } = it.route
  if (speaker === null) {
    if (it.milestones.some(({ rawLead }) => rawLead)) return undefined
    const change = { record: it.person, occurredAt: capturedAt(it.person, generatedAt), receivedAt, origin: 'push' as const }
    return { entry: base(it, change, rawLeadKey, null, 'waiting', { kind: 'refused', reason: 'waiting_for_crm' }), takes: false }
  }
  const decision = decideRawLead(it.milestones, speaker.rawLead)
  if (decision.kind === 'refused') return undefined
  const occurredAt = captures
    ? capturedAt(it.person, generatedAt)
    : rawLeadTime({
        recordCreatedAt: it.person.createdAt ?? undefined,
        leadGeneratedAt: generatedAt ?? it.leadSince,
        firstSeenAt: it.leadSince ?? learnedAt(it.person, it.lead),
      })
  const change = { record: it.person, occurredAt, receivedAt, origin: 'push' as const }
  return send(it, change, rawLeadKey, decision.eventName, false, false)
}

/** When we learned of a lead from Meta itself, whose clock may be a little ahead of ours. */
const capturedAt = ({ firstSeenAt }: StoredRecord, generatedAt = firstSeenAt): number => Math.max(firstSeenAt, generatedAt)

/** When the CRM or we learned of a lead: a record that is older than the lead knew the person before, but not as this lead. */
const learnedAt = ({ firstSeenAt }: StoredRecord, { generatedAt, learnedAt }: Lead): number =>
  generatedAt !== null && firstSeenAt < generatedAt ? learnedAt : firstSeenAt

/** The entries of one change: one, or several where skipped stages are filled. */
export function judgeChange(it: Case, change: Candidate): Judged[] {
  const key = stageKey(change.stage)
  const refuse = (refusal: Refusal, eventName: string | null = null): Judged[] => [
    { entry: base(it, change, key, eventName, 'suppressed', refusal), takes: false },
  ]
  if (filteredOut(it.route, change)) return refuse({ kind: 'refused', reason: 'route_filtered' })
  const found = findStage(it.setup.mapping, change.stage)
  if (found.kind === 'refused') return refuse(found)
  if (it.lead === null) {
    const reason = it.without ?? 'waiting_for_lead'
    const outcome = reason === 'waiting_for_lead' || reason === 'ambiguous_lead' ? 'waiting' : 'suppressed'
    return [{ entry: base(it, change, key, found.line.eventName, outcome, { kind: 'refused', reason }), takes: false }]
  }
  const decision = decideStage({ stage: change.stage, occurredAt: change.occurredAt }, it.milestones, it.setup.mapping, it.setup.rules)
  if (decision.kind === 'refused') return refuse(decision, found.line.eventName)
  return decision.steps.map((step) =>
    send(it, change, step.filled ? stageKey({ ...step.line }) : key, step.eventName, step.line.sendAmount, step.filled),
  )
}

function send(it: Case, change: Omit<Candidate, 'stage'>, key: string, eventName: string, sendAmount: boolean, filled: boolean): Judged {
  const { rules } = it.setup
  const lead = it.lead as Lead
  const profile = it.person.profile
  const fields = profile?.fields ?? {}
  const rawLead = isRawLead(it.route, key, eventName)
  const refuse = (refusal: Refusal, takes = false): Judged => {
    const judged = { entry: base(it, change, key, eventName, 'suppressed', refusal), takes, rawLead }
    if (takes) it.milestones.push({ eventName, occurredAt: change.occurredAt, rawLead, gone: true })
    return judged
  }
  const refused = refusedByConsent({ isTest: lead.isTest, fields }, rules)
  if (refused) return refuse(refused)
  const time = judgeTime(change.occurredAt, lead.generatedAt ?? undefined, it.now, it.limits)
  // A stage reached too long ago was reached all the same: reaching it again is not the first time.
  if (time.kind === 'refused') return refuse(time, time.reason === 'too_old')
  const identity = profile?.identity
  const userData = { ...identity?.userData }
  if (lead.metaLeadId !== null) userData.lead_id = lead.metaLeadId
  const unfit = refusedByLeadRule(userData, fields, rules)
  if (unfit) return refuse(unfit)
  const entry = base(it, change, key, eventName, 'pending', null)
  if (it.route.mode === 'shadow' && entry.eventId !== it.route.sentOne) return refuse({ kind: 'refused', reason: 'route_shadow' }, true)
  const notes = [...(identity?.notes ?? [])]
  let amount: { value: number; currency: string } | undefined
  if (sendAmount) {
    const given = normaliseAmount(change.record.profile?.amount)
    if ('dropped' in given) notes.push({ field: 'value', code: given.dropped })
    else amount = given
  }
  const event = buildEvent({
    eventName,
    occurredAt: change.occurredAt,
    eventId: entry.eventId,
    userData,
    limitedDataUse: identity?.limitedDataUse,
    leadEventSource: (it.route.speaker as Speaker).leadEventSource,
    amount,
  })
  entry.position = key === rawLeadKey ? 0 : Math.max(0, funnelPosition(it.setup.mapping, eventName))
  entry.payload = serialiseEvent(event, rules.leadIdEncoding)
  entry.detail = {
    ...entry.detail,
    keys: Object.keys(userData).join(' '),
    ...(notes.length > 0 && { notes }),
    ...(filled && { filled }),
    mapping: it.setup.mappingVersion,
  }
  const waits = Math.max(time.kind === 'waits' ? time.until : 0, awaitedUntil(it, lead))
  if (waits > it.now) entry.notBefore = waits
  entry.late = it.milestones.some((milestone) => milestone.gone && milestone.occurredAt > change.occurredAt)
  it.milestones.push({ eventName, occurredAt: change.occurredAt, rawLead, gone: false })
  return { entry, takes: true, rawLead }
}

/** A stage that bears the name of the raw lead is one, too. */
function isRawLead({ speaker }: RouteSetup, key: string, eventName: string): boolean {
  return key === rawLeadKey || (speaker?.rawLead.enabled === true && speaker.rawLead.eventName === eventName)
}

/** How long the first events of a lead id that only the CRM has shown wait for Meta to say whether it is a test; ms. */
const AWAIT_CAPTURE_MS = 120_000

function awaitedUntil({ setup }: Case, lead: Lead): number {
  return setup.awaitsCapture && lead.metaLeadId !== null && !lead.captured ? lead.learnedAt + AWAIT_CAPTURE_MS : 0
}

/** A stage id is reached once at an instant, whatever its pipeline is called then: the pipeline stays out of the event's id. */
export function changeEventId(it: Pick<Case, 'setup' | 'route'>, change: Pick<Candidate, 'record' | 'occurredAt'>, key: string): string {
  return eventId({
    datasetId: it.route.metaId,
    crm: it.setup.crm,
    account: it.setup.account,
    recordType: change.record.ref.type,
    recordId: change.record.ref.id,
    stageKey: key.replace(/\/[^/]*\//, '//'),
    occurredAt: change.occurredAt,
  })
}

function base(
  it: Case,
  change: Omit<Candidate, 'stage'>,
  key: string,
  eventName: string | null,
  outcome: LedgerEntry['outcome'],
  refusal: Refusal | null,
): LedgerEntry {
  return {
    occurredAt: change.occurredAt,
    eventId: changeEventId(it, change, key),
    datasetId: it.route.datasetId,
    recordId: change.record.id,
    leadId: it.lead?.id ?? null,
    stageKey: key,
    eventName,
    outcome,
    reason: refusal?.reason ?? null,
    detail: {
      ...(change.origin !== 'push' && { origin: change.origin }),
      ...(change.exact === false && { exact: false }),
      ...(change.twin !== undefined && { twin: change.twin - change.occurredAt }),
      ...(refusal?.params !== undefined && { params: refusal.params }),
    },
    receivedAt: change.receivedAt,
  }
}

function filteredOut(route: RouteSetup, change: Candidate): boolean {
  const { pipelineIds, recordTypes } = route.filter
  if (recordTypes !== undefined && recordTypes.length > 0 && !recordTypes.includes(change.record.ref.type)) return true
  if (pipelineIds === undefined || pipelineIds.length === 0 || change.stage.pipelineId === undefined) return false
  return !pipelineIds.includes(change.stage.pipelineId)
}
