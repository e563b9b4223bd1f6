import { randomUUID } from 'node:crypto'
import { changeFields } from './change-fields.ts'
import { type ChangeLog, createChangeLog, type Entity } from './change-log.ts'
import { closeTransaction, type Told, type Touch } from './commit.ts'
import { type LeadStatus, leadStatuses, type OpportunityStage, opportunityStages } from './default-stages.ts'
import { makeId } from './ids.ts'
import { type Field, field, type ObjectDefinition, standardObjects } from './objects.ts'

/** Instants in milliseconds, dates as YYYY-MM-DD. */
export type Value = string | number | boolean | null
export type Row = Record<string, Value>

/** A user of an org, with the rights that matter here. */
export interface OrgUser {
  id: string
  username: string
  email: string
  active: boolean
  apiEnabled: boolean
  viewAllData: boolean
  /** Objects with View All Records. */
  viewAll: Entity[]
  viewSetup: boolean
  /** Customize Application: what admins have. */
  customises: boolean
  /** May write records. */
  edits: boolean
  /** Out of sight by field-level security: `Lead.Email`. */
  hiddenFields: string[]
  /** Objects without the right to read. */
  hiddenObjects: string[]
}
/** Facts of an org's edition and setup that decide what works. */
export interface OrgFacts {
  name: string
  edition: 'Professional Edition' | 'Enterprise Edition' | 'Unlimited Edition' | 'Developer Edition'
  sandbox: boolean
  apiEnabled: boolean
  changeEvents: boolean
  /** Our package is in: its channel exists, and people may consent to it. */
  packageInstalled: boolean
  /** Without View All, users see only their own records. */
  sharing: 'public' | 'private'
  /** A row of the opportunity's history is written at its creation, too. */
  historyAtCreation: boolean
  /** What rows of field history say of picklists. */
  historyShows: 'value' | 'label'
  /** API requests in 24 hours. */
  dailyRequests: number
  /** Events delivered to subscribers in 24 hours. */
  dailyDeliveries: number
  /** Lead fields that conversion copies to the field of that name on the opportunity. */
  copiedAtConversion: string[]
  /** Fields that our channel adds to events. */
  enriched: string[]
}
export interface OrgOptions extends Partial<OrgFacts> {
  /** Tells the orgs of one service apart; decides all ids. */
  number: number
  clock: () => number
}
/** How a change is made; now and by the admin on screen by default. */
export interface Made {
  at?: number | undefined
  /** Id of a user. */
  by?: string | undefined
  /** Made through the REST API, by the software of this name in `Sforce-Call-Options`, or none. */
  client?: string | undefined
  /** What the event bus tells of it. */
  told?: Told | undefined
}
/** One step of a transaction. */
export type Operation =
  | { kind: 'insert'; object: string; fields: Row }
  | { kind: 'update'; object: string; id: string; fields: Row }
  | { kind: 'delete' | 'undelete'; object: string; id: string }
export interface Conversion {
  leads: string[]
  /** False: none is made. */
  opportunity?: Row | false
  /** One that exists already. */
  opportunityId?: string
  accountId?: string
  contactId?: string
  /** A converting lead status; the first one by default. */
  status?: string
  /** How much later the commit of the leads is stamped than that of the opportunity, milliseconds. */
  lagMs?: number
}

/** Raised for what an org refuses; `code` as in the API's error bodies. */
export class OrgError extends Error {
  readonly code: string
  readonly fields: string[]
  constructor(code: string, message: string, fields: string[] = []) {
    super(message)
    this.code = code
    this.fields = fields
  }
}

const defaultFacts = {
  name: 'Example',
  sandbox: false,
  apiEnabled: true,
  packageInstalled: true,
  sharing: 'public',
  historyAtCreation: true,
  historyShows: 'value',
  copiedAtConversion: [],
  enriched: ['Meta_Lead_ID__c'],
} satisfies Partial<OrgFacts>
/** What editions allow (limits quick reference; Change Data Capture guide, allocations). */
const editionFacts = {
  'Professional Edition': { changeEvents: false, dailyRequests: 100_000, dailyDeliveries: 0 },
  'Enterprise Edition': { changeEvents: true, dailyRequests: 100_000, dailyDeliveries: 25_000 },
  'Unlimited Edition': { changeEvents: true, dailyRequests: 100_000, dailyDeliveries: 50_000 },
  'Developer Edition': { changeEvents: true, dailyRequests: 15_000, dailyDeliveries: 10_000 },
} satisfies Record<OrgFacts['edition'], Partial<OrgFacts>>
const defaultUser = {
  active: true,
  apiEnabled: true,
  viewAllData: false,
  viewAll: ['Lead', 'Opportunity'] as Entity[],
  viewSetup: true,
  customises: true,
  edits: true,
  hiddenFields: [],
  hiddenObjects: [],
}
const packagedField = field({ name: 'Meta_Lead_ID__c', label: 'Meta Lead ID', length: 18, externalId: true })
/** The objects of an org that has our package; all such orgs share them. */
const packagedObjects: ReadonlyMap<string, ObjectDefinition> = new Map(
  [...standardObjects].map(([name, object]) => [name, isEntity(name) ? { ...object, fields: [...object.fields, packagedField] } : object]),
)

