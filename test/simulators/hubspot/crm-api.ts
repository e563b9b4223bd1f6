import type { Answer, Exchange } from '../listen.ts'
import { type Crm, CrmError, type CrmRecord, type Source } from './crm.ts'
import { leadToPrimaryContact, type ObjectType, objectType } from './object-types.ts'
import { crmError, missingScopes, validationError } from './replies.ts'
import { refuseSearch, type SearchRequest, search } from './search.ts'

/** A CRM call taken apart; `v3` and `v4` paths are older names of the same calls. */
export interface CrmCall {
  area: 'objects' | 'associations' | 'properties' | 'pipelines'
  version: string
  rest: string[]
}
type Body = Record<string, unknown>
interface Wanted {
  properties: string[]
  propertiesWithHistory: string[]
}

const api: Source = { changeSource: 'INTEGRATION', sourceId: '4004' }

/** Recognises the path of a CRM call, or undefined. */
export function readCrmCall(path: string): CrmCall | undefined {
  const parts = path.split('/').filter((part) => part !== '')
  if (parts[0] !== 'crm') return undefined
  const dated = /^2026-0[39]$/.test(parts[2] ?? '')
  const [area, version] = dated ? [parts[1], parts[2]] : [parts[2], parts[1]]
  if (!dated && version !== 'v3' && version !== 'v4') return undefined
  if (area !== 'objects' && area !== 'associations' && area !== 'properties' && area !== 'pipelines') return undefined
  return { area, version: version as string, rest: parts.slice(3) }
}

