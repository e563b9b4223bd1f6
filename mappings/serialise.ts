/** JSON as it goes over the wire: lossless lead ids, and batches built from events that are serialised already. */
import type { ConversionEvent } from './conversion-event.ts'

/**
 * One event as JSON. `lead_id` becomes an integer literal with all its digits (a JavaScript number would round 17 of them),
 * or stays a string where `leadIdEncoding` says so.
 */
export const serialiseEvent = (event: ConversionEvent, leadIdEncoding: 'integer' | 'string' = 'integer'): string => {
  const json = JSON.stringify(event)
  const id = event.user_data.lead_id
  if (id === undefined || leadIdEncoding === 'string') return json
  // Inside a JSON string the quotes would be escaped, so this text occurs once only.
  return json.replace(`"lead_id":"${id}"`, `"lead_id":${id}`)
}

/** The body of one request: at most 1,000 events, `partner_agent` and the test code beside `data`. */
export const serialiseRequest = (
  events: readonly string[],
  options: { partnerAgent?: string | undefined; testEventCode?: string | undefined } = {},
): string => {
  const { partnerAgent, testEventCode } = options
  const agent = partnerAgent === undefined ? '' : `,"partner_agent":${JSON.stringify(partnerAgent)}`
  const test = testEventCode === undefined ? '' : `,"test_event_code":${JSON.stringify(testEventCode)}`
  return `{"data":[${events.join(',')}]${agent}${test}}`
}
