/**
 * Reads records and the persons behind them in as few calls as HubSpot allows, in three rounds, each with its batches side
 * by side: the records asked for and the links of deals and leads; the contacts so found; what only a few need.
 */
import { z } from 'zod'
import type { ConnectionContext, LookupRequest, RecordRef, RecordSnapshot } from '../connector.ts'
import { choosePerson } from './choose-person.ts'
import { readReply } from './errors.ts'
import { firstSeenAt, readTransitions } from './history.ts'
import { CLICK_ID, identityProperties, readIdentity } from './identity.ts'
import { scope } from './install.ts'
import { contact, deal, type HubspotObject, lead, MERGED_IDS } from './objects.ts'
import { type Link, type Row, readContactLinks, readRecords } from './read-records.ts'
import type { HubspotSettings } from './settings.ts'
import { api } from './version.ts'

type Context = ConnectionContext<HubspotSettings>
/** Ids to read, and whether with history. */
type Wanted = ReadonlyMap<string, boolean>
/** A record as read, and whether its history was asked for. */
interface Found {
  object: HubspotObject
  row: Row
  history: boolean
}
/** A deal or lead with the contacts linked to it. */
interface Owner extends Found {
  links: readonly Link[]
}

/**
 * See `Connector.lookup`. The person behind a deal or lead comes with history where the deal or lead was asked for with it.
 * Leads of an account that did not grant their scope count as gone.
 */
export async function lookup(context: Context, wanted: readonly LookupRequest[]): Promise<RecordSnapshot[]> {
  const [asked, deals, leads] = await Promise.all([
    read(context, contact, idsOf(contact, wanted)),
    readOwners(context, deal, idsOf(deal, wanted)),
    context.scopes.includes(scope.readLeads) ? readOwners(context, lead, idsOf(lead, wanted)) : [],
  ])
  const owners = [...deals, ...leads]

  const contacts = new Map(asked.map((found) => [found.row.id, found]))
  const missing = owners.flatMap((owner) =>
    candidates(owner, context.settings)
      .filter(({ contactId }) => !contacts.has(contactId))
      .map(({ contactId }) => ({ ref: { type: contact.type, id: contactId }, history: owner.history })),
  )
  for (const found of await read(context, contact, idsOf(contact, missing)))
    if (!contacts.has(found.row.id)) contacts.set(found.row.id, found)

  const persons = new Map(owners.map((owner) => [owner, findPerson(owner, contacts, context.settings)]))
  const people = new Set([...asked, ...[...persons.values()].flatMap(({ person }) => person ?? [])])
  const [clickTimes, companyCurrency] = await Promise.all([readClickTimes(context, [...people]), readCompanyCurrency(context, deals)])

  const found = [
    ...[...people].map((it) => contactSnapshot(it, context, clickTimes)),
    ...owners.map((it) => ownerSnapshot(it, context, persons.get(it), companyCurrency)),
  ]
  return [...found, ...gone(wanted, found, [...asked, ...owners])]
}

/** Ids of one kind of record, each once, with history if any request wants it. What cannot be an id is left out. */
function idsOf(object: HubspotObject, wanted: readonly LookupRequest[]): Wanted {
  const ids = new Map<string, boolean>()
  for (const { ref, history } of wanted)
    if (ref.type === object.type && /^\d{1,19}$/.test(ref.id)) ids.set(ref.id, history || ids.get(ref.id) === true)
  return ids
}

async function read(context: Context, object: HubspotObject, wanted: Wanted): Promise<Found[]> {
  const properties = propertiesOf(object, context)
  const tracked = [...object.stages, ...(object.pipeline ? [object.pipeline] : []), ...(object === contact ? [CLICK_ID] : [])]
  const part = async (history: boolean): Promise<Found[]> => {
    const ids = [...wanted].filter(([, it]) => it === history).map(([id]) => id)
    const rows = await readRecords(context.client, object, ids, properties, history ? tracked : [])
    return rows.map((row) => ({ object, row, history }))
  }
  const found = (await Promise.all([part(false), part(true)])).flat()
  // An id that was merged away may be answered with its survivor, which may have been asked for as well.
  return [...new Map(found.map((it) => [it.row.id, it])).values()]
}

function propertiesOf(object: HubspotObject, context: Context): string[] {
  const own: readonly string[] =
    object === contact ? [...identityProperties, context.settings.leadIdField] : object === deal ? ['amount', 'deal_currency_code'] : []
  const pipeline = object.pipeline ? [object.pipeline] : []
  return [...new Set([object.created, MERGED_IDS, ...object.stages, ...pipeline, ...own, ...context.ruleFields])]
}

async function readOwners(context: Context, object: HubspotObject, wanted: Wanted): Promise<Owner[]> {
  const [found, links] = await Promise.all([read(context, object, wanted), readContactLinks(context.client, object, [...wanted.keys()])])
  return found.map((it) => ({ ...it, links: links.get(it.row.id) ?? [] }))
}

/** The linked contacts that the choice can fall on. Where the label decides first, the others need not be read. */
function candidates({ links }: Owner, { contactChoice }: HubspotSettings): readonly Link[] {
  const primary = contactChoice[0] === 'primary' ? links.filter((link) => link.primary) : []
  return primary.length > 0 ? primary : links
}

