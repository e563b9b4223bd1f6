/** The REST API of the orgs: queries, records, descriptions, limits (REST API guide). */
import type { Answer, Exchange } from '../listen.ts'
import { describeGlobal, describeObject } from './describe.ts'
import { longId } from './ids.ts'
import type { Session } from './oauth.ts'
import { type Operation, type Org, OrgError, type OrgUser, type Row } from './org.ts'
import { attributes, render } from './render.ts'
import { restError, statusOf } from './replies.ts'
import { type Asker, type Found, runQuery } from './run-query.ts'
import { sees } from './sees.ts'
import { parseSoql, SoqlError } from './soql.ts'

/** What requests are counted by. */
export type RequestKind =
  | 'query'
  | 'queryMore'
  | 'describe'
  | 'record'
  | 'collection'
  | 'limits'
  | 'updated'
  | 'deleted'
  | 'resources'
  | 'token'
  | 'consent'
  | 'identity'
  | 'unknown'

const PAGE = 2000
const MOST_CURSORS = 10
const MOST_RECORDS = 200
const DAY_MS = 86_400_000
const versions = Array.from({ length: 16 }, (_, index) => `${51 + index}.0`)

interface Call {
  exchange: Exchange
  session: Session
  /** Behind the version, in parts. */
  parts: string[]
  root: string
}

/** Answers calls below `/services/data`. `authorise` tells whom a token speaks for, `identityOf` the identity URL of who that is. */
export class RestApi {
  readonly #authorise: (token: string) => Session | undefined
  readonly #identityOf: (session: Session) => string
  readonly #cursors = new Map<string, Map<string, { found: Found; size: number }>>()
  #cursor = 0

  constructor(authorise: (token: string) => Session | undefined, identityOf: (session: Session) => string) {
    this.#authorise = authorise
    this.#identityOf = identityOf
  }

  answer(exchange: Exchange): { answer: Answer; kind: RequestKind; org?: Org } {
    const [, , , version, ...parts] = exchange.path.replace(/\/$/, '').split('/')
    if (version === undefined) return { answer: { status: 200, json: versionList() }, kind: 'resources' }
    const kind = kindOf(parts)
    const token = /^(?:Bearer|OAuth) (.+)$/i.exec(exchange.headers.authorization ?? '')?.[1]
    const session = token === undefined ? undefined : this.#authorise(token)
    if (session === undefined) return { answer: restError(401, 'INVALID_SESSION_ID', 'Session expired or invalid'), kind }
    const { org, user } = session
    if (!org.facts.apiEnabled || !user.apiEnabled)
      return { answer: restError(403, 'API_DISABLED_FOR_ORG', 'The REST API is not enabled for this Organization.'), kind, org }
    if (org.requestsUsed >= org.facts.dailyRequests)
      return { answer: counted(org, restError(403, 'REQUEST_LIMIT_EXCEEDED', 'TotalRequests Limit exceeded.')), kind, org }
    org.requestsUsed += 1
    const known = versions.includes(version.slice(1)) && version.startsWith('v')
    const call = { exchange, session, parts, root: `/services/data/${version}` }
    return { answer: counted(org, known ? this.#guarded(call) : notFound()), kind, org }
  }

  #guarded(call: Call): Answer {
    try {
      return this.#route(call)
    } catch (error) {
      if (error instanceof SoqlError) return restError(400, error.code, error.message)
      if (error instanceof OrgError) return restError(statusOf(error.code), error.code, error.message, error.fields)
      throw error
    }
  }

  #route(call: Call): Answer {
    const { exchange, session, parts, root } = call
    const { org, user } = session
    const { method } = exchange
    const [area, second, third] = parts
    if (method === 'GET' && area === undefined) return { status: 200, json: { ...resources(root), identity: this.#identityOf(session) } }
    if (method === 'GET' && area === 'limits') return limits(org, user)
    if (method === 'GET' && (area === 'query' || area === 'queryAll')) return this.#query(call, second, false, area === 'queryAll')
    if (method === 'GET' && area === 'tooling' && second === 'query') return this.#query(call, third, true, false)
    if (method === 'GET' && area === 'sobjects' && second === undefined) return { status: 200, json: describeGlobal(org, user, root) }
    if (area === 'sobjects' && second !== undefined) return object(call, second, third)
    if (area === 'composite' && second === 'sobjects') return collection(call, third)
    return notFound()
  }

  #query({ exchange, session, root }: Call, cursor: string | undefined, tooling: boolean, all: boolean): Answer {
    const size = Math.min(PAGE, Math.max(200, Number(/batchSize=(\d+)/.exec(header(exchange, 'sforce-query-options'))?.[1] ?? PAGE)))
    const path = `${root}${tooling ? '/tooling' : ''}`
    const cursors = this.#cursorsOf(session)
    if (cursor !== undefined) {
      const [, id = '', from = ''] = /^(\w+)-(\d+)$/.exec(cursor) ?? []
      const open = cursors.get(id)
      if (open === undefined) return restError(400, 'INVALID_QUERY_LOCATOR', 'invalid query locator')
      return { status: 200, json: page(open.found, id, Number(from), open.size, path) }
    }
    const soql = exchange.query.get('q')
    if (soql === null) return restError(400, 'MALFORMED_QUERY', 'A query string has to be specified')
    const asker: Asker = { ...session, tooling, all, root: path }
    const found = runQuery(parseSoql(soql), soql, asker)
    this.#cursor += 1
    const id = `01g${session.org.id.slice(3, 9)}${String(this.#cursor).padStart(9, '0')}`
    if (found.rows > size) {
      cursors.set(id, { found, size })
      const oldest = cursors.keys().next().value
      if (cursors.size > MOST_CURSORS && oldest !== undefined) cursors.delete(oldest)
    }
    return { status: 200, json: page(found, id, 0, size, path) }
  }

  #cursorsOf({ user }: Session): Map<string, { found: Found; size: number }> {
    const cursors = this.#cursors.get(user.id) ?? new Map()
    this.#cursors.set(user.id, cursors)
    return cursors
  }
}

