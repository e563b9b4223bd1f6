/** Compares what was changed in the CRMs with what the Meta stand-in received. Pure. */
import type { ReceivedEvent } from '../simulators/meta/received.ts'

/** One stage that a lead reached in a CRM. */
export interface Change {
  /** `lead_event_source` of the CRM. */
  source: string
  leadId: string
  eventName: string
  /** When it happened there, milliseconds. */
  at: number
  /** It is dated not when it happened, but when somebody learned of it. */
  learned?: true
  /** The CRMs that may be named in its event; the source alone where none are. */
  speakers?: readonly string[]
}

/** Numbers of one part of the funnel; the delay is that from the change to Meta, milliseconds. */
export interface Counts {
  changes: number
  /** By the ledger. */
  sent: number
  /** Changes whose event arrived, however often. */
  received: number
  lost: number
  /** Events that arrived once too often. */
  doubled: number
  delayMs: { p50: number | null; p99: number | null }
}
export interface Verdict extends Counts {
  /** Events that answer to no change. */
  unexpected: number
  /** Events that arrived, but not as they should have. */
  wrong: number
  /** Events that arrived after a later one of the same lead. Allowed: a CRM tells in any order, and nothing is held back. */
  outOfOrder: number
  sources: Record<string, Counts>
  stages: (Counts & { source: string; eventName: string })[]
  /** A sentence for each thing that went wrong. */
  problems: string[]
}
/** What the ledger says was sent. */
export interface Sent {
  source: string
  eventName: string
  count: number
}

/** `changes` and `received` in any order. Nothing of ours is asked about arrivals: they are the stand-in's word alone. */
export function judge(changes: readonly Change[], received: readonly ReceivedEvent[], sent: readonly Sent[]): Verdict {
  const arrivals = Map.groupBy(received, (event) => key(event.leadId, event.eventName))
  const known = new Set(changes.map((change) => key(change.leadId, change.eventName)))
  const unexpected = received.filter((event) => !known.has(key(event.leadId, event.eventName)))
  const problems: string[] = []
  let wrong = 0
  for (const change of changes) {
    const events = arrivals.get(key(change.leadId, change.eventName)) ?? []
    const say = (problem: string) => problems.push(`${change.eventName} of lead ${change.leadId} ${problem}`)
    if (events.length === 0) say('was lost')
    if (events.length > 1) say(`arrived ${events.length} times`)
    for (const event of events) {
      const flaws = findFlaws(change, event)
      if (flaws.length > 0) wrong += 1
      flaws.forEach(say)
    }
  }
  for (const event of unexpected) problems.push(`${event.eventName} of ${event.identity} arrived, though nothing was changed`)

  const stages: Verdict['stages'] = []
  for (const { source, eventName } of changes) {
    if (stages.some((stage) => stage.source === source && stage.eventName === eventName)) continue
    const part = (one: { source: string; eventName: string }) => one.source === source && one.eventName === eventName
    stages.push({ source, eventName, ...count(changes.filter(part), arrivals, sent.filter(part)) })
  }
  const sources: Verdict['sources'] = {}
  for (const source of new Set(changes.map((change) => change.source))) {
    const part = (one: { source: string }) => one.source === source
    sources[source] = count(changes.filter(part), arrivals, sent.filter(part))
  }
  return {
    ...count(changes, arrivals, sent),
    unexpected: unexpected.length,
    wrong,
    outOfOrder: received.filter((event) => event.outOfOrder).length,
    sources,
    stages,
    problems,
  }
}

function key(leadId: string | undefined, eventName: string): string {
  return `${leadId} ${eventName}`
}

/** What Meta's guide asks of the event of a change, beyond what makes Meta take it. Times count in whole seconds. */
function findFlaws(change: Change, event: ReceivedEvent): string[] {
  const flaws = [...event.notCounted.map((reason) => `does not count: ${reason}`)]
  const seconds = Math.floor(change.at / 1000)
  const latest = change.learned ? Math.floor(event.at / 1000) : seconds
  if (event.eventTime < seconds || event.eventTime > latest) flaws.push(`has event_time ${event.eventTime} instead of ${seconds}`)
  const { speakers = [change.source] } = change
  if (event.source !== undefined && !speakers.includes(event.source))
    flaws.push(`names "${event.source}", not "${speakers.join('" or "')}"`)
  if (event.eventId === undefined) flaws.push('has no event_id')
  return flaws
}

function count(changes: readonly Change[], arrivals: ReadonlyMap<string, readonly ReceivedEvent[]>, sent: readonly Sent[]): Counts {
  const events = changes.map((change) => arrivals.get(key(change.leadId, change.eventName)) ?? [])
  const delays = events.flatMap((copies, index) => copies.slice(0, 1).map((first) => first.at - (changes[index] as Change).at))
  const received = events.filter((copies) => copies.length > 0).length
  return {
    changes: changes.length,
    sent: sent.reduce((sum, part) => sum + part.count, 0),
    received,
    lost: changes.length - received,
    doubled: events.reduce((sum, copies) => sum + Math.max(0, copies.length - 1), 0),
    delayMs: { p50: percentile(delays, 0.5), p99: percentile(delays, 0.99) },
  }
}

/** Nearest rank: a value that really occurred. */
function percentile(values: number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null
}
