import { defaultPipelines, defaultProperties, type Pipeline, type Property, property } from './default-account.ts'
import { associationTypeId, leadToPrimaryContact, type ObjectType, objectTypes } from './object-types.ts'

/** One value a property had, newest first in its list. */
export interface HistoryEntry {
  value: string
  /** ISO 8601. */
  timestamp: string
  sourceType: string
  sourceId: string
}
export interface CrmRecord {
  id: string
  type: ObjectType
  createdAt: number
  updatedAt: number
  archived: boolean
  archivedAt?: number | undefined
  /** Erased for good: not even among the archived. */
  erased: boolean
  mergedInto?: string | undefined
  /** When the record was last written, by the machine's clock: the search index follows it with a delay. */
  writtenAt: number
  history: Map<string, HistoryEntry[]>
}
export interface AssociationType {
  category: 'HUBSPOT_DEFINED' | 'USER_DEFINED'
  typeId: number
  label: string | null
}
/** Who made a change. */
export interface Source {
  changeSource: string
  sourceId: string
}
/** What happened in the CRM; the matter of webhooks. `at` in milliseconds. */
export type CrmChange = { type: ObjectType; id: string; at: number; source: Source } & (
  | { kind: 'creation' | 'deletion' | 'restore' | 'privacyDeletion' }
  | { kind: 'propertyChange'; property: string; value: string }
  | { kind: 'merge'; primaryId: string; mergedIds: string[]; newId: string | undefined; moved: number }
  | { kind: 'associationChange'; toType: ObjectType; toId: string; association: AssociationType; removed: boolean; primary: boolean }
)
/** When and by whom a change is made; the present and a user by default. */
export interface Made {
  at?: number | undefined
  source?: Source | undefined
}

const user: Source = { changeSource: 'CRM_UI', sourceId: 'userId:606' }

/** Raised for input that the CRM cannot hold; `code` as in the API's error bodies. */
export class CrmError extends Error {
  readonly code: string
  readonly context: Record<string, string[]>
  constructor(code: string, message: string, context: Record<string, string[]> = {}) {
    super(message)
    this.code = code
    this.context = context
  }
}

/** The records of one account, with their history, definitions and associations. Every change is told to `tell`. */
export class Crm {
  readonly records = new Map<string, CrmRecord>()
  readonly properties = new Map<string, Map<string, Property>>()
  readonly groups = new Map<string, Map<string, { name: string; label: string; displayOrder: number; archived: boolean }>>()
  readonly pipelines = new Map<string, Pipeline[]>()
  readonly #associations = new Map<string, Map<string, AssociationType[]>>()
  readonly #clock: () => number
  readonly #tell: (change: CrmChange) => void
  readonly #nextId = new Map<string, number>()

  constructor(clock: () => number, tell: (change: CrmChange) => void) {
    this.#clock = clock
    this.#tell = tell
    for (const type of objectTypes) {
      this.properties.set(type.name, new Map(defaultProperties(type).map((definition) => [definition.name, definition])))
      const group = `${type.singular}information`
      this.groups.set(type.name, new Map([[group, { name: group, label: group, displayOrder: 0, archived: false }]]))
      this.pipelines.set(type.name, defaultPipelines(type))
      this.#nextId.set(type.name, type.firstId)
    }
  }

  /** The record while it is alive (or archived, when that is asked for). */
  find(type: ObjectType, id: string, archived = false): CrmRecord | undefined {
    const record = this.records.get(`${type.name}/${id}`)
    return record === undefined || record.erased || record.archived !== archived ? undefined : record
  }

  list(type: ObjectType, archived = false): CrmRecord[] {
    return [...this.records.values()].filter((record) => record.type === type && !record.erased && record.archived === archived)
  }

  value(record: CrmRecord, name: string): string | null {
    return record.history.get(name)?.[0]?.value || null
  }

  defineProperty(type: ObjectType, given: Partial<Property> & { name: string }): Property {
    const definition = property(given)
    this.properties.get(type.name)?.set(definition.name, definition)
    return definition
  }

  create(type: ObjectType, properties: Record<string, string | null>, made: Made & { id?: string | undefined } = {}): CrmRecord {
    this.#check(type, properties)
    const at = made.at ?? this.#clock()
    const id = made.id ?? this.#freeId(type)
    if (this.records.has(`${type.name}/${id}`)) throw new CrmError('CONFLICT', `${type.singular} ${id} exists already`)
    const record: CrmRecord = {
      id,
      type,
      createdAt: at,
      updatedAt: at,
      archived: false,
      erased: false,
      writtenAt: Date.now(),
      history: new Map(),
    }
    this.records.set(`${type.name}/${id}`, record)
    const source = made.source ?? user
    this.#tell({ kind: 'creation', type, id, at, source })
    this.#remember(record, 'hs_object_id', id, at, source)
    this.#remember(record, type.name === 'leads' ? 'hs_createdate' : 'createdate', new Date(at).toISOString(), at, source)
    this.#write(record, { ...this.#initial(type), ...properties }, at, source)
    return record
  }