function page({ totalSize, rows, record }: Found, cursor: string, from: number, size: number, path: string): object {
  const to = Math.min(rows, from + size)
  const records = Array.from({ length: Math.max(0, to - from) }, (_, index) => record(from + index))
  const done = to >= rows
  return { totalSize, done, ...(done ? {} : { nextRecordsUrl: `${path}/query/${cursor}-${to}` }), records }
}

/** One object: its description, its records, what was changed or deleted. */
function object(call: Call, name: string, rest: string | undefined): Answer {
  const { exchange, session, root } = call
  const { org, user } = session
  const definition = [...org.objects.values()].find((each) => each.name.toLowerCase() === name.toLowerCase() && !each.tooling)
  if (definition === undefined || user.hiddenObjects.includes(definition.name)) return notFound()
  const { method } = exchange
  if (method === 'GET' && rest === 'describe') return { status: 200, json: describeObject(org, definition, user, root) }
  if (method === 'GET' && rest === 'updated') return updated(call, definition.name)
  if (method === 'GET' && rest === 'deleted') return deleted(call, definition.name)
  if (method === 'POST' && rest === undefined) {
    const [id] = save(call, [insert(call, definition.name, bodyOf(exchange))])
    return { status: 201, json: { id, success: true, errors: [] } }
  }
  if (rest === undefined) return notFound()
  if (method === 'GET') return read(call, definition.name, rest)
  if (method === 'PATCH') save(call, [update(call, definition.name, rest, bodyOf(exchange))])
  else if (method === 'DELETE') save(call, [{ kind: 'delete', object: definition.name, id: idOf(rest) }])
  else return restError(405, 'METHOD_NOT_ALLOWED', `HTTP Method '${method}' not allowed.`)
  return { status: 204 }
}

function read({ exchange, session, root }: Call, object: string, given: string): Answer {
  const { org, user } = session
  const row = org.table(object).get(idOf(given))
  if (row === undefined || !sees({ ...session, all: true }, object, row)) return notFound()
  if (row.IsDeleted) return restError(404, 'ENTITY_IS_DELETED', 'entity is deleted')
  const readable = org.fields(object).filter(({ name }) => !user.hiddenFields.includes(`${object}.${name}`))
  const wanted = exchange.query.get('fields')?.split(',')
  const fields = wanted?.map((name) => {
    const field = readable.find((each) => each.name.toLowerCase() === name.trim().toLowerCase())
    if (field === undefined) throw new OrgError('INVALID_FIELD', `No such column '${name}' on sobject of type ${object}`)
    return field
  })
  const values = (fields ?? readable).map((field) => [
    field.name,
    render(org, object, field, (own) => org.value(object, own, field.name), row),
  ])
  return { status: 200, json: { attributes: attributes(object, row, root), ...Object.fromEntries(values), Id: row.Id } }
}

