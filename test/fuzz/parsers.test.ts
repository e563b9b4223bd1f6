/** Whatever is sent, it is read without loss or refused in words; nothing is thrown, and nothing unsound is kept. */
import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { parse as losslessParse } from 'lossless-json'
import t from 'tap'
import type { RawRequest } from '../../connectors/connector.ts'
import { hubspot } from '../../connectors/hubspot/index.ts'
import { parse as parseHubspot } from '../../connectors/hubspot/webhook.ts'
import { metaLeadAds } from '../../connectors/meta-lead-ads/index.ts'
import { parse as parseLeadgen } from '../../connectors/meta-lead-ads/webhook.ts'
import { parseJson } from '../../connectors/parse-json.ts'
import { salesforce } from '../../connectors/salesforce/index.ts'
import { salesforceSettings } from '../../connectors/salesforce/settings.ts'
import { readSignedRequest as readCanvas } from '../../connectors/salesforce/signed-request.ts'
import { compileSchema } from '../../connectors/salesforce/stream/event-schema.ts'
import { readEvent } from '../../connectors/salesforce/stream/read-event.ts'
import { wantedFields } from '../../connectors/salesforce/stream/wanted-fields.ts'
import { webhook } from '../../connectors/webhook/index.ts'
import { parse as parseWebhook } from '../../connectors/webhook/parse.ts'
import { webhookSettings } from '../../connectors/webhook/settings.ts'
import { readSignedRequest as readMeta } from '../../server/meta/signed-request.ts'
import { csvLine } from '../../server/settings/csv.ts'
import { isSound } from '../conformance/sound.ts'
import { change } from '../connectors/salesforce/stream/change.ts'
import { demoApp } from '../simulators/hubspot/start-hubspot.ts'
import { changeSchema, changeTypes, standardFields } from '../simulators/salesforce/avro-schema.ts'
import { encodeEvent } from '../simulators/salesforce/encode-event.ts'
import { holds } from './holds.ts'
import { anyJson, spoilt } from './json.ts'

const now = Date.now()
const requestOf = (body: string | Uint8Array, contentType = 'application/json'): RawRequest => ({
  ...{ method: 'POST', target: '/webhooks/x', publicUrl: 'https://leads.example.com', receivedAt: now },
  headers: { 'content-type': contentType },
  body: Buffer.from(body),
})
/** As changes come back from storage. */
const stored = (changes: unknown[]): unknown[] => JSON.parse(JSON.stringify(changes))

/** As it is meant: digits that no number holds stay text. */
const number = (digits: string) => (/^-?\d+$/.test(digits) && !Number.isSafeInteger(Number(digits)) ? digits : Number(digits))

t.test('JSON is read without loss, or refused as JSON.parse refuses it', async (t) => {
  const digits = fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }).map(String)
  const text = fc.oneof(
    fc.tuple(anyJson, fc.array(digits, { maxLength: 4 })).map(([value, ids]) => `[${JSON.stringify(value)},{"ids":[${ids}]}]`),
    fc.json(),
    fc.string(),
    fc.tuple(fc.json(), fc.nat()).map(([json, at]) => json.slice(0, at % (json.length + 1))),
  )
  const read = (parse: () => unknown) => {
    try {
      return { value: parse() }
    } catch (error) {
      return { refused: error instanceof SyntaxError }
    }
  }
  await holds(
    t,
    2_000,
    fc.property(text, (text) => {
      const ours = read(() => parseJson(text))
      const plain = read(() => JSON.parse(text))
      if ('refused' in plain) return ours.refused === true
      // The peer refuses repeated names, and takes one name for more than a name.
      const peer = text.includes('__proto__') ? {} : read(() => losslessParse(text, undefined, number))
      return 'value' in ours && (!('value' in peer) || JSON.stringify(ours.value) === JSON.stringify(peer.value))
    }),
  )
})

const hubspotEvent = fc.record({
  eventId: fc.nat(),
  portalId: fc.integer({ min: 1 }),
  appId: fc.constant(demoApp.appId),
  occurredAt: fc.oneof(fc.integer({ min: now - 1e9, max: now }), fc.maxSafeInteger()),
  subscriptionType: fc.constantFrom(
    ...['contact.creation', 'contact.propertyChange', 'contact.merge', 'contact.privacyDeletion', 'deal.associationChange'],
    ...['object.propertyChange', 'object.merge', 'object.creation', 'object.restore', 'object.deletion'],
  ),
  objectId: fc.integer({ min: 1 }),
  objectTypeId: fc.constantFrom('0-1', '0-3', '0-136'),
  propertyName: fc.constantFrom('lifecyclestage', 'dealstage', 'email'),
  propertyValue: fc.string(),
  primaryObjectId: fc.integer({ min: 1 }),
  mergedObjectIds: fc.array(fc.integer({ min: 1 })),
  fromObjectId: fc.integer({ min: 1 }),
  toObjectId: fc.integer({ min: 1 }),
  associationType: fc.constantFrom('DEAL_TO_CONTACT', 'CONTACT_TO_DEAL'),
})

