/** Lead-stage records to serialised events, beside Meta's own SDK and beside nothing but the hashing. */
import { hash } from 'node:crypto'
import { createRequire } from 'node:module'
import type { LeadStageRecord } from '../../connectors/record.ts'
import { type ConversionSettings, toConversionEvent } from '../../mappings/conversion-event.ts'
import { normaliseCity } from '../../mappings/normalise/city.ts'
import { normaliseCountry } from '../../mappings/normalise/country.ts'
import { normaliseEmail } from '../../mappings/normalise/email.ts'
import { normaliseName } from '../../mappings/normalise/name.ts'
import { normalisePhone } from '../../mappings/normalise/phone.ts'
import { normalisePostalCode } from '../../mappings/normalise/postal-code.ts'
import { normaliseState } from '../../mappings/normalise/state.ts'
import { rules } from '../../mappings/rules.ts'
import { serialiseRequest } from '../../mappings/serialise.ts'
import { stageMapping } from '../../mappings/stage-mapping.ts'
import type { Part } from './main.ts'
import { messyRecords } from './records.ts'
import { median } from './statistics.ts'

// The SDK ships no types.
const sdk = createRequire(import.meta.url)('facebook-nodejs-business-sdk')

const count = 20_000
const batchSize = 100
const warmUpRounds = 5
const rounds = 25
const now = Date.UTC(2026, 8, 1)
const partnerAgent = 'leadstage'
const eventNames: Record<string, string> = {
  marketingqualifiedlead: 'Marketing Qualified Lead',
  salesqualifiedlead: 'Sales Qualified Lead',
  opportunity: 'Sales Opportunity',
  customer: 'Converted',
}
const settings: ConversionSettings = {
  mapping: stageMapping.parse({
    stages: Object.entries(eventNames).map(([stageId, eventName]) => ({ source: 'lifecyclestage', stageId, eventName })),
  }),
  rules: rules.parse({}),
  leadEventSource: 'HubSpot',
  datasetId: '1234567890123456',
}

/** Each side turns a batch into a request body and returns its length, so that no work can be left out. */
const ours = (records: readonly LeadStageRecord[]): number => {
  const events: string[] = []
  for (const record of records) {
    const result = toConversionEvent(record, settings, now)
    if (result.kind !== 'event' || result.notes.length > 0) throw new Error(`record ${record.recordId} is not as it should be`)
    events.push(result.json)
  }
  return serialiseRequest(events, { partnerAgent }).length
}

const theirs = (records: readonly LeadStageRecord[]): number => {
  const data: object[] = []
  for (const { identity, stage, occurredAt, recordId } of records) {
    const user = new sdk.UserData()
      .setLeadId(identity.metaLeadId)
      .setEmails(identity.emails)
      .setPhones(identity.phones)
      .setFirstNames([identity.firstName])
      .setLastNames([identity.lastName])
      .setCities([identity.city])
      .setStates([identity.state])
      .setZips([identity.postalCode])
      .setCountries([identity.country])
    const custom = new sdk.CustomData().setCustomProperties({ event_source: 'crm', lead_event_source: settings.leadEventSource })
    const event = new sdk.ServerEvent()
      .setEventName(eventNames[stage.id])
      .setEventTime(Math.floor(occurredAt / 1000))
      .setEventId(recordId) // the SDK makes none: given for free
      .setActionSource('system_generated')
      .setUserData(user)
      .setCustomData(custom)
    data.push(event.normalize())
  }
  return JSON.stringify({ data, partner_agent: partnerAgent }).length
}

const floor = (strings: readonly string[]): number => {
  let length = 0
  for (const text of strings) length += hash('sha256', text).length
  return length
}

/** The strings that our side hashes for the match keys of a record. */
const normalisedStrings = ({ identity }: LeadStageRecord): string[] => {
  const country = normaliseCountry(identity.country ?? '') as string
  return [
    normaliseEmail(identity.emails?.[0] ?? ''),
    normalisePhone(identity.phones?.[0] ?? '', country),
    normaliseName(identity.firstName ?? ''),
    normaliseName(identity.lastName ?? ''),
    normaliseCity(identity.city ?? ''),
    normaliseState(identity.state ?? '', country),
    normalisePostalCode(identity.postalCode ?? '', country),
    country,
  ].filter((value) => typeof value === 'string')
}

/** One round of one side over all batches: each parsed just before, as it would come from a wire, and outside the time. */
const round = <T>(batches: readonly string[], side: (batch: readonly T[]) => number): number => {
  let took = 0
  for (const json of batches) {
    const batch = JSON.parse(json) as T[]
    const start = process.hrtime.bigint()
    side(batch)
    took += Number(process.hrtime.bigint() - start)
  }
  return took / 1e9
}

export const mapping: Part = (say) => {
  const records = messyRecords(count, now)
  const batches = Array.from({ length: count / batchSize }, (_, i) => records.slice(i * batchSize, (i + 1) * batchSize))
  const asRecords = batches.map((batch) => JSON.stringify(batch))
  const asStrings = batches.map((batch) => JSON.stringify(batch.flatMap(normalisedStrings)))
  const sides = { ours: () => round(asRecords, ours), sdk: () => round(asRecords, theirs), floor: () => round(asStrings, floor) }
  const names = ['ours', 'sdk', 'floor'] as const
  const times = { ours: [] as number[], sdk: [] as number[], floor: [] as number[] }
  for (let i = -warmUpRounds; i < rounds; i++) {
    for (const side of names) {
      const took = sides[side]()
      if (i >= 0) times[side].push(took)
    }
  }
  const seconds = { ours: median(times.ours), sdk: median(times.sdk), floor: median(times.floor) }
  for (const side of names) {
    const rate = Math.round(count / seconds[side]).toLocaleString('en')
    say(`${side.padEnd(6)} ${rate.padStart(9)} events/s  ${((seconds[side] / count) * 1e6).toFixed(2)} µs each`)
  }
  // Sides are compared within their round: what else the machine is doing changes from round to round and hits all three.
  const timesOurs = (side: 'sdk' | 'floor') => Number(median(times[side].map((took, i) => took / (times.ours[i] ?? Number.NaN))).toFixed(2))
  const figures = {
    eventsPerSecond: Math.round(count / seconds.ours),
    vsSdk: timesOurs('sdk'),
    vsFloor: timesOurs('floor'),
  }
  say(`${figures.vsSdk} times the SDK, ${figures.vsFloor} of the floor`)
  return figures
}
