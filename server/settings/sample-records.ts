/** Real records of an account, as its CRM shows them just now: for settings that are tried out before they are saved. */
import { sql } from 'kysely'
import type { RecordRef, RecordSnapshot } from '../../connectors/connector.ts'
import type { Connection, Connections } from '../connections/connections.ts'
import { refKey } from '../resolve/gather.ts'
import { lookup } from '../resolve/lookup.ts'
import type { Caller } from './caller.ts'
import { findLiveConnection } from './find.ts'
import { problem } from './problem.ts'

export interface Sampled {
  connection: Connection
  /** The records that were asked about, those that are there. */
  records: RecordSnapshot[]
  /** The persons behind them, each once. */
  people: RecordSnapshot[]
}

export interface SampleOptions {
  /** At most so many records. */
  limit: number
  /** CRM fields to read beside those that the rules of the connection look at. */
  fields?: readonly string[]
  /** This record instead of the latest. */
  ref?: RecordRef
  /** Also read how each came to its stages. */
  history?: boolean
}

/**
 * The latest records that are known, or, where none is, that the CRM's history of the last week shows. Throws `CodedError`:
 * `connection_unknown`, `connection_removed`, `not_askable` (the CRM shows records only when they change), what the CRM throws.
 */
export async function sampleRecords(
  caller: Caller,
  id: number,
  connections: Connections,
  { limit, fields = [], ref, history = false }: SampleOptions,
): Promise<Sampled> {
  await findLiveConnection(caller, id)
  const connection = await connections.get(id)
  const { connector } = connection
  if (connector.lookup === undefined)
    throw problem('not_askable', 'This system cannot be asked for its records; it shows them when they change.')
  const context = { ...connection.context, ruleFields: [...new Set([...connection.context.ruleFields, ...fields])] }
  const known = ref === undefined ? await latestRecords(caller, id, limit) : [ref]
  const refs = known.length > 0 ? known : (await changedLately(connection, limit)).slice(0, limit)
  const { snapshots, failed } = await lookup(
    connector,
    context,
    refs.map((one) => ({ ref: one, history })),
  )
  if (failed !== undefined) throw failed
  const records = refs.flatMap((one) => snapshots.get(refKey(one)) ?? []).filter(({ found }) => found)
  const people = new Map(
    records
      .map((record) => (record.person === undefined ? record : snapshots.get(refKey(record.person))))
      .flatMap((person) => (person?.found === true ? [[refKey(person.ref), person] as const] : [])),
  )
  return { connection, records, people: [...people.values()] }
}

async function latestRecords({ db }: Caller, id: number, limit: number): Promise<RecordRef[]> {
  const { rows } = await sql<RecordRef>`
    select type, record_id as id from record r where connection_id = ${id} and state = 'live' order by r.id desc limit ${limit}`.execute(db)
  return rows
}

const WEEK_MS = 7 * 86_400_000

/** Before its first route a connection has handled nothing. */
async function changedLately({ connector, context }: Connection, limit: number): Promise<RecordRef[]> {
  const now = Date.now()
  const page = await connector.history?.(context, { from: now - WEEK_MS, to: now }, undefined)
  const signals = connector.normalise(page?.changes.slice(0, limit) ?? [])
  return [...new Map(signals.map(({ ref }) => [refKey(ref), ref])).values()]
}
