import type { Crm, CrmRecord } from './crm.ts'
import { type ObjectType, objectType } from './object-types.ts'

interface Filter {
  propertyName: string
  operator: string
  value?: string
  values?: string[]
  highValue?: string
}
export interface SearchRequest {
  filterGroups?: { filters?: Filter[] }[]
  sorts?: (string | { propertyName: string; direction?: string })[]
  properties?: string[]
  limit?: number
  after?: string | number
  query?: string
}

const operators = new Set(
  'EQ NEQ LT LTE GT GTE BETWEEN IN NOT_IN HAS_PROPERTY NOT_HAS_PROPERTY CONTAINS_TOKEN NOT_CONTAINS_TOKEN'.split(' '),
)

/** Why HubSpot would refuse this search (search guide), or undefined. `bytes` is the size of the body. */
export function refuseSearch(request: SearchRequest, bytes: number): string | undefined {
  const groups = request.filterGroups ?? []
  const filters = groups.flatMap((group) => group.filters ?? [])
  if (bytes > 3000) return 'the body is longer than 3000 characters'
  if (groups.length > 5) return 'more than 5 filter groups'
  if (groups.some((group) => (group.filters?.length ?? 0) > 6)) return 'more than 6 filters in a group'
  if (filters.length > 18) return 'more than 18 filters'
  if ((request.sorts?.length ?? 0) > 1) return 'more than one sort'
  const limit = request.limit ?? 10
  if (!Number.isInteger(limit) || limit < 0 || limit > 200) return 'limit has to lie between 0 and 200'
  const after = Number(request.after ?? 0)
  if (!Number.isInteger(after) || after < 0) return 'after is no paging cursor'
  if (after + limit > 10_000) return 'no more than 10000 results can be paged through'
  for (const filter of filters) {
    if (!operators.has(filter.operator)) return `unknown operator ${filter.operator}`
    if (filter.operator.endsWith('IN') && !Array.isArray(filter.values)) return `${filter.operator} needs values`
    if (filter.operator === 'BETWEEN' && (filter.value === undefined || filter.highValue === undefined))
      return 'BETWEEN needs value and highValue'
  }
  return undefined
}

/** The records that match, sorted. `visible` hides what the index has not seen yet. */
export function search(crm: Crm, type: ObjectType, request: SearchRequest, visible: (record: CrmRecord) => boolean): CrmRecord[] {
  const groups = request.filterGroups ?? []
  const found = crm.list(type).filter((record) => {
    if (!visible(record)) return false
    if (request.query !== undefined && !matchesQuery(crm, record, request.query)) return false
    return groups.length === 0 || groups.some((group) => (group.filters ?? []).every((filter) => matches(crm, record, filter)))
  })
  const sort = request.sorts?.[0]
  if (sort === undefined) return found
  const name = typeof sort === 'string' ? sort.replace(/^-/, '') : sort.propertyName
  const down = typeof sort === 'string' ? sort.startsWith('-') : sort.direction === 'DESCENDING'
  return found.sort((a, b) => compare(crm.value(a, name) ?? '', crm.value(b, name) ?? '') * (down ? -1 : 1))
}

function matchesQuery(crm: Crm, record: CrmRecord, query: string): boolean {
  return ['email', 'firstname', 'lastname', 'phone', 'dealname', 'name', 'hs_lead_name'].some((name) =>
    crm.value(record, name)?.toLowerCase().includes(query.toLowerCase()),
  )
}

function matches(crm: Crm, record: CrmRecord, filter: Filter): boolean {
  const linked = /^associations\.(.+)$/.exec(filter.propertyName)?.[1]
  if (linked !== undefined) {
    const to = objectType(linked)
    return to !== undefined && crm.associated(record.type, record.id, to).some(([id]) => id === String(filter.value))
  }
  const value = crm.value(record, filter.propertyName)
  if (filter.operator === 'HAS_PROPERTY') return value !== null
  if (filter.operator === 'NOT_HAS_PROPERTY') return value === null
  if (filter.operator === 'NEQ') return value === null || compare(value, String(filter.value)) !== 0
  if (filter.operator === 'NOT_IN')
    return value === null || !filter.values?.some((wanted) => wanted === value.toLowerCase() || wanted === value)
  if (filter.operator === 'NOT_CONTAINS_TOKEN') return value === null || !hasToken(value, String(filter.value))
  if (value === null) return false
  const order = compare(value, String(filter.value))
  switch (filter.operator) {
    case 'EQ':
      return order === 0
    case 'LT':
      return order < 0
    case 'LTE':
      return order <= 0
    case 'GT':
      return order > 0
    case 'GTE':
      return order >= 0
    case 'BETWEEN':
      return order >= 0 && compare(value, String(filter.highValue)) <= 0
    case 'IN':
      return filter.values?.some((wanted) => wanted === value.toLowerCase() || wanted === value) ?? false
    default:
      return hasToken(value, String(filter.value))
  }
}

function hasToken(value: string, token: string): boolean {
  const pattern = token.toLowerCase().replaceAll('*', '')
  const words = value.toLowerCase().split(/[\s@.,;_-]+/)
  return token.includes('*') ? value.toLowerCase().includes(pattern) : words.includes(pattern) || value.toLowerCase() === pattern
}

/** Instants compare as milliseconds whether they are written as ISO text or as a number. */
function compare(a: string, b: string): number {
  const [left, right] = [comparable(a), comparable(b)]
  if (typeof left === 'number' && typeof right === 'number') return left - right
  return a.toLowerCase() < b.toLowerCase() ? -1 : a.toLowerCase() > b.toLowerCase() ? 1 : 0
}

function comparable(value: string): number | string {
  if (/^-?\d{1,15}(\.\d+)?$/.test(value)) return Number(value)
  return /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : value
}