/** `composite/sobjects`: up to 200 records in one transaction, each with a result of its own. */
function collection(call: Call, rest: string | undefined): Answer {
  const { method } = call.exchange
  if (rest !== undefined || (method !== 'PATCH' && method !== 'POST')) return notFound()
  const { records, allOrNone = false } = bodyOf(call.exchange) as { allOrNone?: boolean; records?: Sent[] }
  if (!Array.isArray(records)) throw new OrgError('JSON_PARSER_ERROR', 'records are missing')
  if (records.length > MOST_RECORDS)
    throw new OrgError('EXCEEDED_MAX_SIZE_REQUEST', `record limit reached. cannot submit more than ${MOST_RECORDS} records into this call`)
  const all = attempt(() =>
    save(
      call,
      records.map((record) => operation(call, record, method)),
    ),
  )
  if (!(all instanceof OrgError)) return { status: 200, json: all.map((id) => ({ id, success: true, errors: [] })) }
  // One that cannot be saved keeps the others back only where that was asked for.
  const results = records.map((record) => {
    const ids = allOrNone ? all : attempt(() => save(call, [operation(call, record, method)]))
    if (!(ids instanceof OrgError)) return { id: ids[0], success: true, errors: [] }
    return { success: false, errors: [{ statusCode: ids.code, message: ids.message, fields: ids.fields }] }
  })
  return { status: 200, json: results }
}

type Sent = Row & { attributes?: unknown }

function operation(call: Call, { attributes, ...values }: Sent, method: 'PATCH' | 'POST'): Operation {
  const { type } = (attributes ?? {}) as { type?: string }
  if (type === undefined) throw new OrgError('INVALID_TYPE', 'Must send a concrete entity type.')
  const { Id, id = Id, ...fields } = values
  return method === 'PATCH' ? update(call, type, String(id), fields) : insert(call, type, fields)
}

function attempt<Result>(work: () => Result): Result | OrgError {
  try {
    return work()
  } catch (error) {
    if (error instanceof OrgError) return error
    throw error
  }
}

function insert(call: Call, object: string, fields: Row): Operation {
  return { kind: 'insert', object, fields: writable(call, object, fields) }
}

function update(call: Call, object: string, given: string, fields: Row): Operation {
  const id = idOf(given)
  if (object === 'Lead' && call.session.org.table('Lead').get(id)?.IsConverted)
    throw new OrgError('CANNOT_UPDATE_CONVERTED_LEAD', 'cannot reference converted lead')
  return { kind: 'update', object, id, fields: writable(call, object, fields) }
}

/** Saves in one transaction, by the user of the call. Returns the ids. */
function save({ exchange, session }: Call, operations: Operation[]): string[] {
  const { org, user } = session
  if (!user.edits) throw new OrgError('INSUFFICIENT_ACCESS_OR_READONLY', 'insufficient access rights on object id')
  const client = /client=([^,;\s]+)/.exec(header(exchange, 'sforce-call-options'))?.[1] ?? ''
  return org.transact(operations, { by: user.id, client })
}

/** Values under the true names of their fields; refuses fields that the user may not write. */
function writable({ session }: Call, object: string, fields: Row): Row {
  const { org, user } = session
  const named = Object.entries(fields).map(([name, value]) => {
    const field = org.field(object, name)
    if (field === undefined || user.hiddenFields.includes(`${object}.${field.name}`))
      throw new OrgError('INVALID_FIELD', `No such column '${name}' on sobject of type ${object}`, [name])
    if (!field.writable)
      throw new OrgError(
        'INVALID_FIELD_FOR_INSERT_UPDATE',
        `Unable to create/update fields: ${name}. Please check the security settings of this field.`,
        [name],
      )
    return [field.name, value] as const
  })
  return Object.fromEntries(named)
}

// -------------------------------------------------------------------------------------------------- what was changed

/** What lies between `start` and `end`, which are taken to the minute; `backMs` is how far back it may begin. */
function period({ query }: Exchange, org: Org, backMs: number): { from: number; to: number; covered: number } {
  const [from = Number.NaN, to = Number.NaN] = ['start', 'end'].map((name) => Date.parse(query.get(name)?.replace(' ', '+') ?? ''))
  if (Number.isNaN(from) || Number.isNaN(to)) throw new OrgError('INVALID_REPLICATION_DATE', 'start and end have to be dates with a time')
  const minute = (at: number) => Math.floor(at / 60_000) * 60_000
  const now = org.clock()
  if (from < now - backMs) throw new OrgError('INVALID_REPLICATION_DATE', `startDate before ${backMs / DAY_MS} days ago`)
  if (minute(to) <= minute(from)) throw new OrgError('INVALID_REPLICATION_DATE', 'endDate has to be at least one minute after startDate')
  return { from: minute(from), to: minute(to), covered: minute(Math.min(to, now)) }
}