/** Answers an authorised CRM call by the rules of the CRM's own documentation. */
export function answerCrmCall(
  call: CrmCall,
  exchange: Exchange,
  account: { crm: Crm; scopes: string[]; searchLagMs: number; url: string },
): Answer {
  const { crm, scopes } = account
  const { rest } = call
  const type = objectType(rest[0] ?? '')
  if (type === undefined) return validationError(`unable to infer object type from: ${rest[0]}`)
  const body = readBody(exchange)
  if (body === undefined) return validationError('the body is no valid JSON object')
  const needs = (...any: string[]): Answer | undefined => (any.some((scope) => scopes.includes(scope)) ? undefined : missingScopes(any))
  const read = (of: ObjectType) => needs(`crm.objects.${of.name}.read`)
  const write = (of: ObjectType) => needs(`crm.objects.${of.name}.write`)
  const [, second, third, fourth] = rest
  const method = exchange.method

  try {
    switch (call.area) {
      case 'pipelines':
        return read(type) ?? pipelines()
      case 'properties':
        return method === 'GET'
          ? (needs(`crm.schemas.${type.name}.read`, `crm.objects.${type.name}.read`) ?? readProperties())
          : (needs(`crm.schemas.${type.name}.write`) ?? writeProperties())
      case 'associations':
        return associations()
      case 'objects':
        return objects()
    }
  } catch (error) {
    if (error instanceof CrmError) return answerError(error)
    throw error
  }

  function objects(): Answer {
    const of = type as ObjectType
    if (method === 'POST' && second === 'search') return read(of) ?? answerSearch()
    if (method === 'POST' && second === 'batch' && third === 'read') return read(of) ?? batchRead()
    if (method === 'POST' && second === 'batch') return write(of) ?? batchWrite()
    if (method === 'POST' && second === 'merge') return write(of) ?? merge()
    if (method === 'POST' && second === 'gdpr-delete') return write(of) ?? erase()
    if (method === 'POST' && second === undefined) return write(of) ?? create(body as Body)
    if (method === 'GET' && second === undefined) return read(of) ?? list()
    // The single-record list of associations is in the v4 and 2026-03 documents only.
    if (method === 'GET' && third === 'associations' && fourth !== undefined && call.version !== '2026-09') return linksOf(fourth)
    if (second === undefined || third !== undefined) return crmError(404, 'OBJECT_NOT_FOUND', 'no such call')
    if (method === 'GET') return read(of) ?? getOne(second)
    if (method === 'PATCH')
      return write(of) ?? { status: 200, json: render(crm.update(of, idOf(second), properties(body), { source: api }), all()) }
    if (method === 'DELETE') return write(of) ?? remove(second)
    return crmError(405, 'METHOD_NOT_ALLOWED', 'this method is not allowed here')
  }

  function all(): Wanted {
    return { properties: [], propertiesWithHistory: [] }
  }

  function asked(): Wanted {
    const names = (key: string) => exchange.query.getAll(key).flatMap((value) => value.split(',').filter((name) => name !== ''))
    return { properties: names('properties'), propertiesWithHistory: names('propertiesWithHistory') }
  }

  function idOf(given: string): string {
    const name = exchange.query.get('idProperty')
    return name === null ? given : (byProperty(name, given)?.id ?? given)
  }

  function byProperty(name: string, value: string): CrmRecord | undefined {
    return crm.list(type as ObjectType).find((record) => crm.value(record, name)?.toLowerCase() === value.toLowerCase())
  }

  function getOne(given: string): Answer {
    const record = crm.find(type as ObjectType, idOf(given), exchange.query.get('archived') === 'true')
    if (record === undefined) return crmError(404, 'OBJECT_NOT_FOUND', 'resource not found')
    return { status: 200, json: { ...render(record, asked()), ...associationsOf(record) } }
  }

  function associationsOf(record: CrmRecord): Body {
    const wanted = exchange.query.getAll('associations').flatMap((value) => value.split(','))
    const found: Body = {}
    for (const to of wanted.map(objectType)) {
      if (to === undefined) continue
      const results = crm.associated(record.type, record.id, to).flatMap(([id, types]) =>
        types.map(({ label }) => ({
          id,
          type: `${record.type.singular}_to_${to.singular}${label === null ? '' : `_${label.toLowerCase()}`}`,
        })),
      )
      if (results.length > 0) found[to.name] = { results }
    }
    return Object.keys(found).length > 0 ? { associations: found } : {}
  }

  function list(): Answer {
    const wanted = asked()
    const limit = Number(exchange.query.get('limit') ?? 10)
    const ceiling = wanted.propertiesWithHistory.length > 0 ? 50 : 100
    if (!(limit >= 1 && limit <= ceiling)) return validationError(`limit has to lie between 1 and ${ceiling}`)
    const records = crm.list(type as ObjectType, exchange.query.get('archived') === 'true').sort((a, b) => Number(a.id) - Number(b.id))
    const after = exchange.query.get('after')
    const start = after === null ? 0 : records.findIndex((record) => Number(record.id) >= Number(after))
    const page = start < 0 ? [] : records.slice(start, start + limit)
    const next = start < 0 ? undefined : records[start + limit]
    const results = page.map((record) => ({ ...render(record, wanted), ...associationsOf(record) }))
    const link = next && `${account.url}${exchange.path}?after=${next.id}&limit=${limit}`
    return { status: 200, json: { results, ...(next === undefined ? {} : { paging: { next: { after: next.id, link } } }) } }
  }

  function batchRead(): Answer {
    const { inputs, properties: names, propertiesWithHistory: histories, idProperty } = body as Body
    const missing = ['inputs', 'properties', 'propertiesWithHistory'].filter((key) => !Array.isArray((body as Body)[key]))
    if (missing.length > 0) return validationError(`required fields were not set: [${missing.join(', ')}]`)
    const wanted = { properties: names as string[], propertiesWithHistory: histories as string[] }
    const ids = [...new Set((inputs as { id: unknown }[]).map((input) => String(input.id)))]
    const ceiling = wanted.propertiesWithHistory.length > 0 ? 50 : 100
    if ((inputs as unknown[]).length > ceiling) return validationError(`a batch holds at most ${ceiling} inputs here`)
    const archived = exchange.query.get('archived') === 'true'
    const find = (id: string) => (typeof idProperty === 'string' ? byProperty(idProperty, id) : crm.find(type as ObjectType, id, archived))
    return batchAnswer(
      ids,
      (id) => {
        const record = find(id)
        return record === undefined ? undefined : render(record, wanted)
      },
      200,
    )
  }

  function batchAnswer(ids: string[], one: (id: string) => unknown, status: number): Answer {
    const startedAt = new Date().toISOString()
    const results: unknown[] = []
    const lost: string[] = []
    for (const id of ids) {
      const result = one(id)
      if (result === undefined) lost.push(id)
      else results.push(result)
    }
    const done = { status: 'COMPLETE', results, startedAt, completedAt: new Date().toISOString() }
    if (lost.length === 0) return { status, json: done }
    const message = `some ${(type as ObjectType).name} do not exist or were deleted`
    const errors = [{ status: 'error', category: 'OBJECT_NOT_FOUND', message, context: { ids: lost } }]
    return { status: 207, json: { ...done, numErrors: errors.length, errors } }
  }

  function batchWrite(): Answer {
    const of = type as ObjectType
    const inputs = (body as Body).inputs
    if (!Array.isArray(inputs)) return validationError('required fields were not set: [inputs]')
    if (inputs.length > 100) return validationError('a batch holds at most 100 inputs')
    const byId = new Map(inputs.map((input: Body, index) => [String(input.id ?? index), input]))
    switch (third) {
      case 'create':
        return batchAnswer([...byId.keys()], (id) => (create(byId.get(id) as Body) as { json: unknown }).json, 201)
      case 'archive':
        for (const id of byId.keys()) if (crm.find(of, id) !== undefined) crm.remove(of, id, { source: api })
        return { status: 204 }
      case 'update':
        return batchAnswer([...byId.keys()], (id) => write1(id, byId.get(id) as Body), 200)
      case 'upsert':
        return batchAnswer([...byId.keys()], (id) => upsert1(id, byId.get(id) as Body), 200)
      default:
        return crmError(404, 'OBJECT_NOT_FOUND', 'no such call')
    }
  }

  function write1(id: string, input: Body): unknown {
    const of = type as ObjectType
    const known = typeof input.idProperty === 'string' ? byProperty(input.idProperty, id)?.id : id
    if (known === undefined || crm.find(of, known) === undefined) return undefined
    return render(crm.update(of, known, properties(input), { source: api }), all())
  }

  function upsert1(id: string, input: Body): unknown {
    const written = write1(id, input)
    if (written !== undefined) return { ...(written as Body), new: false }
    const name = String(input.idProperty ?? 'email')
    const record = crm.create(type as ObjectType, { ...properties(input), [name]: id }, { source: api })
    return { ...render(record, all()), new: true }
  }

  function create(input: Body): Answer {
    const of = type as ObjectType
    const links = Array.isArray(input.associations)
      ? (input.associations as { to: { id: unknown }; types: { associationTypeId: number }[] }[])
      : []
    if (of.name === 'leads' && links.length === 0) return validationError('a lead has to be associated with a contact')
    const given = properties(input)
    const email = given.email
    const twin = of.name === 'contacts' && typeof email === 'string' ? byProperty('email', email) : undefined
    if (twin !== undefined) return crmError(409, 'CONFLICT', `contact already exists, existing ID: ${twin.id}`)
    const record = crm.create(of, given, { source: api })
    for (const link of links)
      for (const name of ['contacts', 'companies', 'deals', 'leads']) {
        const to = objectType(name) as ObjectType
        const id = String(link.to.id)
        const primary = link.types.some((each) => each.associationTypeId === leadToPrimaryContact)
        if (crm.find(to, id) !== undefined) crm.associate({ type: of, id: record.id }, { type: to, id }, { primary, source: api })
      }
    return { status: 201, json: render(record, all()) }
  }

  function properties(input: Body | undefined): Record<string, string | null> {
    const given = input?.properties
    if (typeof given !== 'object' || given === null) throw new CrmError('VALIDATION_ERROR', 'required fields were not set: [properties]')
    for (const [name, value] of Object.entries(given)) {
      const definition = crm.properties.get((type as ObjectType).name)?.get(name)
      if (definition?.type !== 'enumeration' || value === '' || value === null) continue
      if (!definition.options.some((option) => option.value === value))
        throw new CrmError('INVALID_OPTION', `${value} is no option of ${name}`, { propertyName: [name] })
    }
    return given as Record<string, string | null>
  }

  function remove(id: string): Answer {
    if (crm.find(type as ObjectType, id) !== undefined) crm.remove(type as ObjectType, id, { source: api })
    return { status: 204 }
  }

  function merge(): Answer {
    const { primaryObjectId, objectIdToMerge } = body as Body
    const survivor = crm.merge(type as ObjectType, String(primaryObjectId), [String(objectIdToMerge)], { source: api })
    return { status: 200, json: render(survivor, all()) }
  }

  function erase(): Answer {
    const { objectId, idProperty } = body as Body
    const id = typeof idProperty === 'string' ? byProperty(idProperty, String(objectId))?.id : String(objectId)
    if (id !== undefined && crm.find(type as ObjectType, id) !== undefined) crm.erase(type as ObjectType, id, { source: api })
    return { status: 204 }
  }

  function answerSearch(): Answer {
    const request = body as SearchRequest
    const refusal = refuseSearch(request, exchange.body.length)
    if (refusal !== undefined) return validationError(refusal)
    const indexed = Date.now() - account.searchLagMs
    const found = search(crm, type as ObjectType, request, (record) => account.searchLagMs === 0 || record.writtenAt <= indexed)
    const start = Number(request.after ?? 0)
    const end = start + (request.limit ?? 10)
    const wanted = { properties: request.properties ?? [], propertiesWithHistory: [] }
    const results = found.slice(start, end).map((record) => render(record, wanted))
    const paging = end < found.length ? { paging: { next: { after: String(end) } } } : {}
    return { status: 200, json: { total: found.length, results, ...paging } }
  }

  function render(record: CrmRecord, wanted: Wanted): Body {
    const { type: of } = record
    const created = of.name === 'leads' ? 'hs_createdate' : 'createdate'
    const names = wanted.properties.length > 0 ? [...wanted.properties, created, 'hs_object_id', of.modified] : of.shown
    const defined = (list: string[]) => list.filter((name) => crm.properties.get(of.name)?.has(name))
    const rendered: Body = {
      id: record.id,
      properties: Object.fromEntries(defined(names).map((name) => [name, crm.value(record, name)])),
      createdAt: new Date(record.createdAt).toISOString(),
      updatedAt: new Date(record.updatedAt).toISOString(),
      archived: record.archived,
    }
    if (record.archivedAt !== undefined) rendered.archivedAt = new Date(record.archivedAt).toISOString()
    if (wanted.propertiesWithHistory.length > 0)
      rendered.propertiesWithHistory = Object.fromEntries(
        defined(wanted.propertiesWithHistory).map((name) => [name, record.history.get(name) ?? []]),
      )
    return rendered
  }

  function associations(): Answer {
    const from = type as ObjectType
    const to = objectType(second ?? '')
    if (to === undefined) return validationError(`unable to infer object type from: ${second}`)
    const denied = read(from) ?? read(to)
    if (denied !== undefined) return denied
    if (method !== 'POST' || third !== 'batch' || fourth !== 'read') return crmError(404, 'OBJECT_NOT_FOUND', 'no such call')
    const inputs = (body as Body).inputs
    if (!Array.isArray(inputs)) return validationError('required fields were not set: [inputs]')
    if (inputs.length > 1000) return validationError('a batch holds at most 1000 inputs')
    return batchAssociations(from, to, inputs)
  }

  function batchAssociations(from: ObjectType, to: ObjectType, inputs: { id: unknown; after?: string }[]): Answer {
    const results: unknown[] = []
    const errors: unknown[] = []
    for (const input of inputs) {
      const id = String(input.id)
      const links = crm.associated(from, id, to)
      if (links.length > 0) {
        const start = Number(input.after ?? 0)
        const paging = start + 500 < links.length ? { paging: { next: { after: String(start + 500) } } } : {}
        results.push({ from: { id }, to: renderLinks(links.slice(start, start + 500)), ...paging })
      } else
        errors.push({
          status: 'error',
          category: 'OBJECT_NOT_FOUND',
          subCategory: 'crm.associations.NO_ASSOCIATIONS_FOUND',
          message: `no ${to.singular} is associated with ${from.singular} ${id}`,
          context: { fromObjectId: [id], fromObjectType: [from.singular], toObjectType: [to.singular] },
        })
    }
    const now = new Date().toISOString()
    const done = { status: 'COMPLETE', results, startedAt: now, completedAt: now }
    return errors.length === 0 ? { status: 200, json: done } : { status: 207, json: { ...done, numErrors: errors.length, errors } }
  }

  /** Ids are text in the dated documents and integers in v4. */
  function renderLinks(links: ReturnType<Crm['associated']>): unknown[] {
    return links.map(([id, types]) => ({ toObjectId: call.version === 'v4' ? Number(id) : id, associationTypes: types }))
  }

  function linksOf(name: string): Answer {
    const from = type as ObjectType
    const to = objectType(name)
    if (to === undefined) return validationError(`unable to infer object type from: ${name}`)
    const denied = read(from) ?? read(to)
    if (denied !== undefined) return denied
    if (crm.find(from, second ?? '') === undefined) return crmError(404, 'OBJECT_NOT_FOUND', 'resource not found')
    return { status: 200, json: { results: renderLinks(crm.associated(from, second ?? '', to)) } }
  }

  function pipelines(): Answer {
    const known = crm.pipelines.get((type as ObjectType).name) ?? []
    if (method !== 'GET') return crmError(405, 'METHOD_NOT_ALLOWED', 'this method is not allowed here')
    const stamped = known.map((each) => ({ ...each, ...stamps, stages: each.stages.map((stage) => ({ ...stage, ...stamps })) }))
    if (second === undefined) return { status: 200, json: { results: stamped } }
    const one = stamped.find((each) => each.id === second)
    if (one === undefined) return crmError(404, 'OBJECT_NOT_FOUND', 'resource not found')
    return { status: 200, json: third === 'stages' ? { results: one.stages } : one }
  }

  function readProperties(): Answer {
    const of = type as ObjectType
    if (second === 'groups') {
      const groups = crm.groups.get(of.name)
      if (third === undefined) return { status: 200, json: { results: [...(groups?.values() ?? [])] } }
      const group = groups?.get(third)
      return group === undefined ? crmError(404, 'OBJECT_NOT_FOUND', 'no such group') : { status: 200, json: group }
    }
    const known = crm.properties.get(of.name)
    if (second === undefined) return { status: 200, json: { results: [...(known?.values() ?? [])] } }
    const one = known?.get(second)
    return one === undefined ? crmError(404, 'OBJECT_NOT_FOUND', `no property ${second}`) : { status: 200, json: one }
  }

  function writeProperties(): Answer {
    const of = type as ObjectType
    const given = body as Body
    if (method !== 'POST') return crmError(405, 'METHOD_NOT_ALLOWED', 'this method is not allowed here')
    const required = second === 'groups' ? ['name', 'label'] : ['name', 'label', 'type', 'fieldType', 'groupName']
    const missing = required.filter((key) => typeof given[key] !== 'string')
    if (missing.length > 0) return validationError(`required fields were not set: [${missing.join(', ')}]`)
    const name = given.name as string
    if (!/^[a-z][a-z0-9_]*$/.test(name)) return validationError('names are lower-case letters, digits and underscores')
    const exists = () => crmError(409, 'OBJECT_ALREADY_EXISTS', `${name} exists already`)
    const groups = crm.groups.get(of.name) as NonNullable<ReturnType<typeof crm.groups.get>>
    if (second === 'groups') {
      if (groups.has(name)) return exists()
      const group = { name, label: given.label as string, displayOrder: Number(given.displayOrder ?? -1), archived: false }
      groups.set(name, group)
      return { status: 201, json: group }
    }
    if (crm.properties.get(of.name)?.has(name)) return exists()
    if (!groups.has(given.groupName as string)) return validationError(`no property group ${given.groupName}`)
    return { status: 201, json: { ...crm.defineProperty(of, given as { name: string }), archived: false, ...stamps } }
  }
}

const stamps = { createdAt: '2026-01-01T00:00:00.000Z', updatedAt: '2026-01-01T00:00:00.000Z' }

function readBody(exchange: Exchange): Body | undefined {
  if (exchange.body.length === 0) return {}
  try {
    const parsed: unknown = JSON.parse(exchange.body.toString('utf8'))
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? (parsed as Body) : undefined
  } catch {
    return undefined
  }
}

function answerError(error: CrmError): Answer {
  if (error.code === 'OBJECT_NOT_FOUND') return crmError(404, 'OBJECT_NOT_FOUND', 'resource not found')
  if (error.code === 'CONFLICT') return crmError(409, 'CONFLICT', error.message)
  return crmError(400, 'VALIDATION_ERROR', error.message, {
    errors: [{ message: error.message, code: error.code, context: error.context }],
  })
}