  update(type: ObjectType, id: string, properties: Record<string, string | null>, made: Made = {}): CrmRecord {
    const record = this.#must(type, id)
    this.#check(type, properties)
    this.#write(record, properties, made.at ?? this.#clock(), made.source ?? user)
    return record
  }

  remove(type: ObjectType, id: string, made: Made = {}): void {
    this.#archive(this.#must(type, id), made.at ?? this.#clock(), made.source ?? user)
  }

  restore(type: ObjectType, id: string, made: Made = {}): void {
    const record = this.find(type, id, true)
    if (record === undefined) throw new CrmError('OBJECT_NOT_FOUND', `no archived ${type.singular} ${id}`)
    record.archived = false
    record.archivedAt = undefined
    record.writtenAt = Date.now()
    this.#tell({ kind: 'restore', type, id, at: made.at ?? this.#clock(), source: made.source ?? user })
  }

  /** Privacy deletion: the person is gone for good, and a plain deletion is told beside it. */
  erase(type: ObjectType, id: string, made: Made = {}): void {
    const record = this.#must(type, id)
    const at = made.at ?? this.#clock()
    const source = made.source ?? user
    this.#tell({ kind: 'privacyDeletion', type, id, at, source })
    this.#archive(record, at, source)
    record.erased = true
    record.history.clear()
  }

