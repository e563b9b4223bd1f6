import type { JudgedEvent } from './judge-batch.ts'

/** An event that Meta took, with its arrival. */
export interface ReceivedEvent extends JudgedEvent {
  dataset: string
  /** When it arrived, milliseconds of the stand-in's clock. */
  at: number
  /** Number of the request it came in, and its place there. */
  request: number
  index: number
  /** The same event id was taken before. */
  doubledById: boolean
  /** The same lead had this event name before. */
  doubledByLead: boolean
  /** An event of the same lead with a later event time had arrived before. */
  outOfOrder: boolean
}

/** What one dataset got, judged by the stand-in alone. */
export interface DatasetSummary {
  received: number
  /** Received events that count as conversion-lead events; the rest by reason. */
  counted: number
  notCounted: Record<string, number>
  /** Different pairs of event name and lead. */
  distinct: number
  distinctEventIds: number
  /** Events taken once too often: a known event id, or a lead that had the event name before. */
  doubled: number
  doubledById: number
  doubledByLead: number
  outOfOrder: number
  bySource: Record<string, number>
  byEventName: Record<string, number>
  leads: number
}

/** Everything Meta took, in the order of arrival. */
export class Received {
  readonly events: ReceivedEvent[] = []
  #ids = new Set<string>()
  #pairs = new Set<string>()
  #latest = new Map<string, number>()

  add(dataset: string, event: JudgedEvent, at: number, request: number, index: number): void {
    const id = event.eventId === undefined ? undefined : JSON.stringify([dataset, event.eventId])
    const lead = JSON.stringify([dataset, event.identity])
    const pair = JSON.stringify([dataset, event.identity, event.eventName])
    const latest = this.#latest.get(lead) ?? event.eventTime
    this.events.push({
      ...event,
      dataset,
      at,
      request,
      index,
      doubledById: id !== undefined && this.#ids.has(id),
      doubledByLead: this.#pairs.has(pair),
      outOfOrder: event.eventTime < latest,
    })
    if (id !== undefined) this.#ids.add(id)
    this.#pairs.add(pair)
    this.#latest.set(lead, Math.max(latest, event.eventTime))
  }

  summary(): Record<string, DatasetSummary> {
    const summaries: Record<string, DatasetSummary> = {}
    for (const [dataset, events] of Map.groupBy(this.events, (event) => event.dataset)) summaries[dataset] = summarise(events)
    return summaries
  }
}

function summarise(events: ReceivedEvent[]): DatasetSummary {
  const count = (holds: (event: ReceivedEvent) => boolean) => events.filter(holds).length
  const different = (key: (event: ReceivedEvent) => string | undefined) =>
    new Set(events.map(key).filter((value) => value !== undefined)).size
  return {
    received: events.length,
    counted: count((event) => event.notCounted.length === 0),
    notCounted: tally(events.flatMap((event) => event.notCounted)),
    distinct: different((event) => JSON.stringify([event.eventName, event.identity])),
    distinctEventIds: different((event) => event.eventId),
    doubled: count((event) => event.doubledById || event.doubledByLead),
    doubledById: count((event) => event.doubledById),
    doubledByLead: count((event) => event.doubledByLead),
    outOfOrder: count((event) => event.outOfOrder),
    bySource: tally(events.map((event) => event.source ?? '')),
    byEventName: tally(events.map((event) => event.eventName)),
    leads: different((event) => event.identity),
  }
}

function tally(values: string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}
