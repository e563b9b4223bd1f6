/** Answers SOQL from the records of an org, as one of its users may see them. */
import { spanOf } from './date-spans.ts'
import { longId } from './ids.ts'
import type { Field, ObjectDefinition } from './objects.ts'
import type { Org, OrgUser, Row, Value } from './org.ts'
import { attributes, label, render } from './render.ts'
import { sees } from './sees.ts'
import { setupRows } from './setup-objects.ts'
import { type Condition, type Literal, type Operator, type Path, pointAt, type Query, type Selected, SoqlError } from './soql.ts'

export interface Asker {
  org: Org
  user: OrgUser
  /** The tooling API has objects of its own, and not those of business. */
  tooling: boolean
  /** Deleted and merged records, too. */
  all: boolean
  /** Path of the API, for the addresses of records. */
  root: string
}
export interface Found {
  /** Of all pages. */
  totalSize: number
  /** A row of the answer, made when it is its turn. */
  record: (index: number) => object
  rows: number
}
/** A field as a query reaches it. */
interface Reached {
  field: Field
  object: string
  read: (row: Row) => Value
}
type Test = (row: Row) => boolean

/** Runs a query. Throws `SoqlError` with what the org refuses. */
export function runQuery(query: Query, soql: string, asker: Asker): Found {
  const { org } = asker
  const object = objectOf(query, soql, asker)
  const name = object.name
  refuseUnbounded(query, name)
  const reach = (path: Path) => reachField(path, query, name, soql, asker)

  const selected = query.select === 'count' ? [] : query.select.flatMap((each) => expand(each, object, query))
  const outputs = selected.map(output)
  const test = query.where === undefined ? () => true : compile(query.where, reach, soql, asker)
  const grouping = query.groupBy.map(reach)
  const aggregate = selected.some(({ kind }) => kind === 'aggregate') || grouping.length > 0
  if (aggregate) refuseUngrouped(selected, query, soql)
  const order = aggregate ? [] : query.orderBy.map(({ path, ...how }) => ({ ...how, reached: sortable(reach(path)) }))

  const rows = [...candidates(query.where, name, asker)].filter((row) => test(row) && sees(asker, name, row))
  if (query.select === 'count') return { totalSize: Math.min(rows.length, query.limit ?? rows.length), rows: 0, record: () => ({}) }
  if (aggregate) return aggregated(rows)
  if (order.length > 0) rows.sort((a, b) => compareRows(a, b, order))
  const kept = rows.slice(query.offset, query.limit === undefined ? undefined : query.offset + query.limit)
  const record = (index: number) => {
    const row = kept[index] as Row
    const result: Record<string, unknown> = { attributes: attributes(name, row, asker.root) }
    for (const write of outputs) write(row, result)
    return result
  }
  return { totalSize: kept.length, rows: kept.length, record }

  function output(each: Selected): (row: Row, result: Record<string, unknown>) => void {
    if (each.kind === 'label') {
      const { field, read, object: of } = reach(each.path)
      return (row, result) => {
        result[each.alias ?? field.name] = label(org, of, field, read(row))
      }
    }
    if (each.kind !== 'field') return () => {}
    const reached = reach(each.path)
    const parents = relationships(each.path, query, name)
    if (parents.length === 0)
      return (row, result) => {
        result[reached.field.name] = render(org, reached.object, reached.field, reached.read, row)
      }
    const steps = parentSteps(parents, name, each.path, soql, asker)
    return (row, result) => {
      let from: Row | undefined = row
      let into = result
      for (const step of steps) {
        from = step.parent(from)
        if (from === undefined) {
          into[step.name] ??= null
          return
        }
        into[step.name] ??= { attributes: attributes(step.object, from, asker.root) }
        into = into[step.name] as Record<string, unknown>
      }
      into[reached.field.name] = render(
        org,
        reached.object,
        reached.field,
        (own) => org.value(reached.object, own, reached.field.name),
        from,
      )
    }
  }

  function aggregated(rows: Row[]): Found {
    const groups = Map.groupBy(rows, (row) => JSON.stringify(grouping.map(({ read }) => read(row))))
    const list = grouping.length === 0 ? [rows] : [...groups.values()]
    return {
      totalSize: list.length,
      rows: list.length,
      record: (index) => {
        const group = list[index] as Row[]
        const result: Record<string, unknown> = { attributes: { type: 'AggregateResult' } }
        let unnamed = 0
        for (const each of selected) {
          if (each.kind === 'field') {
            const { field, read, object: of } = reach(each.path)
            result[field.name] = group[0] === undefined ? null : render(org, of, field, read, group[0])
          } else if (each.kind === 'aggregate') {
            result[each.alias ?? `expr${unnamed++}`] = summary(each, group, reach(each.path), org)
          }
        }
        return result
      },
    }
  }
}