function updated({ exchange, session }: Call, object: string): Answer {
  const { org } = session
  const { from, to, covered } = period(exchange, org, 30 * DAY_MS)
  const within = ({ SystemModstamp: at }: Row) => typeof at === 'number' && at >= from && at < to
  const rows = [...org.table(object).values()].filter((row) => within(row) && sees({ ...session, all: false }, object, row))
  const ids = rows.map(({ Id }) => Id)
  return { status: 200, json: { ids, latestDateCovered: text(covered) } }
}

function deleted({ exchange, session: { org } }: Call, object: string): Answer {
  const { from, to, covered } = period(exchange, org, 15 * DAY_MS)
  const table = org.table(object)
  const within = org.deletions.filter((each) => each.object === object && each.at >= from && each.at < to)
  const gone = within.filter(({ id }) => table.get(id)?.IsDeleted !== false)
  const deletedRecords = gone.map(({ id, at }) => ({ id, deletedDate: text(Math.floor(at / 1000) * 1000) }))
  return { status: 200, json: { deletedRecords, earliestDateAvailable: text(org.clock() - 15 * DAY_MS), latestDateCovered: text(covered) } }
}

const text = (at: number): string => new Date(at).toISOString().replace('Z', '+0000')

// ------------------------------------------------------------------------------------------------------- about the org

function limits(org: Org, user: OrgUser): Answer {
  if (!user.viewSetup)
    return restError(403, 'INSUFFICIENT_ACCESS', 'insufficient access: the user needs the permission View Setup and Configuration')
  const { deliveries, facts, requestsUsed } = org
  const limit = (Max: number, used: number) => ({ Max, Remaining: Math.max(0, Max - used) })
  return {
    status: 200,
    json: {
      ConcurrentAsyncGetReportInstances: limit(200, 0),
      DailyApiRequests: limit(facts.dailyRequests, requestsUsed),
      DailyBulkApiBatches: limit(15_000, 0),
      ...(facts.changeEvents && {
        DailyDeliveredPlatformEvents: limit(deliveries.max, deliveries.used),
        MonthlyPlatformEventsUsageEntitlement: limit(deliveries.max * 30, deliveries.used),
      }),
      DataStorageMB: limit(1024, 1),
    },
  }
}

const versionList = () => versions.map((version) => ({ label: `Release ${version}`, url: `/services/data/v${version}`, version }))
const resources = (root: string) =>
  Object.fromEntries(['sobjects', 'query', 'queryAll', 'limits', 'tooling', 'composite'].map((name) => [name, `${root}/${name}`]))

function counted(org: Org, answer: Answer): Answer {
  return { ...answer, headers: { ...answer.headers, 'sforce-limit-info': `api-usage=${org.requestsUsed}/${org.facts.dailyRequests}` } }
}

function kindOf(parts: string[]): RequestKind {
  const [area, second, third] = parts[0] === 'tooling' ? parts.slice(1) : parts
  if (area === undefined) return 'resources'
  if (area === 'query' || area === 'queryAll') return second === undefined ? 'query' : 'queryMore'
  if (area === 'limits') return 'limits'
  if (area === 'composite') return 'collection'
  if (area !== 'sobjects') return 'unknown'
  if (second === undefined || third === 'describe') return 'describe'
  return third === 'updated' || third === 'deleted' ? third : 'record'
}

function idOf(given: string): string {
  const id = longId(given)
  if (!/^[A-Za-z0-9]{18}$/.test(id)) throw new OrgError('MALFORMED_ID', `malformed id ${given}`)
  return id
}

function bodyOf(exchange: Exchange): Row {
  try {
    return JSON.parse(exchange.body.toString('utf8')) as Row
  } catch {
    throw new OrgError('JSON_PARSER_ERROR', 'the body is no valid JSON')
  }
}

const header = (exchange: Exchange, name: string): string => String(exchange.headers[name] ?? '')
const notFound = (): Answer => restError(404, 'NOT_FOUND', 'The requested resource does not exist')