function findPerson(owner: Owner, contacts: ReadonlyMap<string, Found>, settings: HubspotSettings): { person?: Found; ambiguous: boolean } {
  const people = candidates(owner, settings).flatMap(({ contactId, primary }) => {
    const found = contacts.get(contactId)
    if (found === undefined) return []
    return { id: contactId, primary, hasLeadId: property(found.row, settings.leadIdField) !== undefined, createdAt: found.row.createdAt }
  })
  const chosen = choosePerson(people, settings.contactChoice)
  return { person: chosen && contacts.get(chosen.id), ambiguous: chosen === undefined && people.length > 0 }
}

/**
 * When each click id was first seen, by contact id. Few contacts have one and history halves the batch, so it is asked for
 * only afterwards, for those, unless history was read anyway.
 */
async function readClickTimes({ client }: Context, people: readonly Found[]): Promise<Map<string, number | undefined>> {
  const clicked = people.filter(({ row }) => property(row, CLICK_ID) !== undefined)
  const later = clicked.filter(({ history }) => !history).map(({ row }) => row.id)
  const read = new Map((await readRecords(client, contact, later, [], [CLICK_ID])).map((row) => [row.id, row.history]))
  return new Map(
    clicked.map(({ row }) => [row.id, firstSeenAt((read.get(row.id) ?? row.history)[CLICK_ID], property(row, CLICK_ID) ?? '')]),
  )
}

/** The account's currency stands in for deals without their own; read only if such a deal is there. */
async function readCompanyCurrency({ client }: Context, deals: readonly Found[]): Promise<string | undefined> {
  if (!deals.some(({ row }) => readAmount(row) !== undefined && property(row, 'deal_currency_code') === undefined)) return undefined
  const { status, body } = await client.request({ method: 'GET', url: `/account-info/${api.version}/details`, expect: [403, 404] })
  if (status !== 200) return undefined // an amount without a currency must not cost the records
  return readReply(z.object({ companyCurrency: z.string().nullish() }), body).companyCurrency ?? undefined
}

function contactSnapshot(found: Found, context: Context, clickTimes: ReadonlyMap<string, number | undefined>): RecordSnapshot {
  const { row } = found
  const identity = readIdentity(row.id, (name) => property(row, name), context.settings.leadIdField, clickTimes.get(row.id))
  return { ...snapshot(found, context), identity }
}

function ownerSnapshot(
  found: Found,
  context: Context,
  choice: { person?: Found; ambiguous: boolean } | undefined,
  companyCurrency: string | undefined,
): RecordSnapshot {
  const amount = found.object === deal ? readAmount(found.row) : undefined
  return {
    ...snapshot(found, context),
    ...(choice?.person && { person: { type: contact.type, id: choice.person.row.id } }),
    ...(choice?.ambiguous && { personAmbiguous: true }),
    ...(amount !== undefined && { amount: { value: amount, currency: property(found.row, 'deal_currency_code') ?? companyCurrency } }),
  }
}

/** What all kinds of record have in common. */
function snapshot({ object, row, history }: Found, { ruleFields }: Context): RecordSnapshot {
  const pipelineId = object.pipeline && property(row, object.pipeline)
  return {
    ref: { type: object.type, id: row.id },
    found: true,
    createdAt: row.createdAt,
    stages: object.stages.flatMap((source) => {
      const stageId = property(row, source)
      return stageId === undefined ? [] : { source, pipelineId, stageId }
    }),
    // A field that this kind of record does not have is absent, so that it cannot hide the same field of the person.
    fields: Object.fromEntries(
      ruleFields.flatMap((name) => (Object.hasOwn(row.properties, name) ? [[name, row.properties[name] ?? null]] : [])),
    ),
    ...(history && { transitions: readTransitions(object, row.history) }),
  }
}

/** Answers for the refs that were not found under their id, with their survivor where a record read names them as merged. */
function gone(wanted: readonly LookupRequest[], answered: readonly RecordSnapshot[], read: readonly Found[]): RecordSnapshot[] {
  const key = ({ type, id }: RecordRef) => `${type}:${id}`
  const done = new Set(answered.map(({ ref }) => key(ref)))
  const survivors = new Map(
    read.flatMap(({ object, row }) =>
      (property(row, MERGED_IDS) ?? '').split(';').map((id) => [key({ type: object.type, id: id.trim() }), row.id] as const),
    ),
  )
  const missing = new Map(wanted.filter(({ ref }) => !done.has(key(ref))).map(({ ref }) => [key(ref), ref]))
  return [...missing].map(([name, ref]) => ({ ref, found: false, survivorId: survivors.get(name), stages: [], fields: {} }))
}

function readAmount(row: Row): number | undefined {
  const text = property(row, 'amount')
  const value = Number(text)
  return text !== undefined && Number.isFinite(value) ? value : undefined
}

/** A property's text; undefined if it is absent or blank. */
function property(row: Row, name: string): string | undefined {
  const text = row.properties[name]?.trim()
  return text === '' ? undefined : text
}