  /**
   * Merges records into `primaryId`, or all of them into a new record. Values move without property changes being told; the
   * survivor keeps the newest value of each property and takes over the associations.
   */
  merge(type: ObjectType, primaryId: string, otherIds: string[], made: Made & { newRecord?: boolean | undefined } = {}): CrmRecord {
    const at = made.at ?? this.#clock()
    const source = made.source ?? user
    const primary = this.#must(type, primaryId)
    const others = otherIds.map((id) => this.#must(type, id))
    const survivor = made.newRecord === true ? this.#shell(type, primary.createdAt) : primary
    const merged = made.newRecord === true ? [primary, ...others] : others
    let moved = 0
    for (const gone of merged) {
      for (const [name, entries] of gone.history) {
        if (name === 'hs_object_id') continue
        moved += 1
        const all = [...(survivor.history.get(name) ?? []), ...entries]
        survivor.history.set(
          name,
          all.sort((a, b) => b.timestamp.localeCompare(a.timestamp)),
        )
      }
      this.#moveAssociations(gone, survivor)
    }
    const earlier = this.value(survivor, 'hs_merged_object_ids')?.split(';') ?? []
    this.#remember(survivor, 'hs_merged_object_ids', [...new Set([...earlier, ...merged.map((gone) => gone.id)])].join(';'), at, source)
    survivor.updatedAt = Math.max(survivor.updatedAt, at)
    survivor.writtenAt = Date.now()
    this.#remember(survivor, type.modified, new Date(survivor.updatedAt).toISOString(), survivor.updatedAt, source)
    const newId = made.newRecord === true ? survivor.id : undefined
    this.#tell({ kind: 'merge', type, id: survivor.id, at, source, primaryId, mergedIds: otherIds, newId, moved })
    for (const gone of merged) {
      gone.mergedInto = survivor.id
      this.#archive(gone, at, source)
      gone.erased = true
    }
    return survivor
  }

  /** Links two records in both directions; `primary` marks the link as the main one, `label` is one the customer made. */
  associate(
    from: { type: ObjectType; id: string },
    to: { type: ObjectType; id: string },
    made: Made & { primary?: boolean | undefined; label?: string | undefined } = {},
  ): void {
    this.#must(from.type, from.id)
    this.#must(to.type, to.id)
    const at = made.at ?? this.#clock()
    const source = made.source ?? user
    for (const [a, b] of [
      [from, to],
      [to, from],
    ] as const) {
      const types: AssociationType[] = [{ category: 'HUBSPOT_DEFINED', typeId: associationTypeId(a.type, b.type), label: null }]
      if (made.primary && a.type.name === 'leads' && b.type.name === 'contacts')
        types.unshift({ category: 'HUBSPOT_DEFINED', typeId: leadToPrimaryContact, label: 'Primary' })
      else if (made.primary) types.unshift({ category: 'USER_DEFINED', typeId: 1, label: 'Primary' })
      if (made.label !== undefined) types.unshift({ category: 'USER_DEFINED', typeId: 2, label: made.label })
      this.#links(a.type, a.id, b.type).set(b.id, types)
      for (const association of types)
        this.#tell({
          kind: 'associationChange',
          type: a.type,
          id: a.id,
          at,
          source,
          toType: b.type,
          toId: b.id,
          association,
          removed: false,
          primary: association.label === 'Primary',
        })
    }
  }

  dissociate(from: { type: ObjectType; id: string }, to: { type: ObjectType; id: string }, made: Made = {}): void {
    for (const [a, b] of [
      [from, to],
      [to, from],
    ] as const) {
      const links = this.#links(a.type, a.id, b.type)
      const association = links.get(b.id)?.at(-1)
      if (association === undefined) continue
      links.delete(b.id)
      const told = { type: a.type, id: a.id, at: made.at ?? this.#clock(), source: made.source ?? user, toType: b.type, toId: b.id }
      this.#tell({ ...told, kind: 'associationChange', association, removed: true, primary: false })
    }
  }

  /** Records of type `to` linked to a record, in the order they were linked. */
  associated(type: ObjectType, id: string, to: ObjectType): [id: string, types: AssociationType[]][] {
    return [...this.#links(type, id, to)].filter(([other]) => this.find(to, other) !== undefined)
  }

  /** Names the account does not define. */
  undefinedProperties(type: ObjectType, names: string[]): string[] {
    return names.filter((name) => !this.properties.get(type.name)?.has(name))
  }

  #check(type: ObjectType, properties: Record<string, string | null>): void {
    const unknown = this.undefinedProperties(type, Object.keys(properties))
    if (unknown.length > 0)
      throw new CrmError('PROPERTY_DOESNT_EXIST', `no such property: ${unknown.join(', ')}`, { propertyName: unknown })
  }

  #must(type: ObjectType, id: string): CrmRecord {
    const record = this.find(type, id)
    if (record === undefined) throw new CrmError('OBJECT_NOT_FOUND', `no ${type.singular} ${id}`)
    return record
  }

  #freeId(type: ObjectType): string {
    const id = this.#nextId.get(type.name) ?? type.firstId
    this.#nextId.set(type.name, id + 50)
    return String(id)
  }

  #initial(type: ObjectType): Record<string, string> {
    const first = this.pipelines.get(type.name)?.[0]
    const stage = first?.stages[0]
    if (first === undefined || stage === undefined) return {}
    return type.name === 'deals' ? { pipeline: first.id, dealstage: stage.id } : { hs_pipeline: first.id, hs_pipeline_stage: stage.id }
  }

  #shell(type: ObjectType, createdAt: number): CrmRecord {
    const id = this.#freeId(type)
    const record: CrmRecord = {
      id,
      type,
      createdAt,
      updatedAt: createdAt,
      archived: false,
      erased: false,
      writtenAt: Date.now(),
      history: new Map(),
    }
    this.records.set(`${type.name}/${id}`, record)
    this.#remember(record, 'hs_object_id', id, createdAt, user)
    return record
  }

  #write(record: CrmRecord, properties: Record<string, string | null>, at: number, source: Source): void {
    for (const [name, given] of Object.entries(properties)) {
      const value = given === null ? '' : String(given)
      if (value === (this.value(record, name) ?? '')) continue
      this.#remember(record, name, value, at, source)
      this.#tell({ kind: 'propertyChange', type: record.type, id: record.id, at, source, property: name, value })
    }
    record.updatedAt = Math.max(record.updatedAt, at)
    record.writtenAt = Date.now()
    this.#remember(record, record.type.modified, new Date(record.updatedAt).toISOString(), record.updatedAt, source)
  }

  /** Puts a value into its place in time: a change made in the past does not hide a later one. */
  #remember(record: CrmRecord, name: string, value: string, at: number, source: Source): void {
    const entry = { value, timestamp: new Date(at).toISOString(), sourceType: source.changeSource, sourceId: source.sourceId }
    const entries = record.history.get(name)
    if (entries === undefined) {
      record.history.set(name, [entry])
      return
    }
    const later = entries.findIndex((other) => other.timestamp <= entry.timestamp)
    entries.splice(later < 0 ? entries.length : later, 0, entry)
  }

  #archive(record: CrmRecord, at: number, source: Source): void {
    record.archived = true
    record.archivedAt = at
    record.writtenAt = Date.now()
    this.#tell({ kind: 'deletion', type: record.type, id: record.id, at, source })
  }

  #moveAssociations(gone: CrmRecord, survivor: CrmRecord): void {
    for (const to of objectTypes)
      for (const [id, types] of this.#links(gone.type, gone.id, to)) {
        this.#links(survivor.type, survivor.id, to).set(id, types)
        const back = this.#links(to, id, gone.type)
        back.set(survivor.id, back.get(gone.id) ?? [])
        back.delete(gone.id)
      }
  }

  #links(type: ObjectType, id: string, to: ObjectType): Map<string, AssociationType[]> {
    const key = `${type.name}/${id}>${to.name}`
    let links = this.#associations.get(key)
    if (links === undefined) {
      links = new Map()
      this.#associations.set(key, links)
    }
    return links
  }
}
