import { sha256 } from './hash.ts'
import { escaped } from './stage-key.ts'

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

/**
 * `event_id`: 32 lower-case hex characters, the same for the same change at the same dataset for ever. The parts are escaped
 * and joined like those of a stage key, so that no two keys share a joining.
 */
export const eventId = (key: EventKey): string => {
  const record = `${escaped(key.crm)}/${escaped(key.account)}/${escaped(key.recordType)}/${escaped(key.recordId)}`
  return sha256(`${escaped(key.datasetId)}/${record}/${key.stageKey}/${key.occurredAt}`).slice(0, 32)
}
