/** What a CRM, or Meta's page, brings to the demo: a stand-in, a connection to install, and a walk down the funnel. */
import type { LeadStageRecordInput } from '../../connectors/record.ts'
import type { Change } from './judge.ts'

export interface Source {
  /** Of a CRM: `lead_event_source` as Meta has to see it. */
  name: string
  /** Registry key of its connector. */
  crm: string
  /** What the server has to be told of the app at this CRM. */
  env: Record<string, string>
  /** The event that Meta has to get for each stage of the funnel, by the connector's own proposal. Empty where leads only begin. */
  eventNames: readonly string[]
  /** The secret of the account's grant, by which it gets connected. */
  refreshToken: string
  /** From now on webhooks go to the server at this address, and consents lead back to it. */
  connect(serverUrl: string): Promise<void>
  /** Makes all changes of the funnel in the CRM, and tells of each when it has been made. */
  walk(changed: (change: Change) => void): Promise<void>
  /** True when the CRM has nothing left to tell the server. */
  idle(): Promise<boolean>
  /** How the changes got to the server: a sentence for the report, and how many events came, some of them again. */
  traffic(): Promise<{ sentence: string; events: number; repeated: number }>
  /** What a visitor can look at and try after the walk. */
  visit: {
    /** A record that went all the way, as the command line names it. */
    record(): string
    /** A record for the preview. */
    preview?: LeadStageRecordInput
    /** What to do to the CRM by hand: remarks with a command line each. */
    changes(): [remark: string, command: string][]
  }
  close(): Promise<void>
}