function refuseUngrouped(selected: Selected[], { groupBy }: Query, soql: string): void {
  const spell = ({ names }: Path) => names.join('.').toLowerCase()
  const grouped = new Set(groupBy.map(spell))
  for (const each of selected)
    if ((each.kind === 'field' || each.kind === 'label') && !grouped.has(spell(each.path)))
      throw new SoqlError(
        'MALFORMED_QUERY',
        pointAt(soql, each.path.at, `Field must be grouped or aggregated: ${each.path.names.join('.')}`),
      )
}

function objectOf(query: Query, soql: string, { org, user, tooling }: Asker): ObjectDefinition {
  const found = [...org.objects.values()].find(({ name }) => name.toLowerCase() === query.from.toLowerCase())
  const here = found !== undefined && (tooling ? found.tooling || setup.has(found.name) : !found.tooling)
  const hidden = found !== undefined && (user.hiddenObjects.includes(found.name) || user.hiddenObjects.includes(parents[found.name] ?? ''))
  if (found === undefined || !here || hidden)
    throw new SoqlError('INVALID_TYPE', pointAt(soql, query.fromAt, `sObject type '${query.from}' is not supported.`))
  return found
}
/** Objects that both the data and the tooling API know. */
const setup = new Set(['EntityDefinition', 'FieldDefinition', 'User', 'Profile', 'PermissionSet', 'RecordType', 'Organization'])
/** Who cannot see the one cannot see its history. */
const parents: Record<string, string> = { LeadHistory: 'Lead', OpportunityHistory: 'Opportunity', OpportunityFieldHistory: 'Opportunity' }

/** Metadata rows are made when asked for, and only for objects that are named. */
function refuseUnbounded(query: Query, object: string): void {
  if (object !== 'FieldDefinition') return
  const named = (condition: Condition | undefined): boolean => {
    if (condition === undefined) return false
    if ('parts' in condition) return condition.parts.some(named)
    if (condition.kind === 'not') return named(condition.part)
    return /^(EntityDefinition(Id)?|DurableId)$/i.test(condition.path.names[0] as string)
  }
  if (!named(query.where))
    throw new SoqlError('MALFORMED_QUERY', 'FieldDefinition: a filter on a reified column is required [EntityDefinitionId,DurableId]')
}

// --------------------------------------------------------------------------------------------------------------- fields

/** The names before the field's own, without the name of the object itself. */
function relationships({ names }: Path, { alias }: Query, object: string): string[] {
  const before = names.slice(0, -1)
  const first = before[0]?.toLowerCase()
  return first !== undefined && (first === object.toLowerCase() || first === alias?.toLowerCase()) ? before.slice(1) : before
}

function reachField(path: Path, query: Query, object: string, soql: string, asker: Asker): Reached {
  const { org } = asker
  const steps = parentSteps(relationships(path, query, object), object, path, soql, asker)
  const owner = steps.at(-1)?.object ?? object
  const wanted = path.names.at(-1) as string
  const field = org.field(owner, wanted)
  if (field === undefined || asker.user.hiddenFields.includes(`${owner}.${field.name}`))
    throw new SoqlError(
      'INVALID_FIELD',
      pointAt(
        soql,
        path.at,
        `No such column '${wanted}' on entity '${owner}'. Custom fields end in '__c'; see the describe call for names.`,
      ),
    )
  const read = (row: Row): Value => {
    let from: Row | undefined = row
    for (const step of steps) from = from === undefined ? undefined : step.parent(from)
    return from === undefined ? null : org.value(owner, from, field.name)
  }
  return { field, object: owner, read }
}

interface Step {
  /** As the relationship is called. */
  name: string
  object: string
  parent: (row: Row) => Row | undefined
}

function parentSteps(names: string[], object: string, path: Path, soql: string, asker: Asker): Step[] {
  const { org, user } = asker
  const steps: Step[] = []
  let of = object
  for (const name of names) {
    const field = org.fields(of).find(({ relationship }) => relationship?.toLowerCase() === name.toLowerCase())
    const to = field?.referenceTo[0]
    if (field === undefined || to === undefined || !org.objects.has(to) || user.hiddenObjects.includes(to))
      throw new SoqlError('INVALID_FIELD', pointAt(soql, path.at, `Didn't understand relationship '${name}' in field path.`))
    const rows = lookupRows(to, asker)
    steps.push({ name: field.relationship as string, object: to, parent: (row) => rows(row[field.name]) })
    of = to
  }
  return steps
}

function lookupRows(object: string, { org, user }: Asker): (id: Value | undefined) => Row | undefined {
  const made = setupRows(org, object, user)
  if (made === undefined) return (id) => org.table(object).get(String(id))
  const byId = new Map(made.map((row) => [row.Id, row]))
  return (id) => byId.get(id as string)
}

