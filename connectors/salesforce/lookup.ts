/**
 * Reads records and the persons behind them in as few requests as Salesforce allows: the records asked for and the leads that
 * became the opportunities among them; what merges and conversions lead to; at last, histories, so that no change can fall
 * between a record and its history.
 */
import type { ConnectionContext, LookupRequest, RecordRef, RecordSnapshot } from '../connector.ts'
import type { LeadIdentity } from '../record.ts'
import { readIdentity } from './identity.ts'
import { leadFacts } from './lead-facts.ts'
import { readLeadId } from './lead-id-value.ts'
import { longId } from './long-id.ts'
import { lead, opportunity, type SalesforceObject } from './objects.ts'
import { type Row, readInstant, text } from './query.ts'
import { readLeadStages, readOpportunityStages } from './read-history.ts'
import { createReader, type Reader } from './read-records.ts'
import type { SalesforceSettings } from './settings.ts'
import type { LeadFacts, Reached } from './transitions.ts'

type Context = ConnectionContext<SalesforceSettings>
/** Rows by their id. */
type Rows = Map<string, Row>

/** Merges of merges that are followed. */
const MOST_MERGES = 5

/**
 * See `Connector.lookup`. The survivors of merges come along, and the opportunities of converted leads that were asked for
 * with their history: it goes on there. The person behind an opportunity is the lead that was converted to it first. Records
 * that the connected user may not see count as gone.
 */
export async function lookup(context: Context, wanted: readonly LookupRequest[]): Promise<RecordSnapshot[]> {
  const asked = { lead: idsOf(lead, wanted), opportunity: idsOf(opportunity, wanted) }
  if (asked.lead.size + asked.opportunity.size === 0) return wanted.map(({ ref }) => gone(ref))
  const reader = await createReader(context)

  const leads: Rows = new Map()
  const opportunities: Rows = new Map()
  const behind: Rows = new Map()
  const readOpportunities = async (ids: readonly string[]) => {
    const [rows, persons] = await Promise.all([reader.opportunities(ids), reader.leads('ConvertedOpportunityId', ids)])
    add(opportunities, rows)
    add(behind, persons)
  }
  await Promise.all([readLeads(reader, leads, [...asked.lead.keys()]), readOpportunities([...asked.opportunity.keys()])])

  const withHistory = new Set([...asked.lead, ...asked.opportunity].filter(([, history]) => history).map(([id]) => id))
  const conversions = [...leads].flatMap(([id, row]) => {
    const to = idIn(row.ConvertedOpportunityId)
    return withHistory.has(id) && to !== undefined && !opportunities.has(to) ? [to] : []
  })
  await readOpportunities(conversions)
  for (const id of conversions) withHistory.add(id)
  const persons = findPersons(opportunities, behind)
  for (const [id, person] of persons) {
    const personId = idIn(person.Id) as string
    if (!leads.has(personId)) leads.set(personId, person)
    if (withHistory.has(id)) withHistory.add(personId)
  }
  for (const [id, row] of leads) {
    const survivor = idIn(row.MasterRecordId)
    if (survivor !== undefined && withHistory.has(id)) withHistory.add(survivor)
  }

  const reached = await readReached(context, leads, opportunities, withHistory)
  const shown = { context, reader, reached }
  const snapshots = [
    ...[...leads].map(([id, row]) => leadSnapshot(id, row, shown)),
    ...[...opportunities].map(([id, row]) => opportunitySnapshot(id, row, persons.get(id), shown)),
  ]
  const answered = new Set(snapshots.map(({ ref }) => `${ref.type} ${ref.id}`))
  const missing = new Map(wanted.map(({ ref }) => [`${ref.type} ${ref.id}`, ref] as const).filter(([key]) => !answered.has(key)))
  return [...snapshots, ...[...missing.values()].map((ref) => gone(ref))]
}

/** Ids of one kind of record, each once, with history if any request wants it. What cannot be an id is left out. */
function idsOf({ type, prefix }: SalesforceObject, wanted: readonly LookupRequest[]): Map<string, boolean> {
  const ids = new Map<string, boolean>()
  for (const { ref, history } of wanted)
    if (ref.type === type && ref.id.startsWith(prefix) && longId(ref.id) === ref.id) ids.set(ref.id, history || ids.get(ref.id) === true)
  return ids
}

/** Leads, and what they were merged into. */
async function readLeads(reader: Reader, found: Rows, ids: readonly string[]): Promise<void> {
  let next = ids
  for (let merges = 0; next.length > 0 && merges <= MOST_MERGES; merges++) {
    const rows = await reader.leads('Id', next)
    add(found, rows)
    next = [...new Set(rows.flatMap((row) => idIn(row.MasterRecordId) ?? []))].filter((id) => !found.has(id))
  }
}

