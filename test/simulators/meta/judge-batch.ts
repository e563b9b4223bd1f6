import type { GraphErrorFields } from './graph-error.ts'
import { LeadId } from './read-payload.ts'

/** An event that obeys the rules, reduced to what the stand-in judges by. */
export interface JudgedEvent {
  eventName: string
  /** Unix seconds. */
  eventTime: number
  eventId: string | undefined
  leadId: string | undefined
  leadIdForm: 'integer' | 'string' | undefined
  /** Who the event is about: the lead id, else the first hashed e-mail or phone, else another key. */
  identity: string
  source: string | undefined
  /** Why Meta would take the event and still not count it as a conversion lead; empty where it counts. */
  notCounted: string[]
  keys: string[]
  body: Record<string, unknown>
}
export type Verdict = { events: JudgedEvent[] } | { refusal: GraphErrorFields }

const daySeconds = 86_400
const actionSources = new Set([
  'email',
  'website',
  'app',
  'phone_call',
  'chat',
  'physical_store',
  'system_generated',
  'business_messaging',
  'other',
])
/** Keys that have to be SHA-256 in lower-case hex (customer information parameters). */
const hashedKeys = ['em', 'ph', 'fn', 'ln', 'ge', 'db', 'ct', 'st', 'zp', 'country', 'f5first', 'f5last', 'fi', 'dobd', 'dobm', 'doby']
/** Customer data that is no more than one of these sets identifies nobody and makes an event invalid (best practices, Graph v13). */
const uselessSets = [
  ['ct', 'country', 'st', 'zp', 'ge', 'client_user_agent'],
  ['db', 'client_user_agent'],
  ['fn', 'ge'],
  ['ln', 'ge'],
].map((keys) => new Set(keys))
const usStates = new Set([0, ...Array.from({ length: 14 }, (_, index) => 1000 + index)])

class Refusal extends Error {
  readonly fields: GraphErrorFields
  constructor(fields: GraphErrorFields) {
    super(fields.title)
    this.fields = fields
  }
}

/**
 * Judges a whole request body by the documented rules of `/events`. One bad event refuses all of them, so either every
 * event comes back or the refusal does. `now` in milliseconds.
 */
export function judgeBatch(fields: Record<string, unknown>, now: number): Verdict {
  try {
    requestLevel(fields)
    const data = fields.data as unknown[]
    return { events: data.map((event, index) => judgeEvent(event, index, now)) }
  } catch (error) {
    if (error instanceof Refusal) return { refusal: error.fields }
    throw error
  }
}

function invalid(text: string, blame: (string | number)[], subcode?: number, title = 'Invalid parameter'): never {
  throw new Refusal({ code: 100, subcode, title, text, message: 'Invalid parameter', transient: false, blame: [blame] })
}

/** Members beside `data` may be null, as the business SDK sends them. */
function requestLevel(fields: Record<string, unknown>): void {
  const { data, partner_agent: agent, test_event_code: testCode } = fields
  if (!Array.isArray(data)) invalid('data has to be an array of events', ['data'])
  if (data.length === 0) invalid('data holds no event', ['data'])
  if (data.length > 1000) invalid('data holds more than 1000 events', ['data'])
  if (agent != null && !isPartnerAgent(agent))
    invalid('partner_agent has fewer than 23 characters and at least two letters', ['partner_agent'])
  if (testCode != null && !isText(testCode)) invalid('test_event_code has to be text', ['test_event_code'])
}

function judgeEvent(event: unknown, index: number, now: number): JudgedEvent {
  const at = (...path: (string | number)[]) => ['data', index, ...path]
  if (!isObject(event)) invalid('an event has to be an object', at())
  const hole = findHole(event, at())
  if (hole !== undefined) invalid('null and empty values are not allowed', hole)

  const { event_name: eventName, event_time: eventTime, event_id: eventId, action_source: actionSource } = event
  if (!isText(eventName)) invalid('event_name is missing or not text', at('event_name'))
  if (eventId !== undefined && !isText(eventId)) invalid('event_id has to be text', at('event_id'))
  if (!isText(actionSource) || !actionSources.has(actionSource)) invalid('action_source is missing or unknown', at('action_source'))
  const time = judgeTime(eventTime, actionSource, now, at('event_time'))
  const userData = event.user_data
  if (!isObject(userData)) invalid('user_data is missing', at('user_data'))
  const leadId = judgeUserData(userData, at('user_data'))
  if (actionSource === 'website' && (userData.client_user_agent === undefined || event.event_source_url === undefined))
    invalid('website events need client_user_agent and event_source_url', at())
  const customData = event.custom_data ?? {}
  if (!isObject(customData)) invalid('custom_data has to be an object', at('custom_data'))
  judgeMoney(eventName, customData, at('custom_data'))
  judgeProcessing(event, at())

  const source = customData.lead_event_source
  const notCounted: string[] = []
  if (actionSource !== 'system_generated') notCounted.push('action_source is not system_generated')
  if (customData.event_source !== 'crm') notCounted.push('custom_data.event_source is not crm')
  if (!isText(source)) notCounted.push('custom_data.lead_event_source is missing')
  return {
    eventName,
    eventTime: time,
    eventId,
    leadId: leadId?.text,
    leadIdForm: leadId === undefined ? undefined : leadId.literal ? 'integer' : 'string',
    identity: identityOf(userData, leadId),
    source: isText(source) ? source : undefined,
    notCounted,
    keys: Object.keys(userData),
    body: event,
  }
}

