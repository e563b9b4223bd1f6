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

const part = (text: string) => `${text.length}:${text}`

/**
 * `event_id`: 32 lower-case hex characters, the same for the same change at the same dataset for ever. Parts are joined with
 * their lengths, so that no two keys share a joining.
 */
export const eventId = (key: EventKey): string =>
  sha256(
    part(key.datasetId) +
      part(key.crm) +
      part(key.account) +
      part(key.recordType) +
      part(key.recordId) +
      part(key.stageKey) +
      key.occurredAt,
  ).slice(0, 32)
