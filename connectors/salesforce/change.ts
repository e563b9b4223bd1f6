/** What the inbox keeps of Salesforce: one JSON object for each change, however it came. Instants are milliseconds since the epoch. */

export type Entity = 'Lead' | 'Opportunity'
export type FieldValue = string | number | boolean | null

/** The kinds of change that change events tell of (Change Data Capture guide, change event header). */
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
  /**
   * What is known of the record, by API name. On CREATE everything that was read, where what is empty is left out; otherwise
   * changed fields (null when emptied) and those that the channel adds to every event.
   */
  fields: Record<string, FieldValue>
  /** Values of the connection's lead id and click id fields, and of its rule fields by name, where they are known. */
  leadId?: string | null
  clickId?: string | null
  rules?: Record<string, string | null>
  /** How many records were told of together, where there were several: Salesforce merges equal changes of a transaction. */
  together?: number
  /** The change was not made through an API. */
  internal?: boolean
}

/** A row of the CRM's history: the record reached `stage` at `at`. */
export interface ReachedChange {
  kind: 'reached'
  entity: Entity
  id: string
  stage: string
  at: number
}

/** A record as polling found it: at `stage`, last changed `at`. */
export interface FoundChange {
  kind: 'found'
  entity: Entity
  id: string
  stage: string
  at: number
  /** `at` is when the record reached the stage, by the CRM's own date of it. */
  exact: boolean
  created?: number
  deleted?: boolean
}

export type SalesforceChange = EventChange | ReachedChange | FoundChange