function add(found: Rows, rows: readonly Row[]): void {
  for (const row of rows) {
    const id = idIn(row.Id)
    if (id !== undefined) found.set(id, row)
  }
}

/** The lead behind each opportunity: the one that was converted first, the older one of those of one day. */
function findPersons(opportunities: Rows, behind: Rows): Map<string, Row> {
  const order = (row: Row) => [text(row.ConvertedDate) ?? '', text(row.CreatedDate) ?? '', text(row.Id) ?? ''].join(' ')
  const persons = new Map<string, Row>()
  for (const row of [...behind.values()].filter((it) => it.IsDeleted !== true).sort((a, b) => (order(a) < order(b) ? -1 : 1))) {
    const id = idIn(row.ConvertedOpportunityId)
    if (id !== undefined && opportunities.has(id) && !persons.has(id)) persons.set(id, row)
  }
  return persons
}

async function readReached({ client }: Context, leads: Rows, opportunities: Rows, withHistory: ReadonlySet<string>) {
  const facts = new Map<string, LeadFacts>()
  for (const [id, row] of leads) {
    const known = withHistory.has(id) && row.IsDeleted !== true ? leadFacts(row) : undefined
    if (known !== undefined) facts.set(id, known)
  }
  const born = new Map<string, { createdAt: number; stage?: string }>()
  for (const [id, row] of opportunities) {
    const createdAt = readInstant(row.CreatedDate)
    if (withHistory.has(id) && row.IsDeleted !== true && createdAt !== undefined) born.set(id, { createdAt, stage: text(row.StageName) })
  }
  const [ofLeads, ofOpportunities] = await Promise.all([readLeadStages(client, facts), readOpportunityStages(client, born)])
  return new Map([...ofLeads.reached, ...ofOpportunities])
}

/** What all snapshots of one lookup are made with. */
interface Shown {
  context: Context
  reader: Reader
  reached: ReadonlyMap<string, readonly Reached[]>
}

function leadSnapshot(id: string, row: Row, shown: Shown): RecordSnapshot {
  const ref = { type: lead.type, id }
  if (row.IsDeleted === true) return gone(ref, idIn(row.MasterRecordId))
  return { ...snapshot(lead, ref, row, shown), identity: identityOf(row, shown) }
}

function identityOf(row: Row, { context, reader }: Shown): LeadIdentity {
  const { settings } = context
  const isNumber = reader.fields.leadIdIsNumber.lead
  const get = (field: string) => (field === settings.leadIdField ? readLeadId(row[field], isNumber) : text(row[field]))
  return readIdentity(idIn(row.Id) as string, get, settings, readInstant(row.CreatedDate))
}

/**
 * An opportunity that carries a Meta lead id of its own says itself whose it is. Where that is not the lead's own id, too, the
 * lead only lends its contact data.
 */
function opportunitySnapshot(id: string, row: Row, person: Row | undefined, shown: Shown): RecordSnapshot {
  const { context, reader } = shown
  const { opportunityLeadIdField, currency } = context.settings
  const ref = { type: opportunity.type, id }
  if (row.IsDeleted === true) return gone(ref)
  const own = readLeadId(row[opportunityLeadIdField], reader.fields.leadIdIsNumber.opportunity)
  const ofLead = person && identityOf(person, shown)
  const amount = row.Amount
  const isItsOwn = own !== undefined && own !== ofLead?.metaLeadId
  return {
    ...snapshot(opportunity, ref, row, shown),
    ...(isItsOwn && { identity: { externalId: ref.id, ...ofLead, metaLeadId: own } }),
    ...(!isItsOwn && person && { person: { type: lead.type, id: idIn(person.Id) as string } }),
    ...(typeof amount === 'number' && { amount: { value: amount, currency: text(row.CurrencyIsoCode) ?? currency } }),
  }
}

/** What both kinds of record have in common. */
function snapshot(object: SalesforceObject, ref: RecordRef, row: Row, { context, reached }: Shown): RecordSnapshot {
  const stageId = text(row[object.stage])
  const stage = (id: string) => ({ source: object.source, stageId: id })
  return {
    ref,
    found: true,
    createdAt: readInstant(row.CreatedDate),
    stages: stageId === undefined ? [] : [stage(stageId)],
    // A field that this kind of record does not have is absent, so that it cannot hide the same field of the person.
    fields: Object.fromEntries(context.ruleFields.flatMap((name) => (Object.hasOwn(row, name) ? [[name, text(row[name]) ?? null]] : []))),
    ...(reached.has(ref.id) && {
      transitions: (reached.get(ref.id) ?? []).map(({ stage: id, at }) => ({ stage: stage(id), occurredAt: at })),
    }),
  }
}

const gone = (ref: RecordRef, survivorId?: string): RecordSnapshot => ({ ref, found: false, survivorId, stages: [], fields: {} })

const idIn = (value: unknown): string | undefined => (typeof value === 'string' ? longId(value) : undefined)
