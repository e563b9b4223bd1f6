/** What the parts of the server tell of their work. Cheap and never failing; labels have few values, and name no tenant. */
import type { Arrival } from '../../connectors/connector.ts'

export interface Meter {
  /** A webhook request was answered. */
  webhook(crm: string, status: number, seconds: number): void
  /** A CRM told changes, new or not. */
  changes(crm: string, way: Arrival | 'history', count: number): void
  /** Packets of a body were stored, together with those of others or alone. */
  stored(packets: number, seconds: number): void
  /** A run of the scheduler ended. */
  run(kind: string, outcome: 'done' | 'failed', seconds: number): void
  /** A CRM was asked for records. `refused`: because of one of them, which asking again does not mend. */
  lookup(crm: string, records: { found?: number; gone?: number; failed?: number; refused?: number }, seconds: number): void
  /** One exchange with a CRM ended; no status: there was no answer. */
  crmRequest(crm: string, status: number | undefined, seconds: number): void
  /** An access token was renewed, or not. `refused`: the CRM has withdrawn the grant. */
  renewal(crm: string, outcome: 'renewed' | 'refused' | 'failed'): void
  /** Ledger entries were written, or got another outcome. */
  entries(entries: readonly { outcome: string; reason?: string | null }[]): void
  /** A batch went to Meta. `answer`: `accepted`, `short`, `silent`, or the class of the error. */
  delivery(answer: string, events: number, seconds: number): void
}