/** Integer seconds, no older than 7 days (62 for physical stores) and not in the future (server event parameters). */
function judgeTime(value: unknown, actionSource: string, now: number, blame: (string | number)[]): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value <= 0)
    invalid('event_time is missing or no integer of Unix seconds', blame)
  const days = actionSource === 'physical_store' ? 62 : 7
  if (value * 1000 > now) invalid('event_time lies in the future', blame, 2804004, 'Event Timestamp In The Future')
  if (value * 1000 < now - days * daySeconds * 1000)
    invalid(`event_time is older than ${days} days`, blame, 2804003, 'Event Timestamp Too Old')
  return value
}

function judgeUserData(userData: Record<string, unknown>, blame: (string | number)[]): LeadId | undefined {
  const keys = Object.keys(userData)
  if (uselessSets.some((set) => keys.every((key) => set.has(key))))
    invalid('the customer information is not enough to find anyone', blame, 2804050, 'Not Enough Customer Information')
  for (const key of hashedKeys) {
    const value = userData[key]
    if (value === undefined) continue
    for (const hash of Array.isArray(value) ? value : [value])
      if (typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash)) invalid(`${key} is not a SHA-256 hash`, [...blame, key])
  }
  const { fbc, fbp } = userData
  if (fbc !== undefined && !/^fb\.\d+\.\d+\..+$/.test(String(fbc))) invalid('fbc is malformed', [...blame, 'fbc'])
  if (fbp !== undefined && !/^fb\.\d+\.\d+\..+$/.test(String(fbp))) invalid('fbp is malformed', [...blame, 'fbp'])
  const leadId = userData.lead_id
  if (leadId === undefined) return undefined
  if (!(leadId instanceof LeadId) || !/^\d{15,17}$/.test(leadId.text))
    invalid('lead_id is not a lead id of 15 to 17 digits', [...blame, 'lead_id'])
  return leadId
}

function judgeMoney(eventName: string, customData: Record<string, unknown>, blame: (string | number)[]): void {
  const { value, currency } = customData
  if (value === undefined && eventName === 'Purchase') invalid('Purchase needs a value', [...blame, 'value'], 2804009, 'Missing Value')
  if (value !== undefined && (typeof value !== 'number' || !Number.isFinite(value)))
    invalid('value has to be a number', [...blame, 'value'])
  if (value !== undefined && currency === undefined) invalid('value needs a currency', [...blame, 'currency'], 2804023, 'Missing Currency')
  if (currency !== undefined && !/^[A-Z]{3}$/.test(String(currency))) invalid('currency is not an ISO 4217 code', [...blame, 'currency'])
}

/** Limited data use (data processing options): inside the event; country 0 or 1, state 0 or one of the listed ones. */
function judgeProcessing(event: Record<string, unknown>, blame: (string | number)[]): void {
  const { data_processing_options: options, data_processing_options_country: country, data_processing_options_state: state } = event
  if (event.opt_out !== undefined && typeof event.opt_out !== 'boolean') invalid('opt_out has to be a boolean', [...blame, 'opt_out'])
  if (options !== undefined && !(Array.isArray(options) && options.every((option) => option === 'LDU')))
    invalid('data_processing_options is ["LDU"] or []', [...blame, 'data_processing_options'])
  if (country !== undefined && country !== 0 && country !== 1)
    invalid('data_processing_options_country is 0 or 1', [...blame, 'data_processing_options_country'])
  if (state !== undefined && !(typeof state === 'number' && usStates.has(state)))
    invalid('data_processing_options_state is not a listed state', [...blame, 'data_processing_options_state'])
}

function identityOf(userData: Record<string, unknown>, leadId: LeadId | undefined): string {
  if (leadId !== undefined) return `lead_id:${leadId.text}`
  for (const key of ['em', 'ph', 'fbc', 'external_id']) {
    const value = userData[key]
    if (value !== undefined) return `${key}:${Array.isArray(value) ? value[0] : value}`
  }
  return `other:${JSON.stringify(userData)}`
}

/** Path of the first null, empty text or empty list; an empty `data_processing_options` list is meaningful. */
function findHole(value: unknown, path: (string | number)[]): (string | number)[] | undefined {
  if (value === null || value === '') return path
  if (typeof value !== 'object' || value instanceof LeadId) return undefined
  if (Array.isArray(value) && value.length === 0) return path.at(-1) === 'data_processing_options' ? undefined : path
  for (const [key, member] of Object.entries(value)) {
    const hole = findHole(member, [...path, Array.isArray(value) ? Number(key) : key])
    if (hole !== undefined) return hole
  }
  return undefined
}

function isPartnerAgent(value: unknown): boolean {
  return isText(value) && value.length < 23 && (value.match(/[A-Za-z]/g)?.length ?? 0) >= 2
}
function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