function expand(each: Selected, object: ObjectDefinition, query: Query): Selected[] {
  if (each.kind !== 'all') return [each]
  if (each.which !== 'STANDARD' && (query.limit ?? Number.POSITIVE_INFINITY) > 200)
    throw new SoqlError('MALFORMED_QUERY', `FIELDS(${each.which}) is bounded only with LIMIT 200 or less`)
  return object.fields
    .filter(({ custom }) => each.which === 'ALL' || custom === (each.which === 'CUSTOM'))
    .map(({ name }) => ({ kind: 'field', path: { names: [name], at: 0 } }))
}

function sortable(reached: Reached): Reached {
  if (reached.field.type === 'textarea')
    throw new SoqlError('INVALID_FIELD', `field '${reached.field.name}' can not be sorted in a query call`)
  return reached
}

// ----------------------------------------------------------------------------------------------------------- conditions

/** All rows of an object, or those that a list of ids allows. */
function candidates(where: Condition | undefined, object: string, { org, user }: Asker): Iterable<Row> {
  const made = setupRows(org, object, user)
  if (made !== undefined) return made
  const table = org.table(object)
  const parts = where?.kind === 'and' ? where.parts : where === undefined ? [] : [where]
  for (const part of parts) {
    if ((part.kind !== 'in' && part.kind !== 'compare') || part.path.names.join().toLowerCase() !== 'id') continue
    const literals =
      part.kind === 'in' && !part.negated ? part.values : part.kind === 'compare' && part.operator === '=' ? [part.value] : undefined
    if (literals === undefined) continue
    const ids = new Set(literals.map((literal) => (literal.kind === 'text' ? longId(literal.value) : '')))
    return [...ids].map((id) => table.get(id)).filter((row) => row !== undefined)
  }
  return table.values()
}

function compile(condition: Condition, reach: (path: Path) => Reached, soql: string, asker: Asker): Test {
  switch (condition.kind) {
    case 'and':
    case 'or': {
      const tests = condition.parts.map((part) => compile(part, reach, soql, asker))
      return condition.kind === 'and' ? (row) => tests.every((test) => test(row)) : (row) => tests.some((test) => test(row))
    }
    case 'not': {
      const test = compile(condition.part, reach, soql, asker)
      return (row) => !test(row)
    }
    case 'compare': {
      const reached = filterable(reach(condition.path), condition.path, soql)
      const compare = comparison(reached.field, condition.operator, condition.value, condition.path, soql, asker.org.clock())
      return (row) => compare(reached.read(row))
    }
    case 'in': {
      const { field, read } = filterable(reach(condition.path), condition.path, soql)
      if (condition.values.some(({ kind }) => kind === 'span')) throw badValue(field, condition.path, soql)
      const wanted = new Set(condition.values.map((literal) => fold(field, literalValue(field, literal, condition.path, soql))))
      return (row) => wanted.has(fold(field, read(row))) !== condition.negated
    }
    case 'semijoin': {
      const { read } = filterable(reach(condition.path), condition.path, soql)
      const { query } = condition
      const [selected] = query.select === 'count' ? [] : query.select
      if (query.select === 'count' || query.select.length !== 1 || selected?.kind !== 'field')
        throw new SoqlError('MALFORMED_QUERY', pointAt(soql, condition.path.at, 'the inner select must have exactly one field'))
      const inner = runQuery(query, soql, asker)
      const key = selected.path.names.at(-1)?.toLowerCase()
      const ids = new Set<unknown>()
      for (let index = 0; index < inner.rows; index += 1) {
        const record = Object.entries(inner.record(index)).find(([name]) => name.toLowerCase() === key)
        if (record?.[1]) ids.add(record[1])
      }
      return (row) => ids.has(read(row)) !== condition.negated
    }
  }
}

function filterable(reached: Reached, path: Path, soql: string): Reached {
  if (!reached.field.filterable)
    throw new SoqlError('INVALID_FIELD', pointAt(soql, path.at, `field '${reached.field.name}' can not be filtered in a query call`))
  return reached
}

const texts = new Set(['string', 'picklist', 'email', 'phone', 'url'])
const numbers = new Set(['double', 'currency', 'percent', 'int'])
const fold = (field: Field, value: Value): Value => (typeof value === 'string' && texts.has(field.type) ? value.toLowerCase() : value)

function badValue(field: Field, path: Path, soql: string): SoqlError {
  const type = field.type === 'datetime' ? 'dateTime' : field.type
  const quoted = texts.has(field.type) ? 'should be enclosed in quotes' : 'should not be enclosed in quotes'
  return new SoqlError(
    'INVALID_FIELD',
    pointAt(soql, path.at, `value of filter criterion for field '${field.name}' must be of type ${type} and ${quoted}`),
  )
}