export function isEntity(object: string): object is Entity {
  return object === 'Lead' || object === 'Opportunity'
}

/** CRM instants are whole seconds; only commits are stamped to the millisecond. */
export const toSecond = (at: number): number => Math.floor(at / 1000) * 1000

/** One org: what it is, who uses it, its records with their histories. What changes is logged for the event bus. */
export class Org {
  readonly id: string
  readonly number: number
  readonly facts: OrgFacts
  readonly changeLog: ChangeLog
  readonly clock: () => number
  readonly users = new Map<string, OrgUser>()
  /** Made with the org; who does what nobody else is said to do. */
  readonly admin: OrgUser
  readonly objects: Map<string, ObjectDefinition>
  leadStatuses: LeadStatus[]
  stages: OpportunityStage[]
  /** Rows of field history are kept for these, as `Lead.Status`. */
  readonly tracked = new Set<string>()
  /** When records were deleted, for those who ask what was. */
  readonly deletions: { object: string; id: string; at: number }[] = []
  /** Counted against the daily limits. */
  requestsUsed = 0
  readonly deliveries: { used: number; max: number }
  readonly #tables = new Map<string, Map<string, Row>>()
  #serial = 0
  #commits = 1_719_876_940_980_994_049n

  constructor(options: OrgOptions) {
    const { number, clock, edition = 'Enterprise Edition', ...facts } = options
    this.number = number
    this.clock = clock
    this.facts = { ...defaultFacts, edition, ...editionFacts[edition], ...facts }
    this.deliveries = { used: 0, max: this.facts.dailyDeliveries }
    this.changeLog = createChangeLog({ clock, fields: (entity) => changeFields(this.#definition(entity)) })
    this.objects = new Map(this.facts.packageInstalled ? packagedObjects : standardObjects)
    this.id = makeId('00D', number, 0)
    this.admin = this.addUser({ username: `admin@org${number}.example.com` })
    this.leadStatuses = leadStatuses
    this.stages = opportunityStages
    for (const object of ['Lead', 'Opportunity']) for (const name of ['Business', 'Consumer']) this.addRecordType(object, name)
  }

  // ------------------------------------------------------------------------------------------------------------- setup

  addUser(given: Partial<OrgUser> = {}): OrgUser {
    const id = given.id ?? this.newId('005')
    const username = given.username ?? `${id.toLowerCase()}@example.com`
    const user: OrgUser = { ...structuredClone(defaultUser), id, username, email: username, ...given }
    this.users.set(id, user)
    return user
  }

  addRecordType(object: string, name: string): string {
    const [Id, now, by] = [this.newId('012'), toSecond(this.clock()), this.admin.id]
    this.table('RecordType').set(Id, {
      Id,
      Name: name,
      DeveloperName: name,
      SobjectType: object,
      IsActive: true,
      CreatedDate: now,
      CreatedById: by,
      LastModifiedDate: now,
      LastModifiedById: by,
      SystemModstamp: now,
    })
    return Id
  }

  user(id: string | undefined): OrgUser {
    const user = id === undefined ? this.admin : this.users.get(id)
    if (user === undefined) throw new OrgError('INVALID_CROSS_REFERENCE_KEY', `no user ${id}`)
    return user
  }

  /** The fields of an object in the order of its description. */
  fields(object: string): readonly Field[] {
    return this.#definition(object).fields
  }

  field(object: string, name: string): Field | undefined {
    return this.#byName(object).get(name.toLowerCase())
  }

  /** Adds fields, or puts them in place of those of the same names. */
  addFields(object: string, given: readonly (Partial<Field> & { name: string })[]): void {
    const definition = this.#definition(object)
    const added = new Map(given.map((each) => [each.name, field(each)]))
    const others = definition.fields.filter(({ name }) => !added.has(name))
    this.objects.set(object, { ...definition, fields: [...others, ...added.values()] })
  }

  removeField(object: string, name: string): void {
    const definition = this.#definition(object)
    this.objects.set(object, { ...definition, fields: definition.fields.filter((each) => each.name !== name) })
    for (const row of this.table(object).values()) delete row[name]
  }

  track(object: Entity, name: string, on: boolean): void {
    if (on) this.tracked.add(`${object}.${name}`)
    else this.tracked.delete(`${object}.${name}`)
  }

  // ----------------------------------------------------------------------------------------------------------- records

  /** Stored rows by id, those in the recycle bin among them. */
  table(object: string): Map<string, Row> {
    let table = this.#tables.get(object)
    if (table === undefined) {
      table = new Map()
      this.#tables.set(object, table)
    }
    return table
  }

  /** What a field of a row holds, computed ones included. */
  value(object: string, row: Row, name: string): Value {
    if (name === 'Name' && (object === 'Lead' || object === 'Contact')) return [row.FirstName, row.LastName].filter(Boolean).join(' ')
    if (object === 'Opportunity' && (name === 'IsClosed' || name === 'IsWon'))
      return this.stages.find(({ ApiName }) => ApiName === row.StageName)?.[name] ?? false
    const value = row[name]
    if (value !== undefined) return value
    return this.field(object, name)?.type === 'boolean' ? false : null
  }

  /** Each row in a transaction of its own. Returns the new ids. */
  insert(object: string, rows: readonly Row[], made: Made = {}): string[] {
    return rows.flatMap((fields) => this.transact([{ kind: 'insert', object, fields }], made))
  }

  /** Each row, named by its `Id`, in a transaction of its own. */
  update(object: string, rows: readonly Row[], made: Made = {}): void {
    for (const { Id, ...fields } of rows) this.transact([{ kind: 'update', object, id: String(Id), fields }], made)
  }

  /** All steps together or none. Returns the ids they were about. */
  transact(operations: readonly Operation[], made: Made = {}): string[] {
    return this.#transaction(made, (touches) => operations.map((operation) => this.#apply(touches, operation, made)))
  }

  delete(object: string, ids: readonly string[], made: Made = {}): void {
    for (const id of ids) this.transact([{ kind: 'delete', object, id }], made)
  }

  undelete(object: string, ids: readonly string[], made: Made = {}): void {
    for (const id of ids) this.transact([{ kind: 'undelete', object, id }], made)
  }

  /** Out of the recycle bin for good. Nobody is told. */
  purge(object: string, ids: readonly string[]): void {
    for (const id of ids) this.table(object).delete(id)
  }

  /** The losers go to the recycle bin and say who lives on; `fields` are what the master takes over. */
  merge(object: 'Lead' | 'Contact', master: string, losers: readonly string[], made: Made & { fields?: Row } = {}): void {
    this.#transaction(made, (touches) => {
      this.#apply(touches, { kind: 'update', object, id: master, fields: made.fields ?? {} }, made)
      for (const id of losers) {
        this.#apply(touches, { kind: 'delete', object, id }, made)
        this.#row(object, id, true).MasterRecordId = master
      }
    })
  }

  /** Converts leads in one transaction: account, contacts, opportunity, then the leads themselves. */
  convert(
    { leads, opportunity = {}, opportunityId, accountId, contactId, status, lagMs = 0 }: Conversion,
    made: Made = {},
  ): { accountId: string; contactIds: string[]; opportunityId: string | null } {
    const converted = status ?? this.leadStatuses.find(({ IsConverted }) => IsConverted)?.ApiName
    if (converted === undefined) throw new OrgError('INVALID_STATUS', 'no lead status converts')
    const at = made.at ?? this.clock()
    return this.#transaction({ ...made, lagMs }, (touches) => {
      const rows = leads.map((id) => this.#row('Lead', id))
      if (rows.some(({ IsConverted }) => IsConverted)) throw new OrgError('CANNOT_UPDATE_CONVERTED_LEAD', 'the lead is converted already')
      const first = rows[0] as Row
      const apply = (operation: Operation) => this.#apply(touches, operation, { ...made, at })
      const account = accountId ?? apply({ kind: 'insert', object: 'Account', fields: { Name: first.Company ?? '' } })
      const contacts = rows.map(
        ({ FirstName, LastName, Email, Phone }) =>
          contactId ??
          apply({
            kind: 'insert',
            object: 'Contact',
            fields: {
              FirstName: FirstName ?? null,
              LastName: LastName ?? '',
              Email: Email ?? null,
              Phone: Phone ?? null,
              AccountId: account,
            },
          }),
      )
      const copied = Object.fromEntries(this.facts.copiedAtConversion.map((name) => [name, first[name] ?? null]))
      const opened =
        opportunityId ??
        (opportunity === false
          ? null
          : apply({
              kind: 'insert',
              object: 'Opportunity',
              fields: { Name: `${first.Company ?? ''}-`, AccountId: account, ...copied, ...opportunity },
            }))
      for (const [index, id] of leads.entries())
        apply({
          kind: 'update',
          object: 'Lead',
          id,
          fields: {
            Status: converted,
            IsConverted: true,
            ConvertedDate: new Date(at).toISOString().slice(0, 10),
            ConvertedAccountId: account,
            ConvertedContactId: contacts[index] ?? null,
            ConvertedOpportunityId: opened,
          },
        })
      return { accountId: account, contactIds: contacts, opportunityId: opened }
    })
  }

