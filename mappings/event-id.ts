import { decimal } from './decimal.ts'
import { sha256 } from './hash.ts'

/** What makes an event the one it is. */
export interface EventKey {
  /** Meta's id of the dataset. */
  datasetId: string
  crm: string
  account: string
  recordType: string
  recordId: string
  /** `stageKey(…)` or `rawLeadKey`. */
  stageKey: string
  /** ms */
  occurredAt: number
}

/** A part behind its length (as one character: parts are far shorter than 65,536), so that no two keys share a joining. */
const part = (text: string) => String.fromCharCode(text.length) + text

/** `event_id`: 32 lower-case hex characters, the same for the same change at the same dataset for ever. */
export const eventId = (key: EventKey): string => {
  const record = part(key.crm) + part(key.account) + part(key.recordType) + part(key.recordId)
  return sha256(part(key.datasetId) + record + part(key.stageKey) + decimal(key.occurredAt)).slice(0, 32)
}
