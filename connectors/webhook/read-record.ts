/** One record of a body: the change it tells, or the first field that is wrong with it. Pure. */
import type { LeadIdentity } from '../record.ts'
import { readInstant } from './read-instant.ts'
import { readPath } from './read-path.ts'
import { type FieldName, fieldNames, type WebhookSettings } from './settings.ts'

/** A change as it is kept. */
export interface WebhookChange {
  /** What a repeat has in common with it, where the CRM gave an id. */
  changeId?: string
  type: string
  id: string
  /** Absent: the record reached a stage. */
  action?: 'delete' | 'erase'
  /** Empty where there is an action. */
  stage: string
  pipeline?: string
  /** Milliseconds since the epoch; where the CRM gave none, when we received it. */
  occurredAt: number
  received: boolean
  createdAt?: number
  identity: LeadIdentity
  amount?: { value: number; currency?: string }
  fields: Record<string, string | null>
}

/** Why a record was not taken. Holds no value of it. */
export interface Fault {
  field: string
  reason:
    | 'missing'
    | 'not_text'
    | 'too_long'
    | 'unusable_characters'
    | 'not_a_time'
    | 'in_future'
    | 'not_a_lead_id'
    | 'not_a_number'
    | 'not_an_action'
    | 'not_an_object'
  text: string
}

/** How far the clock of a CRM may run ahead of ours, milliseconds. */
const AHEAD_MS = 300_000
const MOST_FIELDS = 100
/** Longest values, in characters: names of things, and everything else. */
const ID_LENGTH = 200
const TEXT_LENGTH = 1_000
const ids: ReadonlySet<FieldName> = new Set(['record_id', 'stage', 'record_type', 'pipeline', 'event_id'])

/** @param now our clock at receipt, milliseconds since the epoch */
export function readRecord(raw: unknown, settings: WebhookSettings, now: number): WebhookChange | Fault {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    return { field: '', reason: 'not_an_object', text: 'A record is an object with at least record_id and stage.' }
  }
  const values: Partial<Record<FieldName, string>> = {}
  for (const name of fieldNames) {
    const read = readText(name, readPath(raw, settings.paths[name] ?? `/${name}`) ?? settings.constants[name])
    if (typeof read === 'object') return read
    if (read !== undefined) values[name] = read
  }
  const { record_id: id, stage, record_type: type = 'record', pipeline, event_id: eventId } = values
  if (id === undefined) return missing('record_id')
  const action = values.action
  if (action !== undefined && action !== 'delete' && action !== 'erase') {
    return {
      field: 'action',
      reason: 'not_an_action',
      text: 'An action is "delete" or "erase"; without one, the record has reached a stage.',
    }
  }
  if (stage === undefined && action === undefined) return missing('stage')
  const occurredAt = instantOf('occurred_at', values, now)
  const createdAt = instantOf('lead_created_at', values, now)
  const clickSeenAt = instantOf('fbclid_seen_at', values, now)
  for (const instant of [occurredAt, createdAt, clickSeenAt]) if (typeof instant === 'object') return instant
  if (values.meta_lead_id !== undefined && !/^(l:)?[1-9]\d{14,16}$/.test(values.meta_lead_id)) {
    return {
      field: 'meta_lead_id',
      reason: 'not_a_lead_id',
      text: 'A Meta lead id has 15 to 17 digits; best sent as text, so that nothing rounds it.',
    }
  }
  const amount = values.amount === undefined ? undefined : Number(values.amount)
  if (amount !== undefined && !(values.amount !== '' && Number.isFinite(amount))) {
    return { field: 'amount', reason: 'not_a_number', text: 'An amount is a number with a decimal point.' }
  }
  // Of who is to be forgotten nothing is kept, not even until then.
  if (action !== undefined) {
    return {
      action,
      type,
      id,
      stage: '',
      occurredAt: (occurredAt as number | undefined) ?? now,
      received: occurredAt === undefined,
      identity: {},
      fields: {},
    }
  }
  return {
    ...(eventId !== undefined && { changeId: eventId }),
    type,
    id,
    stage: stage as string,
    ...(pipeline !== undefined && { pipeline }),
    occurredAt: (occurredAt as number | undefined) ?? now,
    received: occurredAt === undefined,
    ...(createdAt !== undefined && { createdAt: createdAt as number }),
    identity: identityOf(values, clickSeenAt as number | undefined),
    ...(amount !== undefined && { amount: { value: amount, ...(values.currency !== undefined && { currency: values.currency }) } }),
    fields: ruleFields(raw, settings),
  }
}