  /**
   * A value of lead status or stage gets another API name in Setup. Records follow without anybody having changed them: one event
   * for all of them, no history.
   */
  renameStage(entity: Entity, from: string, to: string, made: Made = {}): void {
    const name = entity === 'Lead' ? 'Status' : 'StageName'
    const renamed = <Stage extends { ApiName: string; MasterLabel: string }>(stages: Stage[]): Stage[] =>
      stages.map((stage) => (stage.ApiName === from ? { ...stage, ApiName: to, MasterLabel: to } : stage))
    if (entity === 'Lead') this.leadStatuses = renamed(this.leadStatuses)
    else this.stages = renamed(this.stages)
    const rows = [...this.table(entity).values()].filter((row) => row[name] === from)
    const at = made.at ?? this.clock()
    for (const row of rows) Object.assign(row, { [name]: to, SystemModstamp: toSecond(at) })
    if (rows.length === 0) return
    this.changeLog.append({
      ...this.head({ ...made, at }),
      entity,
      recordIds: rows.map(({ Id }) => String(Id)),
      changeType: 'UPDATE',
      sequenceNumber: 1,
      changedFields: [name],
      nulledFields: [],
      diffFields: [],
      values: { [name]: to },
    })
  }

  // -------------------------------------------------------------------------------------------------------- transactions

