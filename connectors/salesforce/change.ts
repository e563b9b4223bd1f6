/** What the inbox keeps of Salesforce: one JSON object for each change, however it came. Instants are milliseconds since the epoch. */
import type { LeadIdentity } from '../record.ts'

export type Entity = 'Lead' | 'Opportunity'
export type FieldValue = string | number | boolean | null

/** The kinds of change that change events tell of (Salesforce, Change Data Capture, change event header). */
export const changeTypes = [
  ...(['CREATE', 'UPDATE', 'DELETE', 'UNDELETE'] as const),
  ...(['GAP_CREATE', 'GAP_UPDATE', 'GAP_DELETE', 'GAP_UNDELETE', 'GAP_OVERFLOW'] as const),
]
export type ChangeType = (typeof changeTypes)[number]

/** A change event of the stream. */
export interface EventChange {
  kind: 'event'
  entity: Entity
  /** Every record id the event names, 18 characters; wildcards and the id that stands for an overflow, too. */
  ids: string[]
  type: ChangeType
  /** When the change was committed. */
  at: number
  /** Key of the transaction, and the event's place in it, from 1. */
  transaction: string
  sequence: number
  /** API names of changed fields, parts of compound fields as `Name.FirstName`; empty for CREATE. */
  changed: string[]
  /** Stage, creation and conversion where they are known, by API name: null when emptied; what is empty on CREATE is left out. */
  fields: Record<string, FieldValue>
  /** What the event tells of the person: on CREATE all there is, otherwise what changed and what the channel adds to every event. */
  identity?: LeadIdentity
  /** Values of the connection's rule fields, by their name, where they are known. */
  rules?: Record<string, string | null>
  /** Something changed that matters and that the event does not tell in full: only the record itself does. */
  unclear?: true
  /** How many records were told of together, where there were several: Salesforce merges equal changes of a transaction. */
  together?: number
  /** The change was not made through an API. */
  internal?: true
}

/** A row of the CRM's history: the record reached `stage` at `at`. */
export interface ReachedChange {
  kind: 'reached'
  entity: Entity
  id: string
  stage: string
  at: number
}

/** A record as it was found: at `stage`, last changed `at`. */
export interface FoundChange {
  kind: 'found'
  entity: Entity
  id: string
  stage: string
  at: number
  /** `at` is when the record reached the stage, by the CRM's own date of it. */
  exact: boolean
  deleted?: boolean
  /** Found where a history was wanted that the org does not keep; by polling otherwise. */
  history?: boolean
}

export type SalesforceChange = EventChange | ReachedChange | FoundChange
