/** Questions in SOQL (SOQL and SOSL reference; REST API guide, query and queryAll). */
import { z } from 'zod'
import type { CrmClient } from '../connector.ts'
import { CodedError } from '../errors.ts'
import { readReply } from './errors.ts'
import { root } from './version.ts'

/** One row as it came: field values by API name, those of a parent record in an object of their own. */
export type Row = Readonly<Record<string, unknown>>

const page = z.object({
  done: z.boolean(),
  records: z.array(z.record(z.string(), z.unknown())),
  nextRecordsUrl: z.string().optional(),
})

/** Ids in one list, and the length of a request's address in bytes that Salesforce does not take any more. */
const MOST_IDS = 500
const MOST_BYTES = 16_384
/** What scheme and host add to a path. */
const HOST_BYTES = 300
/** Pages of one question: more than this is a loop. */
const MOST_PAGES = 1_000

export interface QueryOptions {
  /** Deleted and merged records, too. */
  all?: boolean
  /** Ask what only tooling knows. */
  tooling?: boolean
  /** The limit against which the requests count. */
  bucket?: string
}

/** All rows that a question yields, page by page. */
export async function query(client: CrmClient, soql: string, options: QueryOptions = {}): Promise<Row[]> {
  const rows: Row[] = []
  let url: string | undefined = addressOf(soql, options)
  for (let pages = 0; url !== undefined && pages < MOST_PAGES; pages++) {
    const { body } = await client.request({ method: 'GET', url, bucket: options.bucket })
    const { done, records, nextRecordsUrl } = readReply(page, body)
    rows.push(...records)
    url = done ? undefined : nextPath(nextRecordsUrl)
  }
  return rows
}

/** The same, where the org may not have the object, or not show it to the user (a history, say): then undefined. */
export async function queryIfThere(client: CrmClient, soql: string, options: QueryOptions = {}): Promise<Row[] | undefined> {
  try {
    return await query(client, soql, options)
  } catch (error) {
    if (error instanceof CodedError && ['unknown_object', 'forbidden', 'not_found'].includes(error.code)) return undefined
    throw error
  }
}

/**
 * Asks about many records, with the ids cut into lists that fit into requests, side by side.
 * @param soql the question with a list of ids, for example `SELECT Id FROM Lead WHERE Id IN ${list}`
 * @param ask asks one question
 */
export async function queryByIds<T>(
  ids: readonly string[],
  soql: (list: string) => string,
  ask: (soql: string) => Promise<T>,
): Promise<T[]> {
  const room = MOST_BYTES - HOST_BYTES - addressOf(soql(''), { all: true, tooling: true }).length
  const size = Math.max(1, Math.min(MOST_IDS, Math.floor(room / BYTES_PER_ID)))
  const lists = Array.from({ length: Math.ceil(ids.length / size) }, (_, index) => ids.slice(index * size, (index + 1) * size))
  return Promise.all(lists.map((list) => ask(soql(`(${list.map(quote).join(',')})`))))
}

/** Text as SOQL takes it, with what would end it or mean something else escaped (SOQL, quoted string escape sequences). */
export const quote = (text: string): string =>
  `'${text
    .replace(/[\\'"]/g, '\\$&')
    .replace(/\n/g, '\\n')
    .replace(/\r/g, '\\r')}'`
/** An id in quotes and a comma, percent-encoded. */
const BYTES_PER_ID = '%27001234567890123AAA%27%2C'.length

/** An instant (ms) as SOQL takes it. */
export const instant = (at: number): string => new Date(at).toISOString()

/** An instant as Salesforce gives it, in milliseconds; undefined for what is none. */
export function readInstant(value: unknown): number | undefined {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(at) ? undefined : at
}

/** A value's text; undefined if it is absent or blank. */
export function text(value: unknown): string | undefined {
  const plain = typeof value === 'string' ? value.trim() : typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
  return plain === '' ? undefined : plain
}

/** Quotes are encoded as URL parsers do it, so that the address is as long as it seems. */
function addressOf(soql: string, { all, tooling }: QueryOptions): string {
  return `${root}${tooling ? '/tooling' : ''}/query${all ? 'All' : ''}?q=${encodeURIComponent(soql).replaceAll("'", '%27')}`
}

/** The address of the next page comes from outside: it has to be one of the same API. */
function nextPath(url: string | undefined): string {
  if (url !== undefined && /^\/services\/data\/v\d{1,3}\.\d\/(?:tooling\/)?query(?:All)?\/[\w-]{1,100}$/.test(url)) return url
  throw new CodedError({
    code: 'unreadable_answer',
    retry: 'later',
    scope: 'batch',
    userText: 'Salesforce gave an answer that cannot be read. It is tried again.',
    message: 'unreadable_answer: the next page has no address below the API',
  })
}
