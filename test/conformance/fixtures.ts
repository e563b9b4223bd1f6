/** What a connector brings to the battery: how its CRM speaks, and nothing of what has to come of it. */
import type { Test } from 'tap'
import type { Connector, RawRequest, Signal, Verdict } from '../../connectors/connector.ts'
import type { Log } from '../../server/log.ts'
import type { TestApp } from '../support/app.ts'

/** A record reached a stage, or, where there are none, is there, as the CRM tells it. */
export interface Told {
  /** The record's id at the CRM. */
  id: string
  /** Empty: the stage was cleared. */
  stage: string
  /** Milliseconds since the epoch. */
  at: number
}

export interface Person {
  metaLeadId: string
  email: string
  phone: string
  firstName: string
  /** When the CRM created the record. */
  createdAt: number
}

export interface Fixtures {
  connector: Connector
  /** The type of the records whose stages are told, and ids as the CRM gives them. */
  recordType: string
  ids: readonly [string, string, string]
  /** A later and the latest stage of the funnel; its first is taken from the creation of the record. Null: its records have none. */
  stages: [later: string, latest: string] | null
  /** Text that tells these changes, as the CRM sends it at `now`; for a stream, as it is kept of what was sent. */
  say(told: readonly Told[], now: number): string
  /** The changes in text that came as from the CRM. */
  hear(text: string, now: number): unknown[]
  /** How a push is proven. */
  proof?: Proof
  start(t: Test, options: { log?: Log }): Promise<Whole>
}

export interface Proof {
  /** A request with any body, proven as the CRM does at `now`. */
  requestOf(body: string, now: number): RawRequest
  verify(request: RawRequest): Verdict
  /** The same request, each with one thing wrong that makes it somebody else's. */
  forgeries(request: RawRequest): Record<string, RawRequest>
}

/** The CRM around a running app. Nothing is told by itself. */
export interface Whole {
  it: TestApp
  connectionId: number
  /** Meta's id of the dataset. */
  dataset: string
  /** The events of the three stages of a lead, in funnel order; of one without stages, of the raw lead alone. */
  eventNames: [raw: string, later: string, latest: string] | [raw: string]
  /** A lead appears in the CRM. Returns the id of its record. */
  lead(person: Person): string
  /** A record changes its stage in the CRM. */
  change(told: Told): void
  /**
   * The CRM tells changes together. Resolves with whether they were acknowledged: by an answer that says so, by a position in
   * the stream that moved behind them.
   */
  tell(told: readonly Told[]): Promise<boolean>
  /** Sends any text, proven as the CRM does, or in the place of what it tells. False: that was an error of ours. */
  post(text: string): Promise<boolean>
  /** Requests for identities that the CRM has answered so far. */
  identityRequests(): number
  /** Two records become one; the CRM tells so. Only where the CRM has merges. */
  merge?(survivorId: string, otherId: string): Promise<void>
  /** The CRM tells that a record is there, and nothing of its stages; where it has none, its history tells. Only where history can be read. */
  tellSeen?(id: string): Promise<void>
  /** What the CRM's history tells of the time between two instants. Only where history can be read. */
  readHistory?(from: number, to: number): Promise<Signal[]>
  /** Words that must never be seen in a log: secrets of the connection. */
  secrets: string[]
}