  /** What all events of one transaction have in common. */
  head({ at, by, client }: Made) {
    this.#commits += 1n
    return {
      changeOrigin: client === undefined ? '' : `com/salesforce/api/rest/66.0${client && `;client=${client}`}`,
      transactionKey: randomUUID(),
      commitTimestamp: at ?? this.clock(),
      commitNumber: this.#commits,
      commitUser: by ?? this.admin.id,
    }
  }

  newId(prefix: string): string {
    this.#serial += 1
    return makeId(prefix, this.number, this.#serial)
  }

  #transaction<Result>(made: Made & { lagMs?: number }, work: (touches: Map<string, Touch>) => Result): Result {
    const touches = new Map<string, Touch>()
    try {
      const result = work(touches)
      closeTransaction(this, [...touches.values()], { ...made, at: made.at ?? this.clock() })
      return result
    } catch (error) {
      for (const { object, id, before } of touches.values())
        if (before === undefined) this.table(object).delete(id)
        else this.table(object).set(id, before)
      throw error
    }
  }

  #apply(touches: Map<string, Touch>, operation: Operation, made: Made): string {
    const at = made.at ?? this.clock()
    const by = made.by ?? this.admin.id
    const { object } = operation
    if (operation.kind === 'insert') {
      const row = this.#newRow(object, operation.fields, at, by)
      const id = row.Id as string
      this.table(object).set(id, row)
      touches.set(id, { object, id, type: 'CREATE', before: undefined, row })
      return id
    }
    const { id } = operation
    const row = this.#row(object, id, operation.kind === 'undelete')
    const touch = touches.get(id) ?? { object, id, type: 'UPDATE', before: { ...row }, row }
    touches.set(id, touch)
    Object.assign(row, { LastModifiedDate: toSecond(at), LastModifiedById: by, SystemModstamp: toSecond(at) })
    if (operation.kind === 'update') {
      this.#check(object, operation.fields)
      this.#write(object, row, operation.fields, at)
    } else if (operation.kind === 'delete') {
      touch.type = 'DELETE'
      row.IsDeleted = true
    } else {
      touch.type = 'UNDELETE'
      row.IsDeleted = false
    }
    return id
  }

  #newRow(object: string, fields: Row, at: number, by: string): Row {
    this.#check(object, fields)
    const second = toSecond(at)
    const row: Row = {
      Id: this.newId(this.#definition(object).keyPrefix),
      IsDeleted: false,
      OwnerId: by,
      CreatedDate: second,
      CreatedById: by,
      LastModifiedDate: second,
      LastModifiedById: by,
      SystemModstamp: second,
    }
    if (object === 'Lead')
      Object.assign(row, {
        Status: (this.leadStatuses.find(({ IsDefault }) => IsDefault) ?? this.leadStatuses[0])?.ApiName ?? null,
        IsConverted: false,
        HasOptedOutOfEmail: false,
        IsUnreadByOwner: true,
      })
    if (object === 'Opportunity')
      Object.assign(row, { IsPrivate: false, CloseDate: new Date(at + 30 * 86_400_000).toISOString().slice(0, 10) })
    const initial: Row = object === 'Opportunity' ? { StageName: this.stages.find(({ IsActive }) => IsActive)?.ApiName ?? null } : {}
    this.#write(object, row, { ...initial, ...fields }, at)
    const missing = this.#required(object).filter((name) => row[name] === undefined || row[name] === null || row[name] === '')
    if (missing.length > 0) throw new OrgError('REQUIRED_FIELD_MISSING', `Required fields are missing: [${missing.join(', ')}]`, missing)
    return row
  }

  /** Writes values, and what the CRM sets by itself with them. */
  #write(object: string, row: Row, fields: Row, at: number): void {
    const stageBefore = row.StageName
    for (const [name, value] of Object.entries(fields)) row[name] = value === '' ? null : value
    if (object !== 'Opportunity') return
    if (row.StageName !== stageBefore) {
      const stage = this.stages.find(({ ApiName }) => ApiName === row.StageName)
      if (fields.Probability === undefined) row.Probability = stage?.DefaultProbability ?? 0
      row.ForecastCategory = stage?.ForecastCategory ?? 'Pipeline'
      row.ForecastCategoryName = stage?.ForecastCategoryName ?? 'Pipeline'
      // Empty until the stage is changed for the first time.
      if (stageBefore !== undefined) row.LastStageChangeDate = toSecond(at)
    }
    if (typeof row.Amount === 'number') row.ExpectedRevenue = (row.Amount * Number(row.Probability)) / 100
  }

  #check(object: string, fields: Row): void {
    const known = this.#byName(object)
    for (const name in fields) {
      const definition = known.get(name.toLowerCase())
      if (definition === undefined || definition.name !== name)
        throw new OrgError('INVALID_FIELD', `No such column '${name}' on sobject of type ${object}`, [name])
      const value = fields[name]
      if (typeof value === 'string' && definition.length > 0 && value.length > definition.length)
        throw new OrgError('STRING_TOO_LONG', `${definition.label}: data value too large: ${value} (max length=${definition.length})`, [
          name,
        ])
    }
  }

  #row(object: string, id: string, deleted = false): Row {
    const row = this.table(object).get(id)
    if (row === undefined) throw new OrgError('NOT_FOUND', 'The requested resource does not exist')
    if (row.IsDeleted && !deleted) throw new OrgError('ENTITY_IS_DELETED', 'entity is deleted')
    return row
  }

  // ---------------------------------------------------------------------------------------------------------- definitions

  readonly #names = new Map<string, { of: ObjectDefinition; fields: Map<string, Field>; required: string[] }>()

  #definition(object: string): ObjectDefinition {
    const definition = this.objects.get(object)
    if (definition === undefined) throw new OrgError('INVALID_TYPE', `sObject type '${object}' is not supported.`)
    return definition
  }

  #index(object: string) {
    const of = this.#definition(object)
    let index = this.#names.get(object)
    if (index?.of !== of) {
      const required = of.fields.filter(({ nillable, writable, type }) => !nillable && writable && type !== 'boolean')
      index = {
        of,
        fields: new Map(of.fields.map((each) => [each.name.toLowerCase(), each])),
        required: required.map(({ name }) => name),
      }
      this.#names.set(object, index)
    }
    return index
  }

  #byName(object: string): Map<string, Field> {
    return this.#index(object).fields
  }

  #required(object: string): string[] {
    return this.#index(object).required
  }
}