t.test('HubSpot’s bodies', async (t) => {
  const app = { appId: String(demoApp.appId), clientId: '', clientSecrets: ['x'], baseUrl: '' }
  const events = fc.array(hubspotEvent, { minLength: 1, maxLength: 4 })
  const body = fc.oneof(
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.oneof(anyJson, events, spoilt(events)).map((value) => Buffer.from(JSON.stringify(value))),
  )
  await holds(
    t,
    1_500,
    fc.property(body, (body) => {
      const { changes, unreadable, ignored } = parseHubspot(requestOf(body), app)
      const accounts = changes.every(({ account }) => /^\d{1,19}$/.test(account))
      const signals = hubspot.normalise(stored(changes.map((it) => it.body)))
      return accounts && unreadable >= 0 && ignored >= 0 && signals.length === changes.length && signals.every(isSound)
    }),
  )
})

t.test('bodies of Meta’s leadgen webhooks', async (t) => {
  const id = fc.oneof(fc.bigInt({ min: 0n, max: 10n ** 20n }).map(String), fc.nat())
  const value = fc.record({ leadgen_id: id, page_id: id, form_id: id, created_time: fc.oneof(fc.nat(), fc.maxSafeInteger()) })
  const changes = fc.array(fc.record({ field: fc.constantFrom('leadgen', 'feed'), value }), { maxLength: 3 })
  const told = fc.record({
    object: fc.constantFrom('page', 'user'),
    entry: fc.array(fc.record({ id, time: fc.nat(), changes }), { maxLength: 3 }),
  })
  await holds(
    t,
    1_500,
    fc.property(fc.oneof(anyJson, told, spoilt(told)), (told) => {
      const { changes, unreadable, ignored } = parseLeadgen(requestOf(JSON.stringify(told)))
      const signals = metaLeadAds.normalise(stored(changes.map((it) => it.body)))
      return unreadable >= 0 && ignored >= 0 && changes.every(({ account }) => /^\d+$/.test(account)) && signals.every(isSound)
    }),
  )
})

const webhookRecord = fc.record(
  {
    record_id: fc.oneof(fc.nat(), fc.string()),
    stage: fc.string(),
    occurred_at: fc.oneof(fc.date().map(String), fc.integer(), fc.constant('2026-01-31T09:00:00Z')),
    meta_lead_id: fc.oneof(fc.bigInt({ min: 10n ** 14n, max: 10n ** 17n - 1n }).map(String), fc.string()),
    email: fc.emailAddress(),
    action: fc.constantFrom('delete', 'erase', 'x'),
    amount: fc.oneof(fc.double(), fc.string()),
    fbclid: fc.string(),
    fields: anyJson,
  },
  { requiredKeys: ['record_id', 'stage'] },
)

t.test('bodies of webhooks: every record is taken, or refused by its place', async (t) => {
  const settings = webhookSettings.parse({})
  const records = fc.array(webhookRecord, { maxLength: 5 })
  const json = fc.oneof(
    anyJson,
    records,
    spoilt(records),
    records.map((events) => ({ events })),
  )
  const request = fc.oneof(
    json.map((value) => requestOf(JSON.stringify(value))),
    fc.uint8Array().map((bytes) => requestOf(bytes)),
    fc.string({ unit: 'binary' }).map((text) => requestOf(text, 'application/x-www-form-urlencoded')),
    fc.webQueryParameters().map((text) => requestOf(text, 'application/x-www-form-urlencoded')),
  )
  await holds(
    t,
    1_500,
    fc.property(request, (request) => {
      const { changes, reply } = parseWebhook(request, settings)
      const signals = webhook.normalise(stored(changes))
      const { accepted, rejected } = reply.body
      const answered = accepted === changes.length && reply.status === (accepted > 0 ? 202 : reply.status)
      const places = new Set(rejected.map(({ index }) => index))
      webhook.push?.routing === 'connection' && webhook.push.layOut(request, settings)
      return answered && [202, 400, 413, 422].includes(reply.status) && places.size === rejected.length && signals.every(isSound)
    }),
  )
})