/** The literal as the field holds values; refuses one of another type. */
function literalValue(field: Field, literal: Literal, path: Path, soql: string): Value {
  const { type } = field
  if (literal.kind === 'null') return null
  if (literal.kind === 'span') throw badValue(field, path, soql)
  const { value } = literal
  if (literal.kind === 'text' && (type === 'id' || type === 'reference')) {
    if (!/^(?:[A-Za-z0-9]{15}|[A-Za-z0-9]{18})$/.test(String(value)))
      throw new SoqlError('INVALID_QUERY_FILTER_OPERATOR', pointAt(soql, path.at, `invalid ID field: ${value}`))
    return longId(String(value))
  }
  const fits =
    (literal.kind === 'text' && texts.has(type)) ||
    (literal.kind === 'number' && numbers.has(type)) ||
    (literal.kind === 'boolean' && type === 'boolean') ||
    (literal.kind === 'date' && type === 'date') ||
    (literal.kind === 'instant' && type === 'datetime')
  if (!fits) throw badValue(field, path, soql)
  return value
}

function comparison(field: Field, operator: Operator, literal: Literal, path: Path, soql: string, now: number): (value: Value) => boolean {
  if (literal.kind === 'span') {
    if (field.type !== 'date' && field.type !== 'datetime') throw badValue(field, path, soql)
    return compareSpan(operator, spanOf(literal.name, literal.count, now), (value) =>
      typeof value === 'string' ? Date.parse(value) : Number(value),
    )
  }
  const wanted = fold(field, literalValue(field, literal, path, soql))
  if (operator === 'LIKE') {
    if (!texts.has(field.type) || typeof wanted !== 'string')
      throw new SoqlError('INVALID_QUERY_FILTER_OPERATOR', pointAt(soql, path.at, `invalid operator on ${field.type} field`))
    const pattern = new RegExp(
      `^${wanted
        .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
        .replaceAll('%', '.*')
        .replaceAll('_', '.')}$`,
      's',
    )
    return (value) => typeof value === 'string' && pattern.test(value.toLowerCase())
  }
  if (operator === '=') return (value) => fold(field, value) === wanted
  if (operator === '!=') return (value) => fold(field, value) !== wanted
  if (wanted === null || field.type === 'boolean')
    throw new SoqlError('INVALID_QUERY_FILTER_OPERATOR', pointAt(soql, path.at, `invalid operator on ${field.type} field`))
  return (value) => {
    const own = fold(field, value)
    return own !== null && holds(operator, own < wanted ? -1 : own > wanted ? 1 : 0)
  }
}

function holds(operator: Operator, order: number): boolean {
  if (operator === '<') return order < 0
  if (operator === '<=') return order <= 0
  return operator === '>' ? order > 0 : order >= 0
}

/** A span is reached as a whole: `>` means behind its end, `<` before its start. */
function compareSpan(operator: Operator, [from, to]: [number, number], read: (value: Value) => number): (value: Value) => boolean {
  const within = (at: number) => at >= from && at < to
  const tests: Partial<Record<Operator, (at: number) => boolean>> = {
    '=': within,
    '!=': (at) => !within(at),
    '<': (at) => at < from,
    '<=': (at) => at < to,
    '>': (at) => at >= to,
    '>=': (at) => at >= from,
  }
  const test = tests[operator]
  if (test === undefined) throw new SoqlError('INVALID_QUERY_FILTER_OPERATOR', `invalid operator ${operator} on a date`)
  return (value) => (value === null ? operator === '!=' : test(read(value)))
}

// --------------------------------------------------------------------------------------------------------------- answers

function compareRows(a: Row, b: Row, order: { reached: Reached; descending: boolean; nullsLast: boolean }[]): number {
  for (const { reached, descending, nullsLast } of order) {
    const left = fold(reached.field, reached.read(a))
    const right = fold(reached.field, reached.read(b))
    if (left === right) continue
    if (left === null || right === null) return (left === null) === nullsLast ? 1 : -1
    return left < right === descending ? 1 : -1
  }
  return 0
}

function summary(each: Selected & { kind: 'aggregate' }, rows: Row[], { field, read, object }: Reached, org: Org): unknown {
  const values = rows.map(read).filter((value) => value !== null)
  if (each.operation === 'COUNT') return values.length
  if (each.operation === 'COUNT_DISTINCT') return new Set(values).size
  if (values.length === 0) return null
  const best = values.reduce((one, other) => (other < one === (each.operation === 'MIN') ? other : one))
  return render(org, object, field, () => best, {})
}
