/**
 * Pages of rows in the order of an instant, where the next page begins behind the last row: Salesforce's own cursors end after
 * a while, and a restart must find its place again.
 */
import type { CrmClient } from '../connector.ts'
import { lead } from './objects.ts'
import { instant, type QueryOptions, query, queryIfThere, quote, type Row, readInstant, text } from './query.ts'

export const PAGE = 500

/** Behind which row to go on. */
export interface Place {
  at: number
  id: string
}
export interface Pages {
  select: string
  from: string
  /** The field of the instant. */
  by: 'CreatedDate' | 'SystemModstamp'
  since: number
  /** Exclusive. */
  until?: number
  /** Further conditions. */
  where?: string
}

/**
 * One page; `next` is there where more may follow. Where the org does not show the object there is none, but leads have to be
 * there.
 */
export async function readPage(
  client: CrmClient,
  { select, from, by, since, until, where }: Pages,
  place: Place | undefined,
  options?: QueryOptions,
): Promise<{ rows: Row[]; next?: Place }> {
  const conditions = [
    ...(where === undefined ? [] : [where]),
    `${by} >= ${instant(place?.at ?? since)}`,
    ...(until === undefined ? [] : [`${by} < ${instant(until)}`]),
    ...(place === undefined ? [] : [`(${by} > ${instant(place.at)} OR (${by} = ${instant(place.at)} AND Id > ${quote(place.id)}))`]),
  ]
  const soql = `SELECT ${select} FROM ${from} WHERE ${conditions.join(' AND ')} ORDER BY ${by}, Id LIMIT ${PAGE}`
  const rows = from === lead.entity ? await query(client, soql, options) : ((await queryIfThere(client, soql, options)) ?? [])
  const last = rows.length < PAGE ? undefined : rows.at(-1)
  const [at, id] = [readInstant(last?.[by]), text(last?.Id)]
  return { rows, ...(at !== undefined && id !== undefined && { next: { at, id } }) }
}