t.test('change events of Salesforce are read as they were written', async (t) => {
  const fields = standardFields('Lead')
  const schema = compileSchema(
    changeSchema('Lead', fields).json(),
    new Set(['Status', 'Email', 'AnnualRevenue', 'IsConverted', 'CreatedDate']),
  )
  const values = fc.record(
    {
      Status: fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
      Email: fc.string(),
      Description: fc.string({ maxLength: 500 }),
      AnnualRevenue: fc.double({ noNaN: true }),
      IsConverted: fc.boolean(),
      CreatedDate: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    },
    { requiredKeys: [] },
  )
  const changedFields = fc.uniqueArray(fc.constantFrom(...fields.filter(({ type }) => type === 'string').map(({ name }) => name)))
  await holds(
    t,
    1_000,
    fc.property(values, changedFields, fc.array(fc.string(), { maxLength: 3 }), (values, changedFields, recordIds) => {
      const read = schema.read(encodeEvent(fields, change({ values, changedFields, recordIds })))
      const same = Object.entries(values).every(([name, value]) => name === 'Description' || String(read.values[name]) === String(value))
      return same && changedFields.every((name) => read.changed.own.has(name)) && read.changed.names.length === changedFields.length
    }),
  )
})

t.test('change events with damaged bytes are read or refused, and mean something sound or nothing', async (t) => {
  const fields = standardFields('Lead')
  const reading = { settings: salesforceSettings.parse({ birthDateField: 'CreatedDate' }), ruleFields: ['LeadSource', 'Description'] }
  const schema = compileSchema(changeSchema('Lead', fields).json(), wantedFields(reading))
  const whole = fc
    .record({ type: fc.constantFrom(...changeTypes), status: fc.string(), created: fc.maxSafeInteger(), at: fc.maxSafeInteger() })
    .map(({ type, status, created, at }) =>
      encodeEvent(
        fields,
        change({
          ...{ changeType: type, commitTimestamp: at, changedFields: ['Status', 'CreatedDate'] },
          values: { Status: status, CreatedDate: created, Meta_Lead_ID__c: '123456789012345' },
        }),
      ),
    )
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 })
  let refused = 0
  await holds(
    t,
    3_000,
    fc.property(whole, damage, fc.nat(), (whole, damage, cut) => {
      const bytes = Buffer.from(whole)
      for (const [at, byte] of damage) bytes[at % bytes.length] = byte
      let raw: ReturnType<typeof schema.read>
      try {
        raw = schema.read(damage.length === 0 ? bytes : bytes.subarray(0, bytes.length - (cut % 3)))
      } catch {
        refused += 1
        return damage.length > 0
      }
      return salesforce.normalise(stored([readEvent(raw, reading)])).every(isSound)
    }),
  )
  t.comment(`${refused} refused`)
})

t.test('signed requests are read or refused, whatever they hold', async (t) => {
  const signed = (encoding: 'base64' | 'base64url', text: string) => {
    const payload = Buffer.from(text).toString(encoding)
    return `${createHmac('sha256', 'secret').update(payload).digest(encoding)}.${payload}`
  }
  const canvas = fc.record({
    algorithm: fc.constant('HMACSHA256'),
    context: fc.record({
      organization: fc.record({ organizationId: fc.constant('00D000000000001AAA') }),
      user: fc.record({ userId: fc.constant('005000000000001AAA') }),
    }),
  })
  const deletion = fc.record({ algorithm: fc.constant('HMAC-SHA256'), user_id: fc.nat().map(String) })
  const text = fc.oneof(anyJson, spoilt(canvas), canvas, spoilt(deletion), deletion).map((value) => JSON.stringify(value))
  await holds(
    t,
    1_000,
    fc.property(fc.oneof(text, fc.string()), fc.boolean(), (text, proven) => {
      const page = readCanvas(proven ? signed('base64', text) : text, ['', 'secret'])
      const request = readMeta(proven ? signed('base64url', text) : text, 'secret')
      return (proven || (!page.ok && !request.ok)) && (!request.ok || /^\d{1,32}$/.test(request.userId))
    }),
  )
})

t.test('what is written as CSV reads back as it was, and no cell is a formula', async (t) => {
  const cell = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('=1+1', '+1', '-1', '@x', '1e5', 'a"b', 'a,b', 'a\nb', ' x '),
    fc.integer(),
  )
  await holds(
    t,
    1_000,
    fc.property(fc.array(cell, { minLength: 1 }), (cells) => {
      const [read, ...more] = readCsv(csvLine(cells))
      const same = read?.every((text, n) => text === String(cells[n]) || text === `'${cells[n]}`)
      return more.length === 0 && read?.length === cells.length && same === true && !read.some((text) => /^[=+@\t\r-]/.test(text))
    }),
  )
})

/** RFC 4180, by the letter. */
function readCsv(text: string): string[][] {
  const lines: string[][] = [[]]
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy
  for (let found = cell.exec(text); found !== null; found = cell.exec(text)) {
    lines.at(-1)?.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? '')
    if (found[3] === '\r\n') lines.push([])
  }
  return lines.slice(0, -1)
}
