/** JSON as it goes over the wire: lossless lead ids, and batches built from events that are serialised already. */
import type { ConversionEvent } from './conversion-event.ts'

/**
 * One event as JSON. `lead_id` becomes an integer literal with all its digits (a JavaScript number would round 17 of them),
 * or stays a string where `leadIdEncoding` says so. Put together by hand, which is faster than `JSON.stringify` with raw
 * literals, and safe because hashes, lead ids and click ids hold nothing that JSON escapes: `userData` checks that for
 * whatever comes back from a store.
 */
export const serialiseEvent = (event: ConversionEvent, leadIdEncoding: 'integer' | 'string' = 'integer'): string => {
  const { user_data: user, custom_data: custom } = event
  let json = `{"event_name":"${escaped(event.event_name)}","event_time":${event.event_time},"event_id":"${event.event_id}","action_source":"system_generated","custom_data":{"event_source":"crm","lead_event_source":"${escaped(custom.lead_event_source)}`
  if (custom.value !== undefined) json += `","value":${custom.value},"currency":"${custom.currency}`
  if (event.data_processing_options === undefined) json += '"},"user_data":{'
  else {
    const { data_processing_options_country: country, data_processing_options_state: state } = event
    json += `"},"data_processing_options":["LDU"],"data_processing_options_country":${country},"data_processing_options_state":${state},"user_data":{`
  }
  // Every key but the first one opens with what the key before it left open: nothing, or the array of its hashes. Pieces are
  // added one by one, because engines keep such a text as a chain and copy chains faster than trees.
  const start = json.length
  if (user.em !== undefined) json += `"em":["${list(user.em)}`
  if (user.ph !== undefined) json = json + (json.length === start ? '"ph":["' : '"],"ph":["') + list(user.ph)
  if (user.fn !== undefined) json = json + (json.length === start ? '"fn":["' : '"],"fn":["') + list(user.fn)
  if (user.ln !== undefined) json = json + (json.length === start ? '"ln":["' : '"],"ln":["') + list(user.ln)
  if (user.ge !== undefined) json = json + (json.length === start ? '"ge":["' : '"],"ge":["') + list(user.ge)
  if (user.db !== undefined) json = json + (json.length === start ? '"db":["' : '"],"db":["') + list(user.db)
  if (user.ct !== undefined) json = json + (json.length === start ? '"ct":["' : '"],"ct":["') + list(user.ct)
  if (user.st !== undefined) json = json + (json.length === start ? '"st":["' : '"],"st":["') + list(user.st)
  if (user.zp !== undefined) json = json + (json.length === start ? '"zp":["' : '"],"zp":["') + list(user.zp)
  if (user.country !== undefined) json = json + (json.length === start ? '"country":["' : '"],"country":["') + list(user.country)
  if (user.external_id !== undefined)
    json = json + (json.length === start ? '"external_id":["' : '"],"external_id":["') + list(user.external_id)
  if (json.length > start) json += '"]'
  if (user.lead_id !== undefined) {
    if (leadIdEncoding === 'integer') json = json + (json.length === start ? '"lead_id":' : ',"lead_id":') + user.lead_id
    else json += `${json.length === start ? '' : ','}"lead_id":"${user.lead_id}"`
  }
  if (user.fbc !== undefined) json += `${json.length === start ? '' : ','}"fbc":"${user.fbc}"`
  return `${json}}}`
}

const list = (hashes: readonly string[]): string => (hashes.length === 1 ? (hashes[0] as string) : hashes.join('","'))

/** Text as it stands between the quotes of JSON; without anything to escape it is the text itself. */
const escaped = (text: string): string => {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 32 || code === 34 || code === 92 || code > 126) return JSON.stringify(text).slice(1, -1)
  }
  return text
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