/** Text, or the digits of a number; undefined where there is nothing. */
function readText(field: FieldName, value: unknown): string | undefined | Fault {
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    return { field, reason: 'not_text', text: 'The number is too large to be read exactly; send it as text.' }
  }
  if (typeof value !== 'string' && typeof value !== 'number') return { field, reason: 'not_text', text: 'This has to be text or a number.' }
  const text = String(value).trim()
  if (text === '') return undefined
  const most = ids.has(field) ? ID_LENGTH : TEXT_LENGTH
  if (text.length > most) return { field, reason: 'too_long', text: `This may have up to ${most} characters.` }
  // Neither a database nor Meta takes them, and two ids must not become one by losing them.
  if (!text.isWellFormed() || /\p{Cc}/u.test(text)) {
    return { field, reason: 'unusable_characters', text: 'This holds control characters or broken Unicode.' }
  }
  return text
}

function missing(field: FieldName): Fault {
  return { field, reason: 'missing', text: 'This is missing or empty.' }
}

function instantOf(field: FieldName, values: Partial<Record<FieldName, string>>, now: number): number | undefined | Fault {
  const text = values[field]
  if (text === undefined) return undefined
  const at = readInstant(text)
  if (at === undefined) {
    return {
      field,
      reason: 'not_a_time',
      text: 'A time looks like 2026-01-31T09:00:00Z, with Z or an offset, or is Unix time in seconds or milliseconds.',
    }
  }
  if (at > now + AHEAD_MS) return { field, reason: 'in_future', text: 'The time is more than five minutes in the future.' }
  return at
}

function identityOf(values: Partial<Record<FieldName, string>>, clickSeenAt: number | undefined): LeadIdentity {
  const identity: LeadIdentity = {
    metaLeadId: values.meta_lead_id?.replace(/^l:/, ''),
    clickId:
      values.fbclid === undefined ? undefined : { value: values.fbclid, ...(clickSeenAt !== undefined && { firstSeenAt: clickSeenAt }) },
    emails: values.email === undefined ? undefined : [values.email],
    phones: values.phone === undefined ? undefined : [values.phone],
    firstName: values.first_name,
    lastName: values.last_name,
    gender: values.gender,
    dateOfBirth: values.date_of_birth,
    city: values.city,
    state: values.state,
    postalCode: values.postal_code,
    country: values.country,
    externalId: values.external_id,
  }
  return Object.fromEntries(Object.entries(identity).filter(([, value]) => value !== undefined))
}

/** What rules may look at: text, numbers and yes or no; anything else is nothing a rule could compare. */
function ruleFields(raw: object, settings: WebhookSettings): Record<string, string | null> {
  const named = Object.entries(settings.ruleFields)
  const given = readPath(raw, '/fields')
  const own = typeof given === 'object' && given !== null && !Array.isArray(given) ? Object.entries(given) : []
  const pairs = named.length > 0 ? named.map(([name, path]) => [name, readPath(raw, path)] as const) : own.slice(0, MOST_FIELDS)
  return Object.fromEntries(
    pairs.flatMap(([name, value]) => (isPlain(value) ? [[clean(name), value === null ? null : clean(String(value))]] : [])),
  )
}

const isPlain = (value: unknown) => value === null || ['string', 'number', 'boolean'].includes(typeof value)
const clean = (text: string) =>
  text
    .toWellFormed()
    .replace(/\p{Cc}/gu, '')
    .slice(0, TEXT_LENGTH)
